/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"
#include <migkit/driver.h>

/* Figures: plain, with sources of their own, or by driver. */

/* Value and sources of "VALUE" or "[VALUE, SOURCE...]". */
static int split_value(struct spec_reader *rd, const struct spec_group *group,
		       const yaml_node_t *node, const yaml_node_t **ret_value,
		       uint32_t *ret_sources)
{
	const yaml_node_item_t *i;
	int r;

	*ret_value = node;
	*ret_sources = group->sources;
	if (node->type != YAML_SEQUENCE_NODE)
		return 0;
	i = node->data.sequence.items.start;
	if (node->data.sequence.items.top - i < 2)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "a list here is [VALUE, SOURCE...]: it names no source");
	*ret_value = spec_node(rd->doc, *i++);
	*ret_sources = 0;
	for (; i < node->data.sequence.items.top; i++) {
		r = spec_source_bit(rd, spec_node(rd->doc, *i), ret_sources);
		if (r < 0)
			return r;
	}
	return 0;
}

static int ids_read(struct spec_reader *rd, const yaml_node_t *node, const char *key, int64_t *ret)
{
	const yaml_node_item_t *i;
	const yaml_node_t *item;
	int64_t id = 0, bits = 0;
	int r;

	if (node->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' is a list of profile ids, such as [6, 10, 21]", key);
	for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		item = spec_node(rd->doc, *i);
		r = spec_value_read(rd, item, key, MIG_KIND_UINT, 0, 62, &id);
		if (r < 0)
			return r;
		bits |= INT64_C(1) << id;
	}
	*ret = bits;
	return 0;
}

static bool word_read(const char *text, enum mig_kind kind, int64_t *ret)
{
	static const struct {
		enum mig_kind kind;
		const char *word;
		int64_t value;
	} words[] = {
		{ MIG_KIND_BOOL, "no", 0 },
		{ MIG_KIND_BOOL, "yes", 1 },
		{ MIG_KIND_NUMBERING, "I", MIG_NUMBERING_I },
		{ MIG_KIND_NUMBERING, "X", MIG_NUMBERING_X },
		{ MIG_KIND_NUMBERING, "quarter", MIG_NUMBERING_QUARTER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].kind != kind || strcmp(words[i].word, text) != 0)
			continue;
		*ret = words[i].value;
		return true;
	}
	return false;
}

static bool scalar_read(const char *text, enum mig_kind kind, int64_t *ret)
{
	uint32_t code;

	switch (kind) {
	case MIG_KIND_UINT:
		return spec_number(text, false, ret);
	case MIG_KIND_HEX:
		return spec_number(text, true, ret);
	case MIG_KIND_MILLI:
		return spec_decimal(text, 3, ret);
	case MIG_KIND_DRIVER:
		if (mig_driver_parse_code(text, &code, NULL) < 0)
			return false;
		*ret = code;
		return true;
	default:
		return word_read(text, kind, ret);
	}
}

/* A bound in the way the figure itself is written. */
static void bound_format(enum mig_kind kind, int64_t bound, char *buf, size_t size)
{
	if (kind == MIG_KIND_DRIVER)
		mig_driver_format((uint32_t)bound, buf, (unsigned)size);
	else if (kind == MIG_KIND_HEX)
		snprintf(buf, size, "0x%llX", (unsigned long long)bound);
	else if (kind == MIG_KIND_MILLI)
		snprintf(buf, size, "%lld", (long long)bound / 1000);
	else
		snprintf(buf, size, "%lld", (long long)bound);
}

int spec_value_read(struct spec_reader *rd, const yaml_node_t *node, const char *key,
		    enum mig_kind kind, int64_t least, int64_t most, int64_t *ret)
{
	static const char *const forms[MIG_KIND_MAX] = {
		[MIG_KIND_UINT] = "a whole number",
		[MIG_KIND_HEX] = "a number such as 0x20B510DE",
		[MIG_KIND_BOOL] = "yes or no",
		[MIG_KIND_MILLI] = "a number with at most three decimals",
		[MIG_KIND_NUMBERING] = "I, X or quarter",
		[MIG_KIND_DRIVER] = "a driver, such as 515.86.01 or 515",
	};
	const char *text = spec_scalar(node);
	char low[24], high[24];
	int64_t value;

	if (kind == MIG_KIND_IDS)
		return ids_read(rd, node, key, ret);
	if (!text || !scalar_read(text, kind, &value))
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' must be %s, not '%.40s'", key, forms[kind],
				 text ? text : "a list");
	if (value < least || value > most) {
		bound_format(kind, least, low, sizeof(low));
		bound_format(kind, most, high, sizeof(high));
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' must be from %s to %s, not %.40s", key, low, high, text);
	}
	*ret = value;
	return 0;
}

/* The next entry of a figure that is given by driver: keys ascend. */
static int driver_key(struct spec_reader *rd, const yaml_node_t *key, uint32_t before, bool first,
		      uint32_t *ret)
{
	const char *text = spec_scalar(key);

	if (!text || mig_driver_parse_code(text, ret, NULL) < 0)
		return spec_fail(
			rd->doc, spec_mark_of(key), rd->reterr,
			"'%.40s' is no driver: a figure by driver is {515: VALUE, 550: VALUE}",
			text ? text : "?");
	if (!first && *ret <= before)
		return spec_fail(rd->doc, spec_mark_of(key), rd->reterr,
				 "driver %.40s stands behind a newer or equal one", text);
	return 0;
}

