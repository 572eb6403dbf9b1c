/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/snapshot_reader.h"

/* The GPUs of a snapshot file and their instances: each where its board allows one, none twice. */

static bool overlap(unsigned start, unsigned size, unsigned start2, unsigned size2)
{
	return start != MIG_START_UNKNOWN && start2 != MIG_START_UNKNOWN &&
	       start < start2 + size2 && start2 < start + size;
}

static int ci_place(struct snapshot_reader *rd, const yaml_node_t *node, const struct mig_gi *gi,
		    const struct mig_ci *ci)
{
	/* A 3c of an H100 takes 4 of the GI's units, a 1c of a 1g.20gb 1 of 2. */
	unsigned units = gi->size;

	if (ci->start != MIG_START_UNKNOWN && units && ci->start + ci->size > units)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "CI %u at %u:%u is not within GI %u, which has %u units", ci->id,
				 ci->start, ci->size, gi->id, units);
	for (const struct mig_ci *o = gi->ci; o < ci; o++) {
		if (o->id == ci->id)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "GI %u has the CI %u twice", gi->id, ci->id);
		if (overlap(o->start, o->size, ci->start, ci->size))
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "CI %u at %u:%u of GI %u overlaps CI %u at %u:%u", ci->id,
					 ci->start, ci->size, gi->id, o->id, o->start, o->size);
	}
	return 0;
}

static int ci_read(struct snapshot_reader *rd, const yaml_node_t *node,
		   const struct mig_gi_profile *p, const struct mig_gi *gi, struct mig_ci *ci)
{
	static const char *const more[] = { "profile_id", NULL };
	const yaml_node_t *id;
	int64_t n = 0;
	int r = snapshot_record(rd, node, "a compute instance", mig_fields_ci, more, ci);

	if (r < 0)
		return r;
	id = spec_get(rd->doc, node, "profile_id");
	ci->profile = UINT8_MAX;
	if (!snapshot_is_null(id)) {
		r = snapshot_number(rd, id, "profile_id", UINT8_MAX, &n);
		if (r < 0)
			return r;
		for (unsigned i = 0; p && i < p->n_ci; i++)
			if (p->ci[i].id == n)
				ci->profile = (uint8_t)i;
		if (ci->profile == UINT8_MAX)
			return spec_fail(rd->doc, spec_mark_of(id), rd->reterr,
					 "%s has no CI profile with id %u", p ? p->name : "the GI",
					 (unsigned)n);
	}
	return ci_place(rd, node, gi, ci);
}

static int ci_list(struct snapshot_reader *rd, const yaml_node_t *map,
		   const struct mig_gi_profile *p, struct mig_gi *gi)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, map, "compute_instances", MIG_MAX_CI, &n);
	int r = 0;

	if (!list)
		return -EINVAL;
	for (size_t i = 0; i < n && r >= 0; i++) {
		const yaml_node_t *node = snapshot_item(rd, list, i);

		r = ci_read(rd, node, p, gi, &gi->ci[i]);
		if (r >= 0 && i && gi->ci[i].id < gi->ci[i - 1].id)
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "compute instances ascend by id: %u stands behind %u",
				      gi->ci[i].id, gi->ci[i - 1].id);
	}
	gi->n_ci = (uint8_t)n;
	return r;
}

/* Per CI profile of the GI's profile, in its order, a list of starts. */
static int ci_starts(struct snapshot_reader *rd, const yaml_node_t *map,
		     const struct mig_gi_profile *p, struct mig_gi *gi)
{
	size_t n, m;
	const yaml_node_t *list = snapshot_list(rd, map, "ci_starts", p ? p->n_ci : 0, &n);

	if (!list)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *of = snapshot_item(rd, list, i);

		if (of->type != YAML_SEQUENCE_NODE)
			return spec_fail(rd->doc, spec_mark_of(of), rd->reterr,
					 "'ci_starts' is a list of lists");
		m = (size_t)(of->data.sequence.items.top - of->data.sequence.items.start);
		for (size_t k = 0; k < m; k++) {
			int64_t start;
			int r = snapshot_number(rd, snapshot_item(rd, of, k), "ci_starts", 31,
						&start);

			if (r < 0)
				return r;
			gi->ci_starts[i] |= UINT32_C(1) << start;
		}
	}
	return 0;
}

static int gi_place(struct snapshot_reader *rd, const yaml_node_t *node, const struct mig_gpu *gpu,
		    const struct mig_gi *gi)
{
	const struct mig_gi_profile *p =
		gi->profile == UINT8_MAX ? NULL : &gpu->board.gi[gi->profile];
	bool allowed = !p || gi->start == MIG_START_UNKNOWN;

	for (unsigned i = 0; p && i < p->n_starts; i++)
		allowed |= p->starts[i] == gi->start;
	if (!allowed || (p && gi->size != p->size))
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "GI %u: the board has no %s at %u:%u", gi->id, p->name, gi->start,
				 gi->size);
	for (const struct mig_gi *o = gpu->gi; o < gi; o++) {
		if (o->id == gi->id)
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "GPU %u has the GI %u twice", gpu->index, gi->id);
		if (overlap(o->start, o->size, gi->start, gi->size))
			return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
					 "GI %u at %u:%u overlaps GI %u at %u:%u", gi->id,
					 gi->start, gi->size, o->id, o->start, o->size);
	}
	return 0;
}

