/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"

/* A board file from its top: key, like, sources, the groups of figures. */

/*
 * The figures that only NVML's own calls tell are known of few boards: this group and each of its
 * keys may be left out, and a board that is like another has none of them, for they belong to the
 * very board that was read.
 */
#define SPEC_OPTIONAL_GROUP "nvml"

struct row {
	const char *group, *key;
	int64_t least, most;
	size_t offset; /* of the figure in struct mig_board_def */
	enum mig_kind kind;
	int fig; /* enum mig_board_figure, for its mark; -1: none */
};

static const struct row rows[] = { { .group = "product",
				     .key = "first-driver",
				     .kind = MIG_KIND_DRIVER,
				     .least = SPEC_DRIVER_LEAST,
				     .most = SPEC_DRIVER_MOST,
				     .offset = offsetof(struct mig_board_def, first_driver),
				     .fig = -1 },
#define X(name_, group_, key_, kind_, least_, most_, field_)              \
	{ .group = group_,                                                \
	  .key = key_,                                                    \
	  .kind = MIG_KIND_##kind_,                                       \
	  .least = least_,                                                \
	  .most = most_,                                                  \
	  .offset = offsetof(struct mig_board_def, fig[MIG_FIG_##name_]), \
	  .fig = MIG_FIG_##name_ },
				   MIG_BOARD_FIGURES(X)
#undef X
};

static const struct text_row {
	const char *group, *key;
	size_t cap; /* with the closing NUL */
} text_rows[] = {
#define X(name, group, key, field) \
	[MIG_TEXT_##name] = { group, key, sizeof(((struct mig_board *)NULL)->field) },
	MIG_BOARD_TEXTS(X)
#undef X
};

static const char *const groups[] = { "product", "geometry",	"mig-mode",
				      "memory",	 "temperature", "power",
				      "clocks",	 "other-ids",	SPEC_OPTIONAL_GROUP };

static bool head_key(const char *key)
{
	return strcmp(key, "source") == 0 || strcmp(key, "unconfirmed") == 0 ||
	       strcmp(key, "note") == 0;
}

static bool group_key(const void *arg, const char *key)
{
	const char *group = arg;

	if (head_key(key))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].key, key) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(text_rows); i++)
		if (strcmp(text_rows[i].group, group) == 0 && strcmp(text_rows[i].key, key) == 0)
			return true;
	return false;
}

static bool top_key(const void *arg, const char *key)
{
	static const char *const keys[] = {
		"board", "like", "known", "lacks", "sources", "profiles", "compute-instances"
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(groups[i], key) == 0)
			return true;
	return false;
}

/* Notes about figures that this file replaces say nothing any more. */
static void notes_drop(struct mig_board_def *def, const char *about)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < def->n_notes; i++)
		if (strcmp(def->notes[i].about, about) != 0)
			def->notes[kept++] = def->notes[i];
	def->n_notes = kept;
}

static void group_forget(struct mig_board_def *def, const char *name)
{
	notes_drop(def, name);
	for (size_t i = 0; i < ARRAY_SIZE(text_rows); i++)
		if (strcmp(text_rows[i].group, name) == 0)
			memset(&def->text[i], 0, sizeof(def->text[i]));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].group, name) == 0)
			memset((char *)def + rows[i].offset, 0, sizeof(struct mig_figure));
}

static int group_read(struct spec_reader *rd, const char *name)
{
	const yaml_node_t *map = spec_get(rd->doc, spec_root(rd->doc), name);
	bool optional = strcmp(name, SPEC_OPTIONAL_GROUP) == 0;
	struct spec_group group;
	struct spec_mark mark;
	char what[40];
	int r;

	if (optional)
		group_forget(rd->def, name);
	if (!map) {
		if (rd->def->like[0] || rd->known || optional)
			return 0;
		return spec_fail(rd->doc, spec_mark_of(spec_root(rd->doc)), rd->reterr,
				 "the board lacks the group '%s'", name);
	}
	snprintf(what, sizeof(what), "'%s'", name);
	r = spec_check_map(rd->doc, map, what, group_key, name, rd->reterr);
	if (r < 0)
		return r;
	notes_drop(rd->def, name);
	r = spec_group_open(rd, map, what, name, &group);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(text_rows); i++) {
		if (strcmp(text_rows[i].group, name) != 0 ||
		    (optional && !spec_get(rd->doc, map, text_rows[i].key)))
			continue;
		r = spec_text_read(rd, &group, text_rows[i].key, text_rows[i].cap,
				   &rd->def->text[i], &mark);
		if (r >= 0 && i == MIG_TEXT_ARCHITECTURE)
			rd->marks->architecture = mark;
	}
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].group, name) != 0 ||
		    (optional && !spec_get(rd->doc, map, rows[i].key)))
			continue;
		r = spec_figure_read(rd, &group, rows[i].key, rows[i].kind, rows[i].least,
				     rows[i].most, (void *)((char *)rd->def + rows[i].offset),
				     &mark);
		if (r >= 0 && rows[i].fig >= 0)
			rd->marks->fig[rows[i].fig] = mark;
	}
	return r < 0 ? r : spec_group_close(rd, &group);
}

