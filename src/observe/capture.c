/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "model/board_text.h"
#include "observe/gpu.h"

static void give(struct capture *c, enum mig_board_figure fig, const char *source, int64_t value)
{
	c->fig[fig] = (struct capture_value){ source, value };
}

/* FP32 lanes of a multiprocessor (CUDA's tables of compute capabilities): 64 on the A100 and A30.
 */
static unsigned cores_per_sm(const struct mig_board *b)
{
	return b->cc_major == 8 && b->cc_minor == 0 ? 64 : 128;
}

static void set_geometry(struct capture *c)
{
	const struct mig_board *b = &c->gpu->board;
	bool quarter = b->numbering == MIG_NUMBERING_QUARTER;
	unsigned sm = 0;

	for (unsigned i = 0; i < b->n_gi; i++)
		if (b->gi[i].sm > sm)
			sm = b->gi[i].sm;
	if (c->fig[MIG_FIG_CUDA_CORES].source)
		give(c, MIG_FIG_SM_TOTAL, "RULE",
		     c->fig[MIG_FIG_CUDA_CORES].value / cores_per_sm(b));
	else
		give(c, MIG_FIG_SM_TOTAL, "FAMILY", sm);
	if (!c->fig[MIG_FIG_CUDA_CORES].source)
		give(c, MIG_FIG_CUDA_CORES, "RULE",
		     c->fig[MIG_FIG_SM_TOTAL].value * cores_per_sm(b));
	give(c, MIG_FIG_COMPUTE_SLICES, CAPTURE_NVML, b->compute_slices);
	give(c, MIG_FIG_MEMORY_SLICES, "RULE", b->memory_slices);
	give(c, MIG_FIG_UNITS, CAPTURE_NVML, b->units);
	give(c, MIG_FIG_NUMBERING, observe_numbering_shown(c->gpu) ? CAPTURE_NVML : "FAMILY",
	     b->numbering);
	give(c, MIG_FIG_NUMBERING_FIXED, "FAMILY", quarter);
	give(c, MIG_FIG_NEEDS_RESET, "FAMILY", b->mode_needs_reset);
	give(c, MIG_FIG_PERSISTENT, "FAMILY", b->mode_persistent);
	give(c, MIG_FIG_BESIDE_4G3G, "FAMILY", b->gi_beside_4g3g);
}

/* What NVML did not tell: as our data have it for the same product. */
static void fill_from_data(struct capture *c)
{
	for (enum mig_board_figure f = 0; c->data && f < MIG_BOARD_FIGURE_MAX; f++) {
		const struct mig_variant *v = mig_figure_at(&c->data->fig[f], c->driver);

		/* The group "nvml" holds what only NVML tells: nothing else belongs there. */
		if (!c->fig[f].source && v && strcmp(mig_board_figure_name(f)->group, "nvml") != 0)
			give(c, f, "FAMILY", v->value);
	}
	for (enum mig_board_text t = 0; c->data && t <= MIG_TEXT_GPU_PART_NUMBER; t++) {
		const struct mig_text_variant *v = mig_text_at(&c->data->text[t], c->driver);

		if (c->text_source[t] || !v)
			continue;
		snprintf(c->text[t], sizeof(c->text[t]), "%s", v->text);
		c->text_source[t] = "FAMILY";
	}
}

