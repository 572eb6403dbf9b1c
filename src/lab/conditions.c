/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * What a GPU stays in until a reset or a reboot ends it.
 *
 * One that needs a reset: its firmware (GSP) has crashed or hangs. The open kernel modules then
 * answer whatever would be sent to it with "reset required" (_kgspRpcSanityCheck in
 * kernel_gsp.c), and what the driver knows by itself as before. So nvidia-smi was seen to list such
 * GPUs with name, place and memory, and "[GPU requires reset]" for temperature, utilization and
 * performance state. src/sim asks for readings through sim_live(); changes end here.
 */

/* Spare rows of a GPU: NVIDIA's memory error management says 512. */
#define SPARE_ROWS 512

int lab_gpu_broken(const struct lab_gpu *gpu)
{
	if (gpu->lost)
		return -ENODEV;
	return gpu->needs_reset ? -ENOTRECOVERABLE : 0;
}

void lab_count_error(int32_t *counter)
{
	if (*counter == LAB_AUTO)
		*counter = 0;
	if (*counter < INT32_MAX)
		++*counter;
}

int lab_why_not_changed(int r, struct mig_error *reterr)
{
	if (r == -EPERM)
		return mig_fail(reterr, r, "this user may not write to the lab's file");
	if (r == -ENODEV && reterr && !reterr->msg[0])
		return mig_fail(reterr, r, "the lab was rebooted or destroyed meanwhile");
	return r;
}

struct befall {
	unsigned gpu;
	enum lab_condition what;
	struct mig_error *reterr;
};

static int rows_of(int32_t set)
{
	return set > 0 ? set : 0;
}

/*
 * A row counts from the moment that it is recorded in the inforom, not from when it is replaced
 * (NVIDIA's memory error management, "user visible statistics").
 */
static int remap_row(struct lab_gpu *gpu, const struct befall *b)
{
	struct lab_readings *set = &gpu->set;

	if (rows_of(set->remapped_correctable) + rows_of(set->remapped_uncorrectable) >= SPARE_ROWS)
		return mig_fail(b->reterr, -ENOTSUP,
				"GPU %u has replaced %d rows and has no other: what is left is "
				"row-remap-failure",
				b->gpu, SPARE_ROWS);
	lab_count_error(&set->remapped_uncorrectable);
	lab_count_error(&set->remap_pending);
	return 0;
}

static int befall(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct befall *b = arg;
	struct lab_gpu *gpu = &st->gpu[b->gpu];
	unsigned xid = 0;
	int r = 0;

	(void)lab;
	if (gpu->lost)
		return mig_fail(b->reterr, -ENOTSUP, "GPU %u is lost: reboot the lab", b->gpu);
	switch (b->what) {
	case LAB_CONDITION_LOST:
		gpu->lost = 1;
		xid = LAB_XID_OFF_THE_BUS;
		break;
	case LAB_CONDITION_ROW_REMAP:
		r = remap_row(gpu, b);
		xid = LAB_XID_ROW_REMAP;
		break;
	case LAB_CONDITION_ROW_REMAP_FAILURE:
		gpu->set.remap_failure = 1;
		xid = LAB_XID_ROW_REMAP_FAILURE;
		break;
	default: /* what made it need one has Xids of many kinds: they are injected beside it */
		gpu->needs_reset = 1;
		break;
	}
	if (r >= 0 && xid)
		lab_raise(st, LAB_EVENT_XID, b->gpu, -1, -1, xid);
	return r;
}

int lab_befall(struct lab *lab, unsigned gpu, enum lab_condition what, struct mig_error *reterr)
{
	struct befall b = { .gpu = gpu, .what = what, .reterr = reterr };

	if (reterr)
		reterr->msg[0] = '\0';
	if (gpu >= lab->map->con->n_gpus)
		return mig_fail(reterr, -EINVAL, "there is no GPU %u: this lab has %u", gpu,
				lab->map->con->n_gpus);
	return lab_why_not_changed(lab_change(lab, befall, &b), reterr);
}
