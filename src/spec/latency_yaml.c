/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/latency_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "spec/yaml_doc.h"

static const struct spec_kind kind = {
	.what = "file of latencies",
	.grammar = "not YAML",
	.most = SPEC_MAX_BYTES,
};

struct latency_reader {
	struct spec_doc doc;
	spec_latency_find *find;
	struct spec_latency *ret;
	struct mig_error *reterr;
};

/* "250us", "1.5ms", "1s", "0": nanoseconds, so that halves of a microsecond are rounded. */
static bool time_ns(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	size_t n = strspn(text, "0123456789.");
	char number[32];
	int64_t value;

	if (!n || n >= sizeof(number))
		return false;
	memcpy(number, text, n);
	number[n] = '\0';
	if (!spec_decimal(number, 3, &value))
		return false;
	if (!text[n]) {
		*ret = 0;
		return value == 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(units[i].unit, text + n)) {
			*ret = value > INT64_MAX / units[i].ns ? INT64_MAX
							       : value * units[i].ns / 1000;
			return true;
		}
	return false;
}

static int read_time(struct latency_reader *rd, const yaml_node_t *node, uint32_t *ret_us)
{
	const char *text = spec_scalar(node);
	int64_t ns;

	if (!text || !time_ns(text, &ns))
		return spec_fail(
			&rd->doc, spec_mark_of(node), rd->reterr,
			"a time is a number with ns, us, ms or s, such as 250us, not '%.40s'",
			text ? text : "");
	if (ns > SPEC_LATENCY_MAX_S * INT64_C(1000000000))
		return spec_fail(&rd->doc, spec_mark_of(node), rd->reterr,
				 "'%.40s' is too long: at most %ds", text, SPEC_LATENCY_MAX_S);
	*ret_us = (uint32_t)((ns + 500) / 1000);
	return 0;
}

static bool figure_key(const void *arg, const char *key)
{
	(void)arg;
	return !strcmp(key, "time") || !strcmp(key, "source") || !strcmp(key, "unconfirmed");
}

static int read_source(struct latency_reader *rd, const yaml_node_t *map,
		       struct spec_latency_figure *ret)
{
	const yaml_node_t *source = spec_get(&rd->doc, map, "source");
	const yaml_node_t *unconfirmed = spec_get(&rd->doc, map, "unconfirmed");
	const char *text;

	if (source) {
		text = spec_scalar(source);
		if (!text || strlen(text) >= sizeof(ret->source))
			return spec_fail(&rd->doc, spec_mark_of(source), rd->reterr,
					 "a source is a text of less than %zu characters",
					 sizeof(ret->source));
		snprintf(ret->source, sizeof(ret->source), "%s", text);
	}
	if (unconfirmed) {
		text = spec_scalar(unconfirmed);
		if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
			return spec_fail(&rd->doc, spec_mark_of(unconfirmed), rd->reterr,
					 "unconfirmed is true or false");
		ret->unconfirmed = !strcmp(text, "true");
	}
	return 0;
}

static int read_figure(struct latency_reader *rd, const yaml_node_t *node, const char *key,
		       struct spec_latency_figure *ret)
{
	const yaml_node_t *time;
	int r;

	if (node->type != YAML_MAPPING_NODE)
		return read_time(rd, node, &ret->us);
	r = spec_check_map(&rd->doc, node, key, figure_key, NULL, rd->reterr);
	if (r < 0)
		return r;
	time = spec_get(&rd->doc, node, "time");
	if (!time)
		return spec_fail(&rd->doc, spec_mark_of(node), rd->reterr,
				 "%.60s lacks 'time: 250us'", key);
	r = read_time(rd, time, &ret->us);
	return r < 0 ? r : read_source(rd, node, ret);
}

static int read_pair(struct latency_reader *rd, const yaml_node_t *key, const yaml_node_t *value)
{
	const char *word = spec_scalar(key);
	bool own = strncmp(word, "group:", 6) != 0;
	struct spec_latency_figure figure = { .given = true, .own = own };
	uint64_t calls[SPEC_LATENCY_WORDS] = { 0 };
	struct mig_error why = { 0 };
	int r = rd->find(word, calls, &why);

	if (r < 0)
		return spec_fail(&rd->doc, spec_mark_of(key), rd->reterr, "%s", why.msg);
	r = read_figure(rd, value, word, &figure);
	for (unsigned i = 0; i < SPEC_LATENCY_CALLS && r >= 0; i++)
		if ((calls[i / 64] >> i % 64 & 1) && (own || !rd->ret->call[i].own))
			rd->ret->call[i] = figure;
	return r;
}

static bool any_key(const void *arg, const char *key)
{
	(void)arg;
	return key[0] != '\0';
}

static int read_all(struct latency_reader *rd)
{
	const yaml_node_t *root = spec_root(&rd->doc);
	int r = spec_check_map(&rd->doc, root, "the file", any_key, NULL, rd->reterr);

	if (r < 0)
		return r;
	for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top && r >= 0; p++)
		r = read_pair(rd, spec_node(&rd->doc, p->key), spec_node(&rd->doc, p->value));
	return r;
}

int spec_latency_parse(const char *file, const char *text, size_t size, spec_latency_find *find,
		       struct spec_latency *ret, struct mig_error *reterr)
{
	_cleanup_free_ struct spec_latency *made = calloc(1, sizeof(*made));
	struct latency_reader rd = { .find = find, .ret = made, .reterr = reterr };
	int r;

	if (!made)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = spec_doc_load_kind(&rd.doc, file, text, size, &kind, reterr);
	if (r >= 0)
		r = read_all(&rd);
	spec_doc_done(&rd.doc);
	if (r >= 0)
		*ret = *made;
	return r;
}

int spec_latency_load(const char *path, spec_latency_find *find, struct spec_latency *ret,
		      struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = spec_file_read_kind(path, &kind, &text, &size, reterr);

	return r < 0 ? r : spec_latency_parse(path, text, size, find, ret, reterr);
}
