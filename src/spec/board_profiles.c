/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"
#include <migkit/names.h>

/* The lists of a board file: GPU instance profiles and the compute instances inside them. */

static const struct {
	const char *key;
	enum mig_kind kind;
	int64_t least, most;
} profile_rows[] = {
#define X(name, key, kind, least, most, field, bit) \
	[MIG_PFIG_##name] = { key, MIG_KIND_##kind, least, most },
	MIG_PROFILE_FIGURES(X)
#undef X
};

static bool profile_key(const void *arg, const char *key)
{
	static const char *const others[] = { "name",	"since",       "starts",
					      "source", "unconfirmed", "note" };

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(others[i], key) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(profile_rows); i++)
		if (strcmp(profile_rows[i].key, key) == 0)
			return true;
	return false;
}

static bool ci_key(const void *arg, const char *key)
{
	(void)arg;
#define X(word, least, most, field, bit) \
	if (strcmp(word, key) == 0)      \
		return true;
	MIG_CI_FIGURES(X)
#undef X
	return strcmp(key, "source") == 0;
}

static bool ci_group_key(const void *arg, const char *key)
{
	static const char *const keys[] = { "for", "rows", "source", "unconfirmed", "note" };

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static int name_read(struct spec_reader *rd, const yaml_node_t *map, struct mig_gi_def *gi)
{
	const yaml_node_t *node = spec_get(rd->doc, map, "name");
	const char *text = node ? spec_scalar(node) : NULL;
	struct mig_error why = { 0 };
	struct mig_name name;

	if (!text)
		return spec_fail(rd->doc, spec_mark_of(node ?: map), rd->reterr,
				 "a profile lacks its name, such as 'name: 3g.40gb'");
	if (mig_name_parse(text, &name, &why) < 0)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr, "%s", why.msg);
	if (name.ci_slices || strlen(text) >= sizeof(gi->name) || strncmp(text, "MIG ", 4) == 0)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%.40s' is no name of a GPU instance profile, such as 3g.40gb",
				 text);
	memcpy(gi->name, text, strlen(text) + 1);
	return 0;
}

static int starts_read(struct spec_reader *rd, struct spec_group *group, struct mig_gi_def *gi,
		       struct spec_mark *ret_mark)
{
	const yaml_node_t *node = spec_get(rd->doc, group->map, "starts");
	const yaml_node_item_t *i;
	int64_t start;
	int r;

	if (!node && rd->known)
		return 0;
	if (!node || node->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(node ?: group->map), rd->reterr,
				 "%s lacks 'starts: [0, 4]', its placements", group->name);
	*ret_mark = spec_mark_of(node);
	for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		if (gi->n_starts == MIG_MAX_STARTS)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "%s has more than %d starts", group->name, MIG_MAX_STARTS);
		r = spec_value_read(rd, spec_node(rd->doc, *i), "starts", MIG_KIND_UINT, 0, 15,
				    &start);
		if (r < 0)
			return r;
		gi->starts[gi->n_starts++] = (uint8_t)start;
	}
	gi->starts_sources = spec_group_sources(rd, group, "starts", group->sources);
	return 0;
}

static int profile_read(struct spec_reader *rd, const yaml_node_t *map, struct mig_gi_def *gi,
			struct spec_gi_marks *marks)
{
	struct spec_group group;
	char what[48];
	int r;

	r = spec_check_map(rd->doc, map, "a profile", profile_key, NULL, rd->reterr);
	if (r >= 0)
		r = name_read(rd, map, gi);
	if (r < 0)
		return r;
	marks->self = spec_mark_of(map);
	snprintf(what, sizeof(what), "profile %s", gi->name);
	r = spec_group_open(rd, map, what, gi->name, &group);
	if (r >= 0)
		r = spec_figure_read(rd, &group, "since", MIG_KIND_DRIVER, SPEC_DRIVER_LEAST,
				     SPEC_DRIVER_MOST, &gi->since, NULL);
	if (r >= 0)
		r = starts_read(rd, &group, gi, &marks->starts);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(profile_rows); i++)
		r = spec_figure_read(rd, &group, profile_rows[i].key, profile_rows[i].kind,
				     profile_rows[i].least, profile_rows[i].most, &gi->fig[i],
				     &marks->fig[i]);
	return r < 0 ? r : spec_group_close(rd, &group);
}

