/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"
#include <migkit/names.h>

/*
 * Contradictions: figures that are each possible but not together. The oldest value of a figure is
 * taken where one number is needed; those that differ by driver (memory, BAR1) are each looked at.
 */

#define VALUE(def, name)   ((unsigned)(def)->fig[MIG_FIG_##name].v[0].value)
#define PVALUE(gi, name)   ((unsigned)(gi)->fig[MIG_PFIG_##name].v[0].value)
#define PMARK(marks, name) ((marks)->fig[MIG_PFIG_##name])

static int differs(struct spec_reader *rd, struct spec_mark at, const char *sentence)
{
	return spec_fail(rd->doc, at, rd->reterr, "%s", sentence);
}

static int check_product(struct spec_reader *rd)
{
	static const char *const known[] = { "Ampere", "Hopper", "Blackwell" };
	const struct mig_board_def *def = rd->def;
	const struct spec_mark *mark = rd->marks->fig;
	const char *arch = def->text[MIG_TEXT_ARCHITECTURE].v[0].text;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		found |= strcmp(known[i], arch) == 0;
	if (!found)
		return spec_fail(rd->doc, rd->marks->architecture, rd->reterr,
				 "architecture '%s' is not known: Ampere, Hopper or Blackwell",
				 arch);
	if ((VALUE(def, PCI_DEVICE_ID) & 0xffff) != 0x10de)
		return differs(rd, mark[MIG_FIG_PCI_DEVICE_ID],
			       "'pci-device-id' does not end in 10DE, NVIDIA's vendor id");
	if (VALUE(def, CUDA_CORES) % VALUE(def, SM_TOTAL))
		return spec_fail(rd->doc, mark[MIG_FIG_CUDA_CORES], rd->reterr,
				 "%u CUDA cores don't divide evenly among %u multiprocessors",
				 VALUE(def, CUDA_CORES), VALUE(def, SM_TOTAL));
	return 0;
}

static int check_geometry(struct spec_reader *rd)
{
	const struct mig_board_def *def = rd->def;
	const struct spec_mark *mark = rd->marks->fig;
	bool quarter = VALUE(def, NUMBERING) == MIG_NUMBERING_QUARTER;

	if (VALUE(def, UNITS) % VALUE(def, MEMORY_SLICES))
		return spec_fail(rd->doc, mark[MIG_FIG_UNITS], rd->reterr,
				 "%u placement units don't divide evenly among %u memory slices",
				 VALUE(def, UNITS), VALUE(def, MEMORY_SLICES));
	if (VALUE(def, COMPUTE_SLICES) > VALUE(def, MEMORY_SLICES))
		return spec_fail(rd->doc, mark[MIG_FIG_COMPUTE_SLICES], rd->reterr,
				 "more compute slices (%u) than memory slices (%u)",
				 VALUE(def, COMPUTE_SLICES), VALUE(def, MEMORY_SLICES));
	if (quarter != (VALUE(def, MEMORY_SLICES) == 4))
		return differs(
			rd, mark[MIG_FIG_NUMBERING],
			"numbering 'quarter' is for boards of 4 memory slices, I and X for 8");
	return 0;
}