int spec_key_read(struct spec_reader *rd, const yaml_node_t *node, const char *name, char ret[32])
{
	const char *key = node ? spec_scalar(node) : NULL;
	size_t n;

	if (!node)
		return spec_fail(rd->doc, spec_mark_of(spec_root(rd->doc)), rd->reterr,
				 "the file lacks '%s: NAME'", name);
	n = key ? strlen(key) : 0;
	if (!n || n > 31 || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'%s' is a name of 1 to 31 small letters, digits and '-'", name);
	memset(ret, 0, 32);
	memcpy(ret, key, n);
	return 0;
}

static bool like_key(const void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "board") == 0 || strcmp(key, "source") == 0 || strcmp(key, "note") == 0;
}

static void doubt(struct mig_figure *fig, uint32_t sources)
{
	for (uint32_t i = 0; i < fig->n; i++)
		fig->v[i].sources = sources;
}

/* Nothing that was taken over was seen on this board: it is unconfirmed, all of it. */
static void doubt_all(struct mig_board_def *def, uint32_t sources)
{
	sources |= MIG_DEF_UNCONFIRMED;
	doubt(&def->first_driver, sources);
	for (unsigned i = 0; i < MIG_BOARD_FIGURE_MAX; i++)
		doubt(&def->fig[i], sources);
	for (unsigned i = 0; i < MIG_BOARD_TEXT_MAX; i++)
		for (uint32_t k = 0; k < def->text[i].n; k++)
			def->text[i].v[k].sources = sources;
	for (uint32_t g = 0; g < def->n_gi; g++) {
		struct mig_gi_def *gi = &def->gi[g];

		doubt(&gi->since, sources);
		for (unsigned i = 0; i < MIG_PROFILE_FIGURE_MAX; i++)
			doubt(&gi->fig[i], sources);
		gi->starts_sources = sources;
		for (unsigned i = 0; i < gi->n_ci; i++) {
			gi->ci[i].sources = sources;
			gi->ci[i].p.unconfirmed = MIG_UNCONFIRMED_ID | MIG_UNCONFIRMED_TOTAL |
						  MIG_UNCONFIRMED_PLACEMENT | MIG_UNCONFIRMED_SM;
		}
	}
}

/* "like: {board: NAME, source: [...], note: ...}": says who puts the two boards together. */
static int like_by_word(struct spec_reader *rd, const yaml_node_t *map)
{
	struct spec_group group;
	int r;

	rd->def->n_sources = 0;
	rd->def->n_notes = 0;
	r = spec_group_open(rd, map, "'like'", "like", &group);
	if (r < 0)
		return r;
	doubt_all(rd->def, group.sources);
	return 0;
}

/* Starts from the board that this one is like; its figures then stand at the "like" line. */
static int like_read(struct spec_reader *rd)
{
	const yaml_node_t *node = spec_get(rd->doc, spec_root(rd->doc), "like"), *name = node;
	const struct mig_board_def *other;
	struct spec_board_marks *marks = rd->marks;
	char like[32];
	int r;

	if (!node)
		return 0;
	if (node->type == YAML_MAPPING_NODE) {
		r = spec_check_map(rd->doc, node, "'like'", like_key, NULL, rd->reterr);
		if (r < 0)
			return r;
		name = spec_get(rd->doc, node, "board");
	}
	r = spec_key_read(rd, name, "like", like);
	if (r < 0)
		return r;
	other = rd->env->find ? rd->env->find(rd->env->arg, like) : NULL;
	if (!other)
		return spec_fail(
			rd->doc, spec_mark_of(name), rd->reterr,
			"no board '%s' to be like (a board that is itself like another won't do)",
			like);
	*rd->def = *other;
	memcpy(rd->def->like, like, sizeof(like));
	marks->like = marks->architecture = spec_mark_of(node);
	for (size_t i = 0; i < ARRAY_SIZE(marks->fig); i++)
		marks->fig[i] = marks->like;
	for (size_t g = 0; g < ARRAY_SIZE(marks->gi); g++) {
		marks->gi[g].self = marks->gi[g].starts = marks->like;
		for (size_t i = 0; i < ARRAY_SIZE(marks->gi[g].fig); i++)
			marks->gi[g].fig[i] = marks->like;
		for (size_t i = 0; i < ARRAY_SIZE(marks->gi[g].ci); i++)
			marks->gi[g].ci[i] = marks->like;
	}
	return node == name ? 0 : like_by_word(rd, node);
}