int spec_profiles_read(struct spec_reader *rd, const yaml_node_t *seq)
{
	const yaml_node_item_t *i;
	int r;

	if (seq->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(seq), rd->reterr,
				 "'profiles' must be a list");
	memset(rd->def->gi, 0, sizeof(rd->def->gi));
	rd->def->n_gi = 0;
	for (i = seq->data.sequence.items.start; i < seq->data.sequence.items.top; i++) {
		if (rd->def->n_gi == MIG_MAX_GI_PROFILES)
			return spec_fail(rd->doc, spec_mark_of(seq), rd->reterr,
					 "more than %d profiles", MIG_MAX_GI_PROFILES);
		r = profile_read(rd, spec_node(rd->doc, *i), &rd->def->gi[rd->def->n_gi],
				 &rd->marks->gi[rd->def->n_gi]);
		if (r < 0)
			return r;
		rd->def->n_gi++;
	}
	if (!rd->def->n_gi)
		return spec_fail(rd->doc, spec_mark_of(seq), rd->reterr, "'profiles' is empty");
	return 0;
}

/* One row: numbers alone, for no figure of a compute instance differs by driver as far as seen. */
static int ci_read(struct spec_reader *rd, struct spec_group *group, const yaml_node_t *map,
		   struct mig_ci_def *ci)
{
	const yaml_node_t *node;
	uint32_t sources;
	int64_t value;
	int r;

	r = spec_check_map(rd->doc, map, "a compute instance", ci_key, NULL, rd->reterr);
	if (r < 0)
		return r;
	*ci = (struct mig_ci_def){ .sources = group->sources };
	node = spec_get(rd->doc, map, "source");
	if (node) {
		r = spec_sources_of(rd, node, &ci->sources);
		if (r < 0)
			return r;
	}
#define X(word, least, most, field, bit)                                         \
	node = spec_get(rd->doc, map, word);                                     \
	if (!node)                                                               \
		return spec_fail(rd->doc, spec_mark_of(map), rd->reterr,         \
				 "a compute instance lacks '%s'", word);         \
	r = spec_value_read(rd, node, word, MIG_KIND_UINT, least, most, &value); \
	if (r < 0)                                                               \
		return r;                                                        \
	ci->p.field = (__typeof__(ci->p.field))value;                            \
	sources = spec_group_sources(rd, group, word, ci->sources);              \
	if (sources & MIG_DEF_UNCONFIRMED)                                       \
		ci->p.unconfirmed |= MIG_UNCONFIRMED_##bit;
	MIG_CI_FIGURES(X)
#undef X
	return 0;
}

static int ci_rows_read(struct spec_reader *rd, struct spec_group *group, const yaml_node_t *seq,
			struct mig_ci_def ci[MIG_MAX_CI_PROFILES],
			struct spec_mark marks[MIG_MAX_CI_PROFILES], uint8_t *ret_n)
{
	const yaml_node_item_t *i;
	uint8_t n = 0;
	int r;

	for (i = seq->data.sequence.items.start; i < seq->data.sequence.items.top; i++) {
		if (n == MIG_MAX_CI_PROFILES)
			return spec_fail(rd->doc, spec_mark_of(seq), rd->reterr,
					 "more than %d kinds of compute instance",
					 MIG_MAX_CI_PROFILES);
		marks[n] = spec_mark_of(spec_node(rd->doc, *i));
		r = ci_read(rd, group, spec_node(rd->doc, *i), &ci[n]);
		if (r < 0)
			return r;
		n++;
	}
	*ret_n = n;
	return 0;
}

