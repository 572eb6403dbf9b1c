/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/snapshot_reader.h"

/* The boards of a snapshot file. What the planner relies on is checked here. */

static int ci_profiles(struct snapshot_reader *rd, const yaml_node_t *map, struct mig_gi_profile *p)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, map, "ci_profiles", MIG_MAX_CI_PROFILES, &n);

	if (!list)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *node = snapshot_item(rd, list, i);
		struct mig_ci_profile *ci = &p->ci[i];
		int r = snapshot_record(rd, node, "a CI profile", mig_fields_ci_profile, NULL, ci);

		if (r < 0)
			return r;
		if (!ci->slices || ci->slices > p->slices || !ci->span)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "%u slices in a span of %u cannot be in a profile of %u",
					 ci->slices, ci->span, p->slices);
		for (size_t k = 0; k < i; k++)
			if (p->ci[k].id == ci->id)
				return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
						 "the CI profile id %u is there twice", ci->id);
	}
	p->n_ci = (uint8_t)n;
	return 0;
}

static int starts(struct snapshot_reader *rd, const yaml_node_t *map, const struct mig_board *b,
		  struct mig_gi_profile *p)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, map, "starts", MIG_MAX_STARTS, &n);

	if (!list)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *node = snapshot_item(rd, list, i);
		int64_t start;
		int r = snapshot_number(rd, node, "starts", 63, &start);

		if (r < 0)
			return r;
		if (start + p->size > b->units || (i && start <= p->starts[i - 1]))
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "the starts of %s ascend and end within the board's %u "
					 "units: %u with size %u does not",
					 p->name, b->units, (unsigned)start, p->size);
		p->starts[i] = (uint8_t)start;
	}
	if (!n || !p->size || !p->slices || p->slices > b->compute_slices)
		return spec_fail(rd->doc, spec_mark_of(map), rd->reterr,
				 "the profile %s has no start, no size, or %u of %u slices",
				 p->name, p->slices, b->compute_slices);
	p->n_starts = (uint8_t)n;
	return 0;
}

static int profile(struct snapshot_reader *rd, const yaml_node_t *node, struct mig_board *b,
		   struct mig_gi_profile *p)
{
	static const char *const more[] = { "starts", "ci_profiles", NULL };
	int r = snapshot_record(rd, node, "a profile", mig_fields_profile, more, p);

	if (r >= 0)
		r = starts(rd, node, b, p);
	if (r >= 0)
		r = ci_profiles(rd, node, p);
	for (unsigned i = 0; r >= 0 && &b->gi[i] < p; i++)
		if (b->gi[i].id == p->id || b->gi[i].index == p->index)
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "the profile id %u or index %u is there twice", p->id,
				      p->index);
	return r;
}

static int board(struct snapshot_reader *rd, const yaml_node_t *node, struct mig_board *b)
{
	static const char *const more[] = { "profiles", NULL };
	const yaml_node_t *list;
	size_t n = 0;
	int r = snapshot_record(rd, node, "a board", mig_fields_board, more, b);

	if (r < 0)
		return r;
	list = snapshot_list(rd, node, "profiles", MIG_MAX_GI_PROFILES, &n);
	if (!list)
		return -EINVAL;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = profile(rd, snapshot_item(rd, list, i), b, &b->gi[i]);
	b->n_gi = (uint32_t)n;
	return r;
}

int snapshot_boards(struct snapshot_reader *rd, const yaml_node_t *root)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, root, "boards", MIG_MAX_GPUS, &n);
	int r = 0;

	if (!list)
		return -EINVAL;
	rd->boards = calloc(n ? n : 1, sizeof(*rd->boards));
	if (!rd->boards)
		return mig_fail(rd->reterr, -ENOMEM, "%s: out of memory", rd->doc->file);
	rd->n_boards = (uint32_t)n;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = board(rd, snapshot_item(rd, list, i), &rd->boards[i]);
	return r;
}