/* And what is not known then, either: something that a program can print. */
static void fill_chosen(struct capture *c)
{
	static const struct {
		enum mig_board_figure fig;
		int64_t value;
	} chosen[] = {
		{ MIG_FIG_CUDA_MAJOR, 9 },
		{ MIG_FIG_CUDA_MINOR, 0 },
		{ MIG_FIG_PCIE_GEN, 4 },
		{ MIG_FIG_PCIE_WIDTH, 16 },
		{ MIG_FIG_DISPLAY, 0 },
		{ MIG_FIG_MEMORY_RESERVED, 0 },
		{ MIG_FIG_MEMORY_PER_SLICE, 12800 },
		{ MIG_FIG_BAR1_TOTAL, 0 },
		{ MIG_FIG_BAR1_USED, 0 },
		{ MIG_FIG_FAN, 0 },
		{ MIG_FIG_IDLE_C, 35 },
		{ MIG_FIG_SLOWDOWN_C, 89 },
		{ MIG_FIG_SHUTDOWN_C, 95 },
		{ MIG_FIG_IDLE_W, 50000 },
		{ MIG_FIG_LIMIT_W, 300000 },
		{ MIG_FIG_MIN_W, 100000 },
		{ MIG_FIG_MAX_W, 300000 },
		{ MIG_FIG_IDLE_SM_MHZ, 345 },
		{ MIG_FIG_IDLE_MEM_MHZ, 1593 },
		{ MIG_FIG_IDLE_VIDEO_MHZ, 765 },
		{ MIG_FIG_MAX_SM_MHZ, 1410 },
		{ MIG_FIG_MAX_MEM_MHZ, 1593 },
		{ MIG_FIG_MAX_VIDEO_MHZ, 1290 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(chosen); i++)
		if (!c->fig[chosen[i].fig].source)
			give(c, chosen[i].fig, "CHOSEN", chosen[i].value);
	for (enum mig_board_text t = 0; t <= MIG_TEXT_GPU_PART_NUMBER; t++)
		if (!c->text_source[t]) {
			/* As nvidia-smi prints what a board does not tell. */
			snprintf(c->text[t], sizeof(c->text[t]), "N/A");
			c->text_source[t] = "CHOSEN";
		}
}

/*
 * A GPU at work has readings that are not an idle one's, and for a moment above its limits. What is
 * read is kept, unless it would contradict a limit.
 */
static void keep_order(struct capture *c)
{
	static const struct {
		enum mig_board_figure less, more;
	} pairs[] = {
		{ MIG_FIG_IDLE_C, MIG_FIG_SLOWDOWN_C },
		{ MIG_FIG_SLOWDOWN_C, MIG_FIG_SHUTDOWN_C },
		{ MIG_FIG_LIMIT_W, MIG_FIG_MAX_W },
		{ MIG_FIG_MIN_W, MIG_FIG_LIMIT_W },
		{ MIG_FIG_IDLE_W, MIG_FIG_LIMIT_W },
		{ MIG_FIG_IDLE_SM_MHZ, MIG_FIG_MAX_SM_MHZ },
		{ MIG_FIG_IDLE_MEM_MHZ, MIG_FIG_MAX_MEM_MHZ },
		{ MIG_FIG_IDLE_VIDEO_MHZ, MIG_FIG_MAX_VIDEO_MHZ },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (c->fig[pairs[i].less].value > c->fig[pairs[i].more].value)
			give(c, pairs[i].less, "RULE", c->fig[pairs[i].more].value);
}

/*
 * BAR1 of the MIG devices, which only they tell. Drivers up to 570 gave each its share of the
 * board's, less a MiB; later ones less, by a factor of which no rule is known: 12211 of 32768 on
 * the Ampere boards seen.
 */
static struct capture_value bar1_of(const struct capture *c, const struct mig_gi_profile *p)
{
	int64_t share = c->fig[MIG_FIG_BAR1_TOTAL].value * p->size / c->gpu->board.units;

	for (uint32_t i = 0; c->data && i < c->data->n_gi; i++) {
		const struct mig_gi_def *d = &c->data->gi[i];
		const struct mig_variant *v = mig_figure_at(&d->fig[MIG_PFIG_BAR1_MB], c->driver);

		if (d->fig[MIG_PFIG_ID].n && d->fig[MIG_PFIG_ID].v[0].value == p->id && v)
			return (struct capture_value){ "FAMILY", v->value };
	}
	if (mig_driver_major(c->s->driver) <= 570)
		return (struct capture_value){ "BAR1-570", share ? share - 1 : 0 };
	return (struct capture_value){ "BAR1-580", share * 12211 / 32768 };
}

/* A GPU instance tells its CI profiles; without one they follow from the chip's family. */
static void set_profiles(struct capture *c)
{
	const struct mig_gpu *gpu = c->gpu;

	for (unsigned i = 0; i < gpu->board.n_gi; i++) {
		c->gi[i] = gpu->board.gi[i];
		c->bar1[i] = bar1_of(c, &c->gi[i]);
		for (unsigned g = 0; g < gpu->n_gi; g++)
			if (gpu->gi[g].profile == i && gpu->gi[g].ci_starts[0])
				c->ci_source[i] = CAPTURE_NVML;
		if (c->ci_source[i])
			continue;
		c->ci_source[i] = "FAMILY";
		observe_ci_by_family(&gpu->board, &c->gi[i]);
	}
}

static int check(const struct mig_snapshot *s, struct mig_error *reterr)
{
	const struct mig_gpu *gpu = &s->gpu[0];

	if (gpu->status)
		return observe_gpu_answers(gpu, reterr);
	if (!gpu->mig_capable)
		return mig_fail(reterr, -ENOTSUP,
				"GPU %u, %s, has no MIG mode: there is no board to capture",
				gpu->index, gpu->name);
	if (gpu->board_origin == MIG_BOARD_NONE || !gpu->board.n_gi)
		return mig_fail(reterr, -ENOTSUP, "GPU %u, %s: the driver lists no profiles",
				gpu->index, gpu->name);
	if (gpu->board_origin != MIG_BOARD_FROM_NVML && !s->privileged)
		return mig_fail(reterr, -EPERM,
				"GPU %u: the driver lists placements for root alone; as root this "
				"command only reads, too",
				gpu->index);
	return 0;
}

void capture_since(const char *driver, char ret[24])
{
	struct mig_driver known;
	unsigned newest = 0;

	for (unsigned i = 0; mig_driver_branch_at(i); i++)
		newest = mig_driver_branch_at(i);
	if (mig_driver_parse(driver, &known, NULL) < 0 && mig_driver_major(driver) > newest)
		snprintf(ret, 24, "%u.00.00", newest);
	else
		snprintf(ret, 24, "%.23s", driver);
}

int observe_capture(const struct nvml_api *api, const struct mig_snapshot *s, const char *key,
		    char **ret, struct mig_error *reterr)
{
	_cleanup_free_ struct capture *c = calloc(1, sizeof(*c));
	nvmlReturn_t status;
	nvmlDevice_t dev;
	int r = check(s, reterr);

	if (r < 0)
		return r;
	if (!c)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	c->s = s;
	c->gpu = &s->gpu[0];
	capture_since(s->driver, c->since);
	r = mig_driver_parse_code(c->since, &c->driver, reterr);
	if (r < 0)
		return r;
	if (c->gpu->board.key[0])
		c->data = mig_board_find(c->gpu->board.key);
	status = api->nvmlDeviceGetHandleByIndex_v2(c->gpu->index, &dev);
	if (status)
		return mig_fail(reterr, -EIO, "GPU %u does not answer: %s", c->gpu->index,
				observe_status_name((int)status));
	capture_ask(api, dev, c);
	set_geometry(c);
	fill_from_data(c);
	fill_chosen(c);
	keep_order(c);
	set_profiles(c);
	*ret = capture_write(c, key);
	return *ret ? 0 : mig_fail(reterr, -ENOMEM, "out of memory");
}