static int check_amounts(struct spec_reader *rd)
{
	const struct mig_board_def *def = rd->def;
	const struct spec_mark *mark = rd->marks->fig;
	static const struct {
		enum mig_board_figure less, more;
		unsigned scale; /* of less in units of more */
		const char *sentence;
	} pairs[] = {
		{ MIG_FIG_MEMORY_RESERVED, MIG_FIG_MEMORY_TOTAL, 1024,
		  "'reserved-kib' is more than the board's memory" },
		{ MIG_FIG_BAR1_USED, MIG_FIG_BAR1_TOTAL, 1024,
		  "'bar1-used-kib' is more than BAR1" },
		{ MIG_FIG_IDLE_C, MIG_FIG_SLOWDOWN_C, 1, "'idle-c' is above 'slowdown-c'" },
		{ MIG_FIG_SLOWDOWN_C, MIG_FIG_SHUTDOWN_C, 1, "'slowdown-c' is above 'shutdown-c'" },
		{ MIG_FIG_IDLE_W, MIG_FIG_LIMIT_W, 1, "'idle-w' is above 'limit-w'" },
		{ MIG_FIG_MIN_W, MIG_FIG_LIMIT_W, 1, "'min-w' is above 'limit-w'" },
		{ MIG_FIG_LIMIT_W, MIG_FIG_MAX_W, 1, "'limit-w' is above 'max-w'" },
		{ MIG_FIG_IDLE_SM_MHZ, MIG_FIG_MAX_SM_MHZ, 1,
		  "'idle-sm-mhz' is above 'max-sm-mhz'" },
		{ MIG_FIG_IDLE_MEM_MHZ, MIG_FIG_MAX_MEM_MHZ, 1,
		  "'idle-memory-mhz' is above 'max-memory-mhz'" },
		{ MIG_FIG_IDLE_VIDEO_MHZ, MIG_FIG_MAX_VIDEO_MHZ, 1,
		  "'idle-video-mhz' is above 'max-video-mhz'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (def->fig[pairs[i].less].v[0].value >
		    def->fig[pairs[i].more].v[0].value * pairs[i].scale)
			return differs(rd, mark[pairs[i].less], pairs[i].sentence);
	return 0;
}

/* The name against slices and share of memory; id, index and name against those before. */
static int check_identity(struct spec_reader *rd, uint32_t n)
{
	const struct mig_board_def *def = rd->def;
	const struct mig_gi_def *gi = &def->gi[n], *other;
	const struct spec_gi_marks *marks = &rd->marks->gi[n];
	struct mig_name name = { 0 };
	unsigned gb;

	mig_name_parse(gi->name, &name, NULL);
	if (name.gi_slices != PVALUE(gi, SLICES))
		return spec_fail(rd->doc, PMARK(marks, SLICES), rd->reterr,
				 "profile %s says %u slices by its name, not %u", gi->name,
				 name.gi_slices, PVALUE(gi, SLICES));
	gb = mig_board_name_gb(VALUE(def, MEMORY_TOTAL), PVALUE(gi, SIZE), VALUE(def, UNITS));
	if (name.memory_gb != gb)
		return spec_fail(
			rd->doc, marks->self, rd->reterr,
			"profile %s: %u of %u placement units of this board's memory make it "
			"%ug.%ugb",
			gi->name, PVALUE(gi, SIZE), VALUE(def, UNITS), name.gi_slices, gb);
	for (uint32_t i = 0; i < n; i++) {
		other = &def->gi[i];
		if (strcmp(other->name, gi->name) == 0)
			return spec_fail(rd->doc, marks->self, rd->reterr,
					 "profile %s is there twice", gi->name);
		if (PVALUE(other, ID) == PVALUE(gi, ID))
			return spec_fail(rd->doc, PMARK(marks, ID), rd->reterr,
					 "profile %s has the id %u of %s", gi->name, PVALUE(gi, ID),
					 other->name);
		if (PVALUE(other, INDEX) == PVALUE(gi, INDEX))
			return spec_fail(rd->doc, PMARK(marks, INDEX), rd->reterr,
					 "profile %s has the index %u of %s", gi->name,
					 PVALUE(gi, INDEX), other->name);
	}
	if (n && (PVALUE(&def->gi[n - 1], SLICES) > PVALUE(gi, SLICES) ||
		  (PVALUE(&def->gi[n - 1], SLICES) == PVALUE(gi, SLICES) &&
		   PVALUE(&def->gi[n - 1], SIZE) > PVALUE(gi, SIZE))))
		return spec_fail(
			rd->doc, marks->self, rd->reterr,
			"profile %s stands behind the larger %s: nvidia-smi lists by slices, "
			"then memory",
			gi->name, def->gi[n - 1].name);
	return 0;
}

static int check_placements(struct spec_reader *rd, uint32_t n)
{
	const struct mig_gi_def *gi = &rd->def->gi[n];
	const struct spec_gi_marks *marks = &rd->marks->gi[n];
	unsigned size = PVALUE(gi, SIZE), units = VALUE(rd->def, UNITS), fit = 0, end = 0;
	struct mig_name name = { 0 };

	if (!gi->n_starts)
		return spec_fail(rd->doc, marks->starts, rd->reterr, "profile %s has no placement",
				 gi->name);
	for (unsigned i = 0; i < gi->n_starts; i++) {
		if (gi->starts[i] + size > units)
			return spec_fail(
				rd->doc, marks->starts, rd->reterr,
				"profile %s: placement %u:%u ends behind the board's %u units",
				gi->name, gi->starts[i], size, units);
		if (i && gi->starts[i] <= gi->starts[i - 1])
			return spec_fail(rd->doc, marks->starts, rd->reterr,
					 "profile %s: starts must ascend, %u stands behind %u",
					 gi->name, gi->starts[i], gi->starts[i - 1]);
		if (gi->starts[i] >= end) {
			fit++;
			end = gi->starts[i] + size;
		}
	}
	/* Only one instance can have the media engines that +me is about. */
	mig_name_parse(gi->name, &name, NULL);
	if (name.media == MIG_MEDIA_ME || name.media == MIG_MEDIA_ME_ALL)
		fit = 1;
	if (fit != PVALUE(gi, TOTAL))
		return spec_fail(rd->doc, PMARK(marks, TOTAL), rd->reterr,
				 "profile %s: %u fit by its placements, not %u", gi->name, fit,
				 PVALUE(gi, TOTAL));
	return 0;
}

static int check_share(struct spec_reader *rd, uint32_t n)
{
	const struct mig_board_def *def = rd->def;
	const struct mig_gi_def *gi = &def->gi[n];
	const struct spec_gi_marks *marks = &rd->marks->gi[n];
	const struct mig_figure *memory = &gi->fig[MIG_PFIG_MEMORY_MB];
	const struct mig_figure *bar1 = &gi->fig[MIG_PFIG_BAR1_MB];
	/* The driver keeps a part for itself; a quarter is more than any driver has been seen to.
	 */
	unsigned share = VALUE(def, MEMORY_TOTAL) * PVALUE(gi, SIZE) / VALUE(def, UNITS);

	for (uint32_t i = 0; i < memory->n; i++)
		if (memory->v[i].value > share || memory->v[i].value < share - share / 4)
			return spec_fail(
				rd->doc, PMARK(marks, MEMORY_MB), rd->reterr,
				"profile %s: %u MB is not somewhat less than its share of the "
				"board's memory, %u MB",
				gi->name, (unsigned)memory->v[i].value, share);
	for (uint32_t i = 0; i < bar1->n; i++)
		if (bar1->v[i].value > VALUE(def, BAR1_TOTAL))
			return spec_fail(
				rd->doc, PMARK(marks, BAR1_MB), rd->reterr,
				"profile %s: more BAR1 (%u MB) than the board has (%u MiB)",
				gi->name, (unsigned)bar1->v[i].value, VALUE(def, BAR1_TOTAL));
	if (PVALUE(gi, SM) > VALUE(def, SM_TOTAL))
		return spec_fail(rd->doc, PMARK(marks, SM), rd->reterr,
				 "profile %s: more multiprocessors (%u) than the board has (%u)",
				 gi->name, PVALUE(gi, SM), VALUE(def, SM_TOTAL));
	if (PVALUE(gi, SLICES) > VALUE(def, COMPUTE_SLICES))
		return spec_fail(rd->doc, PMARK(marks, SLICES), rd->reterr,
				 "profile %s: more slices (%u) than the board has (%u)", gi->name,
				 PVALUE(gi, SLICES), VALUE(def, COMPUTE_SLICES));
	return 0;
}

/* One way to cut a compute instance, against its GPU instance. */
static int check_ci(struct spec_reader *rd, const struct mig_gi_def *gi, unsigned i,
		    struct spec_mark at)
{
	const struct mig_ci_profile *p = &gi->ci[i].p;
	unsigned slices = PVALUE(gi, SLICES);
	unsigned room = PVALUE(gi, SIZE) > slices ? PVALUE(gi, SIZE) : slices;
	bool fills = p->slices == slices && i + 1u == gi->n_ci;

	if (p->slices > slices || p->total * p->slices > slices)
		return spec_fail(
			rd->doc, at, rd->reterr,
			"profile %s: %u compute instances of %u slices don't fit into its %u",
			gi->name, p->total, p->slices, slices);
	if (p->span < p->slices || p->span * p->total > room)
		return spec_fail(rd->doc, at, rd->reterr,
				 "profile %s: %u compute instances that span %u don't fit into %u",
				 gi->name, p->total, p->span, room);
	if (p->sm > PVALUE(gi, SM) || (fills && p->sm != PVALUE(gi, SM)))
		return spec_fail(
			rd->doc, at, rd->reterr,
			"profile %s: a compute instance of %u slices has %u multiprocessors, "
			"the GPU instance %u",
			gi->name, p->slices, p->sm, PVALUE(gi, SM));
	for (unsigned k = 0; k < i; k++)
		/* One slice with and without the multiprocessors of a larger GPU instance. */
		if (gi->ci[k].p.id >= p->id || gi->ci[k].p.slices > p->slices ||
		    (gi->ci[k].p.slices == p->slices && gi->ci[k].p.sm >= p->sm))
			return spec_fail(
				rd->doc, at, rd->reterr,
				"profile %s: ids and slices of its compute instances must "
				"ascend, id %u is a duplicate or stands behind a larger one",
				gi->name, p->id);
	return 0;
}

static int check_cis(struct spec_reader *rd, uint32_t n)
{
	const struct mig_gi_def *gi = &rd->def->gi[n];
	int r;

	for (unsigned i = 0; i < gi->n_ci; i++) {
		r = check_ci(rd, gi, i, rd->marks->gi[n].ci[i]);
		if (r < 0)
			return r;
	}
	if (!gi->n_ci || gi->ci[gi->n_ci - 1].p.slices != PVALUE(gi, SLICES))
		return spec_fail(rd->doc, rd->marks->gi[n].self, rd->reterr,
				 "profile %s has no compute instance that fills it", gi->name);
	return 0;
}

int spec_known_check(struct spec_reader *rd)
{
	const struct mig_board_def *def = rd->def;
	bool all = def->n_gi > 0;

	if (!def->text[MIG_TEXT_NAME].n)
		return spec_fail(rd->doc, spec_mark_of(spec_root(rd->doc)), rd->reterr,
				 "the board lacks its product's name");
	for (uint32_t i = 0; i < def->n_gi; i++) {
		const struct mig_figure *id = &def->gi[i].fig[MIG_PFIG_ID];

		all &= def->gi[i].fig[MIG_PFIG_MEMORY_MB].n > 0;
		for (uint32_t k = 0; k < i; k++) {
			const struct mig_figure *other = &def->gi[k].fig[MIG_PFIG_ID];

			if (strcmp(def->gi[k].name, def->gi[i].name) == 0 ||
			    (id->n && other->n && id->v[0].value == other->v[0].value))
				return spec_fail(rd->doc, rd->marks->gi[i].self, rd->reterr,
						 "profile %s has the name or the id of %s",
						 def->gi[i].name, def->gi[k].name);
		}
	}
	if (all)
		return spec_fail(
			rd->doc, spec_mark_of(spec_root(rd->doc)), rd->reterr,
			"each profile has its memory: a board that can be simulated has no "
			"'known'");
	return 0;
}

int spec_board_check(struct spec_reader *rd)
{
	const struct mig_board_def *def = rd->def;
	uint64_t others = (uint64_t)def->fig[MIG_FIG_IDS_NOT_SUPPORTED].v[0].value |
			  (uint64_t)def->fig[MIG_FIG_IDS_EMPTY].v[0].value;
	int r;

	r = check_product(rd);
	if (r >= 0)
		r = check_geometry(rd);
	if (r >= 0)
		r = check_amounts(rd);
	for (uint32_t i = 0; r >= 0 && i < def->n_gi; i++) {
		r = check_identity(rd, i);
		if (r >= 0)
			r = check_placements(rd, i);
		if (r >= 0)
			r = check_share(rd, i);
		if (r >= 0)
			r = check_cis(rd, i);
		if (r >= 0 && PVALUE(&def->gi[i], ID) < 64 &&
		    others & UINT64_C(1) << PVALUE(&def->gi[i], ID))
			r = spec_fail(rd->doc, rd->marks->fig[MIG_FIG_IDS_NOT_SUPPORTED],
				      rd->reterr, "'other-ids' has %u, the id of profile %s",
				      PVALUE(&def->gi[i], ID), def->gi[i].name);
	}
	return r;
}