/* Gives the rows to the profile that node names. */
static int ci_assign(struct spec_reader *rd, const yaml_node_t *node, const struct mig_ci_def *ci,
		     const struct spec_mark *marks, uint8_t n)
{
	const char *name = spec_scalar(node);
	struct mig_gi_def *gi = NULL;
	uint32_t i;

	for (i = 0; name && i < rd->def->n_gi; i++) {
		if (strcmp(rd->def->gi[i].name, name) != 0)
			continue;
		gi = &rd->def->gi[i];
		break;
	}
	if (!gi)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'for' names '%.40s', which is none of the profiles",
				 name ?: "a list");
	if (gi->n_ci)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "profile %s has its compute instances already", name);
	gi->n_ci = n;
	memcpy(gi->ci, ci, n * sizeof(*ci));
	memcpy(rd->marks->gi[i].ci, marks, n * sizeof(*marks));
	return 0;
}

/*
 * "unconfirmed" of this group names columns of its rows, so spec_group_close(), which looks for
 * keys of the mapping itself, is not the one to ask.
 */
static int ci_group_close(struct spec_reader *rd, const struct spec_group *group)
{
	const yaml_node_item_t *i;
	const char *key;

	if (!group->unconfirmed)
		return 0;
	if (!group->has_note)
		return spec_fail(rd->doc, spec_mark_of(group->unconfirmed), rd->reterr,
				 "%s has unconfirmed figures: say in 'note' what is not known",
				 group->name);
	i = group->unconfirmed->data.sequence.items.start;
	for (; i < group->unconfirmed->data.sequence.items.top; i++) {
		key = spec_scalar(spec_node(rd->doc, *i));
		if (!key || !ci_key(NULL, key))
			return spec_fail(rd->doc, spec_mark_of(spec_node(rd->doc, *i)), rd->reterr,
					 "'unconfirmed' names '%.40s', which no row here has",
					 key ?: "a list");
	}
	return 0;
}

static int ci_group_read(struct spec_reader *rd, const yaml_node_t *map)
{
	struct spec_mark marks[MIG_MAX_CI_PROFILES];
	struct mig_ci_def ci[MIG_MAX_CI_PROFILES];
	const yaml_node_t *list, *seq;
	const yaml_node_item_t *i;
	struct spec_group group;
	uint8_t n = 0;
	int r;

	r = spec_check_map(rd->doc, map, "an entry of 'compute-instances'", ci_group_key, NULL,
			   rd->reterr);
	if (r >= 0)
		r = spec_group_open(rd, map, "this entry", "compute-instances", &group);
	if (r < 0)
		return r;
	list = spec_get(rd->doc, map, "for");
	seq = spec_get(rd->doc, map, "rows");
	if (!list || !seq || list->type != YAML_SEQUENCE_NODE || seq->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(map), rd->reterr,
				 "an entry has 'for: [PROFILE, ...]' and 'rows: [...]'");
	r = ci_rows_read(rd, &group, seq, ci, marks, &n);
	if (r >= 0)
		r = ci_group_close(rd, &group);
	for (i = list->data.sequence.items.start; r >= 0 && i < list->data.sequence.items.top; i++)
		r = ci_assign(rd, spec_node(rd->doc, *i), ci, marks, n);
	return r;
}

int spec_cis_read(struct spec_reader *rd, const yaml_node_t *seq)
{
	const yaml_node_item_t *i;
	int r;

	if (seq->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(seq), rd->reterr,
				 "'compute-instances' must be a list");
	for (i = seq->data.sequence.items.start; i < seq->data.sequence.items.top; i++) {
		r = ci_group_read(rd, spec_node(rd->doc, *i));
		if (r < 0)
			return r;
	}
	return 0;
}