static const yaml_node_t *must_have(struct spec_reader *rd, const struct spec_group *group,
				    const char *key)
{
	const yaml_node_t *node = spec_get(rd->doc, group->map, key);

	if (!node)
		spec_fail(rd->doc, spec_mark_of(group->map), rd->reterr, "%s lacks '%s'",
			  group->name, key);
	return node;
}

/* One value of a figure: calls put() of what is at node. */
typedef int (*put_fn)(struct spec_reader *rd, const yaml_node_t *value, uint32_t since,
		      uint32_t sources, void *arg);

/* Walks "VALUE", "[VALUE, SOURCE...]" or "{DRIVER: one of these, ...}". */
static int walk(struct spec_reader *rd, struct spec_group *group, const char *key,
		bool list_is_value, unsigned cap, put_fn put, void *arg,
		const yaml_node_t **ret_node)
{
	const yaml_node_t *node = must_have(rd, group, key), *value;
	const yaml_node_pair_t *p;
	uint32_t since = 0, sources;
	unsigned n = 0;
	int r;

	if (!node)
		return -EINVAL;
	*ret_node = node;
	if (node->type != YAML_MAPPING_NODE) {
		value = node;
		sources = group->sources;
		r = list_is_value ? 0 : split_value(rd, group, node, &value, &sources);
		return r < 0 ? r
			     : put(rd, value, 0, spec_group_sources(rd, group, key, sources), arg);
	}
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		if (n == cap)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "'%s' has more than %u values by driver", key, cap);
		r = driver_key(rd, spec_node(rd->doc, p->key), since, n == 0, &since);
		if (r < 0)
			return r;
		value = spec_node(rd->doc, p->value);
		sources = group->sources;
		r = list_is_value ? 0 : split_value(rd, group, value, &value, &sources);
		if (r >= 0)
			r = put(rd, value, since, spec_group_sources(rd, group, key, sources), arg);
		if (r < 0)
			return r;
		n++;
	}
	if (!n)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr, "'%s' has no value", key);
	return 0;
}

struct put_figure {
	struct mig_figure *fig;
	const char *key;
	enum mig_kind kind;
	int64_t least, most;
};

static int put_figure(struct spec_reader *rd, const yaml_node_t *value, uint32_t since,
		      uint32_t sources, void *arg)
{
	struct put_figure *p = arg;
	struct mig_variant *v = &p->fig->v[p->fig->n];

	v->since = since;
	v->sources = sources;
	p->fig->n++;
	return spec_value_read(rd, value, p->key, p->kind, p->least, p->most, &v->value);
}

/* What a board file may leave out: "no" for nearly every board. */
static bool may_miss(const char *key)
{
	return strcmp(key, "needs-display-off") == 0;
}

int spec_figure_read(struct spec_reader *rd, struct spec_group *group, const char *key,
		     enum mig_kind kind, int64_t least, int64_t most, struct mig_figure *ret,
		     struct spec_mark *ret_mark)
{
	struct put_figure p = { ret, key, kind, least, most };
	const yaml_node_t *node;
	int r;

	*ret = (struct mig_figure){ 0 };
	if ((rd->known || may_miss(key)) && !spec_get(rd->doc, group->map, key)) {
		if (!rd->known)
			*ret = (struct mig_figure){ 1, { { .sources = group->sources } } };
		if (ret_mark)
			*ret_mark = spec_mark_of(group->map);
		return 0;
	}
	r = walk(rd, group, key, kind == MIG_KIND_IDS, MIG_DEF_VARIANTS, put_figure, &p, &node);
	if (r >= 0 && ret_mark)
		*ret_mark = spec_mark_of(node);
	return r;
}

struct put_text {
	struct mig_text *text;
	const char *key;
	size_t cap;
};

static int put_text(struct spec_reader *rd, const yaml_node_t *value, uint32_t since,
		    uint32_t sources, void *arg)
{
	struct put_text *p = arg;
	const char *s = spec_scalar(value);
	struct mig_text_variant *v = &p->text->v[p->text->n];

	if (!s || !*s || strlen(s) >= p->cap)
		return spec_fail(rd->doc, spec_mark_of(value), rd->reterr,
				 "'%s' must be a text of at most %zu letters", p->key, p->cap - 1);
	for (const char *c = s; *c; c++)
		if (*c < ' ' || *c > '~')
			return spec_fail(rd->doc, spec_mark_of(value), rd->reterr,
					 "'%s' has a character that no driver prints", p->key);
	v->since = since;
	v->sources = sources;
	memcpy(v->text, s, strlen(s) + 1);
	p->text->n++;
	return 0;
}

int spec_text_read(struct spec_reader *rd, struct spec_group *group, const char *key, size_t cap,
		   struct mig_text *ret, struct spec_mark *ret_mark)
{
	struct put_text p = { ret, key, cap };
	const yaml_node_t *node;
	int r;

	*ret = (struct mig_text){ 0 };
	if (rd->known && !spec_get(rd->doc, group->map, key))
		return 0;
	r = walk(rd, group, key, false, ARRAY_SIZE(ret->v), put_text, &p, &node);
	if (r >= 0 && ret_mark)
		*ret_mark = spec_mark_of(node);
	return r;
}
