/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"

/* Where figures come from: sources, what is unconfirmed, notes. */

static bool source_key(const void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "text") == 0 || strcmp(key, "confirms") == 0;
}

static bool any_key(const void *arg, const char *key)
{
	(void)arg;
	(void)key;
	return true;
}

static int source_read(struct spec_doc *doc, const yaml_node_t *key, const yaml_node_t *value,
		       struct mig_source *ret, struct mig_error *reterr)
{
	const char *code = spec_scalar(key), *text = spec_scalar(value), *confirms = "yes";
	const yaml_node_t *node;
	int r;

	if (!text) {
		r = spec_check_map(doc, value, "a source", source_key, NULL, reterr);
		if (r < 0)
			return r;
		node = spec_get(doc, value, "text");
		text = spec_scalar(node);
		node = spec_get(doc, value, "confirms");
		if (node)
			confirms = spec_scalar(node) ?: "";
	}
	if (!*code || strlen(code) >= sizeof(ret->code))
		return spec_fail(doc, spec_mark_of(key), reterr,
				 "a source's code has 1 to %zu letters", sizeof(ret->code) - 1);
	if (!text || !*text || strlen(text) >= sizeof(ret->text))
		return spec_fail(doc, spec_mark_of(value), reterr,
				 "source %s needs a text of at most %zu letters", code,
				 sizeof(ret->text) - 1);
	if (strcmp(confirms, "yes") != 0 && strcmp(confirms, "no") != 0)
		return spec_fail(doc, spec_mark_of(value), reterr,
				 "source %s: 'confirms' is yes or no", code);
	*ret = (struct mig_source){ .confirms = confirms[0] == 'y' };
	memcpy(ret->code, code, strlen(code));
	memcpy(ret->text, text, strlen(text));
	return 0;
}

int spec_sources_read(struct spec_doc *doc, const yaml_node_t *map, struct mig_source *ret,
		      unsigned cap, unsigned *ret_n, struct mig_error *reterr)
{
	const yaml_node_pair_t *p;
	unsigned n = 0;
	int r;

	r = spec_check_map(doc, map, "'sources'", any_key, NULL, reterr);
	if (r < 0)
		return r;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		if (n == cap)
			return spec_fail(doc, spec_mark_of(map), reterr, "more than %u sources",
					 cap);
		r = source_read(doc, spec_node(doc, p->key), spec_node(doc, p->value), &ret[n++],
				reterr);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	return 0;
}

static const struct mig_source *find_source(const struct mig_source *list, unsigned n,
					    const char *code)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i].code, code) == 0)
			return &list[i];
	return NULL;
}

/* The bit of a source in the board's own list, which grows by it. */
int spec_source_bit(struct spec_reader *rd, const yaml_node_t *node, uint32_t *mask)
{
	const char *code = spec_scalar(node);
	const struct mig_source *s;
	uint32_t i;

	if (!code)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "a source is a code such as M1");
	for (i = 0; i < rd->def->n_sources; i++)
		if (strcmp(rd->def->sources[i].code, code) == 0)
			break;
	if (i == rd->def->n_sources) {
		s = find_source(rd->own, rd->n_own, code);
		if (!s)
			s = find_source(rd->env->sources, rd->env->n_sources, code);
		if (!s)
			return spec_fail(
				rd->doc, spec_mark_of(node), rd->reterr,
				"source '%.40s' is described nowhere: add it under 'sources'",
				code);
		if (i == MIG_DEF_SOURCES)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "more than %d sources in one board", MIG_DEF_SOURCES);
		rd->def->sources[rd->def->n_sources++] = *s;
	}
	*mask |= 1u << i;
	return 0;
}

int spec_sources_of(struct spec_reader *rd, const yaml_node_t *node, uint32_t *ret)
{
	const yaml_node_item_t *i;
	uint32_t mask = 0;
	int r;

	if (node->type != YAML_SEQUENCE_NODE) {
		r = spec_source_bit(rd, node, &mask);
		if (r < 0)
			return r;
	} else {
		for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
			r = spec_source_bit(rd, spec_node(rd->doc, *i), &mask);
			if (r < 0)
				return r;
		}
	}
	if (!mask)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr, "'source' names none");
	*ret = mask;
	return 0;
}

static int note_add(struct spec_reader *rd, const yaml_node_t *node, const char *about)
{
	struct mig_note *note;
	const char *text = spec_scalar(node);

	if (!text || !*text || strlen(text) >= sizeof(note->text))
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "a note is a text of at most %zu letters", sizeof(note->text) - 1);
	if (rd->def->n_notes == MIG_DEF_NOTES)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "more than %d notes in one board", MIG_DEF_NOTES);
	note = &rd->def->notes[rd->def->n_notes++];
	*note = (struct mig_note){ 0 };
	snprintf(note->about, sizeof(note->about), "%s", about);
	memcpy(note->text, text, strlen(text));
	return 0;
}

int spec_group_open(struct spec_reader *rd, const yaml_node_t *map, const char *name,
		    const char *about, struct spec_group *ret)
{
	const yaml_node_t *node;
	int r;

	*ret = (struct spec_group){ .name = name, .map = map };
	node = spec_get(rd->doc, map, "source");
	if (!node)
		return spec_fail(rd->doc, spec_mark_of(map), rd->reterr,
				 "%s names no source: add 'source: [...]'", name);
	r = spec_sources_of(rd, node, &ret->sources);
	if (r < 0)
		return r;
	node = spec_get(rd->doc, map, "unconfirmed");
	if (node && node->type != YAML_SEQUENCE_NODE)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "'unconfirmed' is a list of keys of %s", name);
	ret->unconfirmed = node;
	node = spec_get(rd->doc, map, "note");
	if (!node)
		return 0;
	ret->has_note = true;
	return note_add(rd, node, about);
}

uint32_t spec_group_sources(struct spec_reader *rd, const struct spec_group *group, const char *key,
			    uint32_t sources)
{
	const yaml_node_item_t *i;
	const char *marked;
	bool confirmed = false;

	for (unsigned n = 0; n < rd->def->n_sources; n++)
		if (sources & 1u << n)
			confirmed |= rd->def->sources[n].confirms;
	if (group->unconfirmed) {
		i = group->unconfirmed->data.sequence.items.start;
		for (; i < group->unconfirmed->data.sequence.items.top; i++) {
			marked = spec_scalar(spec_node(rd->doc, *i));
			if (marked && strcmp(marked, key) == 0)
				confirmed = false;
		}
	}
	return confirmed ? sources : sources | MIG_DEF_UNCONFIRMED;
}

int spec_group_close(struct spec_reader *rd, const struct spec_group *group)
{
	const yaml_node_item_t *i;
	const yaml_node_t *node;
	const char *key;

	if (!group->unconfirmed)
		return 0;
	/* A source that confirms nothing says why by its own text; a mark in the file needs words.
	 */
	if (!group->has_note)
		return spec_fail(rd->doc, spec_mark_of(group->unconfirmed), rd->reterr,
				 "%s has unconfirmed figures: say in 'note' what is not known",
				 group->name);
	i = group->unconfirmed->data.sequence.items.start;
	for (; i < group->unconfirmed->data.sequence.items.top; i++) {
		node = spec_node(rd->doc, *i);
		key = spec_scalar(node);
		if (!key || !spec_get(rd->doc, group->map, key))
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "'unconfirmed' names '%.40s', which %s does not have",
					 key ? key : "?", group->name);
	}
	return 0;
}