static int gi_read(struct snapshot_reader *rd, const yaml_node_t *node, const struct mig_gpu *gpu,
		   struct mig_gi *gi)
{
	static const char *const more[] = { "profile_id", "ci_starts", "compute_instances", NULL };
	const struct mig_gi_profile *p;
	const yaml_node_t *id;
	int64_t n = 0;
	int r = snapshot_record(rd, node, "a GPU instance", mig_fields_gi, more, gi);

	if (r < 0)
		return r;
	id = spec_get(rd->doc, node, "profile_id");
	gi->profile = UINT8_MAX;
	if (!snapshot_is_null(id)) {
		r = snapshot_number(rd, id, "profile_id", UINT16_MAX, &n);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < gpu->board.n_gi; i++)
			if (gpu->board.gi[i].id == n)
				gi->profile = (uint8_t)i;
		if (gi->profile == UINT8_MAX)
			return spec_fail(rd->doc, spec_mark_of(id), rd->reterr,
					 "the board has no profile with id %u", (unsigned)n);
	}
	r = gi_place(rd, node, gpu, gi);
	p = gi->profile == UINT8_MAX ? NULL : &gpu->board.gi[gi->profile];
	if (r >= 0)
		r = ci_starts(rd, node, p, gi);
	return r < 0 ? r : ci_list(rd, node, p, gi);
}

static int gi_list(struct snapshot_reader *rd, const yaml_node_t *map, struct mig_gpu *gpu)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, map, "gpu_instances", MIG_MAX_GI, &n);
	int r = 0;

	if (!list)
		return -EINVAL;
	if (n && gpu->mode != MIG_MODE_ON)
		return spec_fail(rd->doc, spec_mark_of(list), rd->reterr,
				 "GPU %u has instances, but MIG mode is off", gpu->index);
	for (size_t i = 0; i < n && r >= 0; i++) {
		const yaml_node_t *node = snapshot_item(rd, list, i);

		r = gi_read(rd, node, gpu, &gpu->gi[i]);
		if (r >= 0 && i && gpu->gi[i].id < gpu->gi[i - 1].id)
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "GPU instances ascend by id: %u stands behind %u",
				      gpu->gi[i].id, gpu->gi[i - 1].id);
	}
	gpu->n_gi = (uint32_t)n;
	return r;
}

static int remaining(struct snapshot_reader *rd, const yaml_node_t *map, struct mig_gpu *gpu)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, map, "remaining", gpu->board.n_gi, &n);
	int r = 0;

	if (!list)
		return -EINVAL;
	for (unsigned i = 0; i < MIG_MAX_GI_PROFILES; i++)
		gpu->remaining[i] = (struct mig_reading){ .status = MIG_NOT_ASKED };
	for (size_t i = 0; i < n && r >= 0; i++)
		r = snapshot_reading(rd, snapshot_item(rd, list, i), "remaining",
				     &gpu->remaining[i]);
	return r;
}

static int gpu_read(struct snapshot_reader *rd, const yaml_node_t *node, struct mig_gpu *gpu)
{
	static const char *const more[] = { "board", "remaining", "gpu_instances", NULL };
	int64_t board = 0;
	int r = snapshot_record(rd, node, "a GPU", mig_fields_gpu, more, gpu);

	if (r >= 0)
		r = snapshot_number(rd, spec_get(rd->doc, node, "board"), "board",
				    (int64_t)rd->n_boards - 1, &board);
	if (r < 0)
		return r;
	gpu->board = rd->boards[board];
	if (gpu->board_origin != MIG_BOARD_NONE && !gpu->board.n_gi)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "GPU %u has a board without profiles", gpu->index);
	r = remaining(rd, node, gpu);
	if (r >= 0)
		r = gi_list(rd, node, gpu);
	for (const struct mig_gpu *o = rd->s->gpu; r >= 0 && o < gpu; o++) {
		if (o->index >= gpu->index)
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "GPUs ascend by index: %u stands behind %u", gpu->index,
				      o->index);
		else if (gpu->uuid[0] && !strcmp(o->uuid, gpu->uuid))
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "the GPUs %u and %u have the same UUID", o->index,
				      gpu->index);
	}
	return r;
}

int snapshot_gpus(struct snapshot_reader *rd, const yaml_node_t *root)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, root, "gpus", MIG_MAX_GPUS, &n);
	int r = 0;

	if (!list)
		return -EINVAL;
	if (n && !rd->n_boards)
		return spec_fail(rd->doc, spec_mark_of(list), rd->reterr,
				 "there are GPUs, but 'boards' is empty");
	rd->s->gpu = calloc(n ? n : 1, sizeof(*rd->s->gpu));
	if (!rd->s->gpu)
		return mig_fail(rd->reterr, -ENOMEM, "%s: out of memory", rd->doc->file);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = gpu_read(rd, snapshot_item(rd, list, i), &rd->s->gpu[i]);
	rd->s->n_gpu = (uint32_t)n;
	return r;
}
