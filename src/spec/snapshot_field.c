/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "spec/snapshot_reader.h"

struct keys {
	const struct mig_file_field *fields;
	const char *const *more;
};

static bool is_key(const void *arg, const char *key)
{
	const struct keys *keys = arg;

	for (const struct mig_file_field *f = keys->fields; f->key; f++)
		if (!strcmp(f->key, key))
			return true;
	for (const char *const *k = keys->more; k && *k; k++)
		if (!strcmp(*k, key))
			return true;
	return false;
}

/* JSON's null, true, false and numbers are bare words; texts have quotes. */
static const char *bare(const yaml_node_t *node)
{
	const char *text = spec_scalar(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? text : NULL;
}

bool snapshot_is_null(const yaml_node_t *node)
{
	const char *text = bare(node);

	return text && !strcmp(text, "null");
}

int snapshot_number(struct snapshot_reader *rd, const yaml_node_t *node, const char *key,
		    int64_t most, int64_t *ret)
{
	const char *text = bare(node);
	int64_t n;

	if (!text || !spec_number(text, false, &n) || n > most)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' is a whole number from 0 to %" PRId64 ", not '%.40s'", key,
				 most, spec_scalar(node) ?: "a list");
	*ret = n;
	return 0;
}

int snapshot_reading(struct snapshot_reader *rd, const yaml_node_t *node, const char *key,
		     struct mig_reading *ret)
{
	const yaml_node_t *code;
	int64_t n = 0;
	int r;

	*ret = (struct mig_reading){ .status = MIG_NOT_ASKED };
	if (snapshot_is_null(node))
		return 0;
	if (node->type == YAML_MAPPING_NODE) {
		/* "says" is for people. */
		code = spec_get(rd->doc, node, "refused");
		if (!code)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "'%s' is a number, null, or {\"refused\": NVML's code}",
					 key);
		r = snapshot_number(rd, code, "refused", INT32_MAX, &n);
		if (r < 0)
			return r;
		if (!n)
			return spec_fail(rd->doc, spec_mark_of(code), rd->reterr,
					 "'%s' is not refused with code 0, which is success", key);
		ret->status = (int32_t)n;
		return 0;
	}
	r = snapshot_number(rd, node, key, INT64_MAX, &n);
	if (r >= 0)
		*ret = (struct mig_reading){ .value = (uint64_t)n };
	return r;
}

static int text_field(struct snapshot_reader *rd, const yaml_node_t *node,
		      const struct mig_file_field *f, char *at)
{
	const char *text = spec_scalar(node);

	if (snapshot_is_null(node)) {
		at[0] = '\0';
		return 0;
	}
	if (!text || bare(node))
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' is a text in quotes, or null", f->key);
	if (strlen(text) >= f->size)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' has at most %u bytes", f->key, f->size - 1u);
	memcpy(at, text, strlen(text) + 1);
	return 0;
}

static int bool_field(struct snapshot_reader *rd, const yaml_node_t *node,
		      const struct mig_file_field *f, void *record)
{
	const char *text = bare(node);
	bool yes = text && !strcmp(text, "true");

	if (!yes && (!text || strcmp(text, "false") != 0))
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' is true or false, not '%.40s'", f->key,
				 spec_scalar(node) ?: "a list");
	mig_field_set(f, record, yes);
	return 0;
}

static int field(struct snapshot_reader *rd, const yaml_node_t *node,
		 const struct mig_file_field *f, void *record)
{
	void *at = (char *)record + f->off;
	bool null = snapshot_is_null(node);
	int32_t none = -1;
	int64_t n = 0;
	int r = 0;

	switch (f->type) {
	case MIG_F_STR:
		return text_field(rd, node, f, at);
	case MIG_F_BOOL:
		return bool_field(rd, node, f, record);
	case MIG_F_READING:
		return snapshot_reading(rd, node, f->key, at);
	case MIG_F_INT:
	case MIG_F_STATUS:
		if (!null)
			r = snapshot_number(rd, node, f->key, f->most, &n);
		none = null ? -1 : (int32_t)n;
		if (r >= 0)
			memcpy(at, &none, sizeof(none));
		return r;
	default:
		if (null && f->absent >= 0)
			n = f->absent;
		else
			r = snapshot_number(rd, node, f->key, f->most, &n);
		if (r >= 0)
			mig_field_set(f, record, (uint64_t)n);
		return r;
	}
}

int snapshot_record(struct snapshot_reader *rd, const yaml_node_t *node, const char *what,
		    const struct mig_file_field *fields, const char *const *more, void *record)
{
	const struct keys keys = { fields, more };
	int r = spec_check_map(rd->doc, node, what, is_key, &keys, rd->reterr);

	for (const char *const *k = more; r >= 0 && k && *k; k++)
		if (!spec_get(rd->doc, node, *k))
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr, "%s lacks '%s'",
				      what, *k);
	for (const struct mig_file_field *f = fields; r >= 0 && f->key; f++) {
		const yaml_node_t *value = spec_get(rd->doc, node, f->key);

		if (!value)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr, "%s lacks '%s'",
					 what, f->key);
		r = field(rd, value, f, record);
	}
	return r;
}

const yaml_node_t *snapshot_list(struct snapshot_reader *rd, const yaml_node_t *map,
				 const char *key, size_t cap, size_t *ret_n)
{
	const yaml_node_t *list = spec_get(rd->doc, map, key);
	size_t n;

	if (!list || list->type != YAML_SEQUENCE_NODE) {
		(void)spec_fail(rd->doc, spec_mark_of(list ?: map), rd->reterr,
				"'%s' must be a list", key);
		return NULL;
	}
	n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	if (n > cap) {
		(void)spec_fail(rd->doc, spec_mark_of(list), rd->reterr,
				"'%s' has %zu entries, at most %zu are possible", key, n, cap);
		return NULL;
	}
	*ret_n = n;
	return list;
}

const yaml_node_t *snapshot_item(struct snapshot_reader *rd, const yaml_node_t *list, size_t i)
{
	return spec_node(rd->doc, list->data.sequence.items.start[i]);
}