/* Profiles and compute instances come together: the second names the first. */
static int instances_read(struct spec_reader *rd)
{
	const yaml_node_t *root = spec_root(rd->doc);
	const yaml_node_t *profiles = spec_get(rd->doc, root, "profiles");
	const yaml_node_t *cis = spec_get(rd->doc, root, "compute-instances");
	int r;

	if (!profiles && !cis && (rd->def->like[0] || rd->known))
		return 0;
	if (profiles && !cis && rd->known)
		return spec_profiles_read(rd, profiles);
	if (!profiles || !cis)
		return spec_fail(rd->doc, spec_mark_of(profiles ?: cis ?: root), rd->reterr,
				 "a board has both 'profiles' and 'compute-instances'");
	for (uint32_t i = 0; i < rd->def->n_gi; i++)
		notes_drop(rd->def, rd->def->gi[i].name);
	notes_drop(rd->def, "compute-instances");
	r = spec_profiles_read(rd, profiles);
	return r < 0 ? r : spec_cis_read(rd, cis);
}

/*
 * "known: yes" and "lacks: ...": a board of which too little is known to simulate it. Only what
 * sources give is in its file, so that nothing has to be made up.
 */
static int known_read(struct spec_reader *rd)
{
	const yaml_node_t *root = spec_root(rd->doc);
	const yaml_node_t *known = spec_get(rd->doc, root, "known");
	const yaml_node_t *lacks = spec_get(rd->doc, root, "lacks");
	const char *text = lacks ? spec_scalar(lacks) : NULL;
	const char *value = known ? spec_scalar(known) : NULL;

	if (!known && !lacks)
		return 0;
	if (!known || !value || strcmp(value, "yes") != 0)
		return spec_fail(rd->doc, spec_mark_of(known ?: lacks), rd->reterr,
				 "a board that cannot be simulated says 'known: yes'");
	if (!text || !*text || strlen(text) >= sizeof(rd->def->lacks))
		return spec_fail(rd->doc, spec_mark_of(lacks ?: known), rd->reterr,
				 "'lacks' says in at most %zu letters what no source gives",
				 sizeof(rd->def->lacks) - 1);
	if (spec_get(rd->doc, root, "like") || spec_get(rd->doc, root, "compute-instances"))
		return spec_fail(rd->doc, spec_mark_of(known), rd->reterr,
				 "a board that is only known has neither 'like' nor "
				 "'compute-instances'");
	memcpy(rd->def->lacks, text, strlen(text) + 1);
	rd->known = true;
	return 0;
}

static int board_read(struct spec_reader *rd)
{
	const yaml_node_t *root = spec_root(rd->doc), *node;
	_cleanup_free_ struct mig_source *own = NULL;
	int r;

	r = spec_check_map(rd->doc, root, "a board file", top_key, NULL, rd->reterr);
	if (r < 0)
		return r;
	node = spec_get(rd->doc, root, "sources");
	if (node) {
		own = calloc(MIG_DEF_SOURCES, sizeof(*own));
		if (!own)
			return mig_fail(rd->reterr, -ENOMEM, "out of memory");
		r = spec_sources_read(rd->doc, node, own, MIG_DEF_SOURCES, &rd->n_own, rd->reterr);
		if (r < 0)
			return r;
		rd->own = own;
	}
	r = known_read(rd);
	if (r >= 0)
		r = like_read(rd);
	if (r >= 0)
		r = spec_key_read(rd, spec_get(rd->doc, root, "board"), "board", rd->def->key);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(groups); i++)
		r = group_read(rd, groups[i]);
	if (r >= 0)
		r = instances_read(rd);
	rd->own = NULL;
	if (r < 0)
		return r;
	return rd->known ? spec_known_check(rd) : spec_board_check(rd);
}

int spec_board_parse(const char *file, const char *text, size_t size,
		     const struct spec_board_env *env, struct mig_board_def *ret,
		     struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *def = calloc(1, sizeof(*def));
	_cleanup_free_ struct spec_board_marks *marks = calloc(1, sizeof(*marks));
	_cleanup_(spec_doc_done) struct spec_doc doc = { 0 };
	struct spec_reader rd = {
		.doc = &doc, .env = env, .def = def, .marks = marks, .reterr = reterr
	};
	int r;

	if (!def || !marks)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", file);
	r = spec_doc_load(&doc, file, text, size, reterr);
	if (r < 0)
		return r;
	r = board_read(&rd);
	if (r < 0)
		return r;
	*ret = *def;
	return 0;
}

static bool only_sources(const void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "sources") == 0;
}

int spec_sources_parse(const char *file, const char *text, size_t size, struct mig_source *ret,
		       unsigned cap, unsigned *ret_n, struct mig_error *reterr)
{
	_cleanup_(spec_doc_done) struct spec_doc doc = { 0 };
	const yaml_node_t *root, *map;
	int r;

	r = spec_doc_load(&doc, file, text, size, reterr);
	if (r < 0)
		return r;
	root = spec_root(&doc);
	r = spec_check_map(&doc, root, "the file of sources", only_sources, NULL, reterr);
	if (r < 0)
		return r;
	map = spec_get(&doc, root, "sources");
	if (!map)
		return spec_fail(&doc, spec_mark_of(root), reterr, "the file lacks 'sources'");
	return spec_sources_read(&doc, map, ret, cap, ret_n, reterr);
}
