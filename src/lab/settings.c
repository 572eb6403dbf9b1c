/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * What programs set on a GPU: limits, clocks, ECC, compute mode; and the energy it uses meanwhile.
 * On hardware these live in the driver and the GPU, not in the process that set them: every process
 * sees them at once, and loading the driver anew (a reset, a reboot) brings the board's own back.
 */

uint64_t lab_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint32_t lab_power_mw(const struct mig_board *board, const struct lab_gpu *gpu)
{
	return gpu->set.power_mw >= 0 ? (uint32_t)gpu->set.power_mw : board->idle_power_mw;
}

uint64_t lab_energy_mj(const struct mig_board *board, const struct lab_gpu *gpu, uint64_t now_us)
{
	uint64_t at = gpu->energy_at_us;
	uint64_t us = now_us > at ? now_us - at : 0; /* clocks are set back */

	/* mW x us is nJ. In two parts: a year at 1 kW would overflow as one product. */
	return gpu->energy_mj + us / 1000000u * lab_power_mw(board, gpu) +
	       us % 1000000u * lab_power_mw(board, gpu) / 1000000u;
}

void lab_count_energy(const struct mig_board *board, struct lab_gpu *gpu)
{
	uint64_t now = lab_now_us();

	gpu->energy_mj = lab_energy_mj(board, gpu, now);
	gpu->energy_at_us = now;
}

void lab_driver_forgets(struct lab_gpu *gpu)
{
	memset(&gpu->user, 0, sizeof(gpu->user));
	gpu->ecc_current = gpu->ecc_pending;
	gpu->set.ecc_volatile = LAB_AUTO;
	gpu->set.ecc_volatile_corrected = LAB_AUTO;
	gpu->energy_mj = 0;
	gpu->energy_at_us = gpu->loaded_at_us = lab_now_us();
	/* A row waits for the next start of the GPU to be replaced: this is it. */
	gpu->set.remap_pending = LAB_AUTO;
	gpu->needs_reset = 0;
}

struct setting {
	unsigned gpu, value;
	int (*fn)(struct lab_settings *user, const void *arg);
	const void *arg;
};

static int run(struct lab *lab, lab_change_fn fn, struct setting *s)
{
	if (!lab_may_change(lab))
		return -EPERM;
	if (s->gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change(lab, fn, s);
}

static int set_ecc(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;

	(void)lab;
	st->gpu[s->gpu].ecc_pending = s->value != 0;
	return lab_gpu_broken(&st->gpu[s->gpu]);
}

int lab_set_ecc_mode(struct lab *lab, unsigned gpu, bool on)
{
	return run(lab, set_ecc, &(struct setting){ .gpu = gpu, .value = on });
}

static int set_compute_mode(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;
	struct lab_gpu *gpu = &st->gpu[s->gpu];

	(void)lab;
	if (gpu->lost)
		return -ENODEV;
	if (gpu->mig_current)
		return -ENOTSUP;
	gpu->compute_mode = (uint8_t)s->value;
	return 0;
}

int lab_set_compute_mode(struct lab *lab, unsigned gpu, unsigned mode)
{
	return run(lab, set_compute_mode, &(struct setting){ .gpu = gpu, .value = mode });
}

static int set_settings(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;
	struct lab_gpu *gpu = &st->gpu[s->gpu];
	int r = lab_gpu_broken(gpu);

	if (r < 0)
		return r;
	lab_count_energy(lab_board(lab, gpu), gpu);
	return s->fn(&gpu->user, s->arg);
}

int lab_set_settings(struct lab *lab, unsigned gpu,
		     int (*fn)(struct lab_settings *user, const void *arg), const void *arg)
{
	return run(lab, set_settings, &(struct setting){ .gpu = gpu, .fn = fn, .arg = arg });
}

static int clear_ecc(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;
	struct lab_gpu *gpu = &st->gpu[s->gpu];
	int r = lab_gpu_broken(gpu);

	(void)lab;
	if (r < 0)
		return r;
	if (!gpu->ecc_current)
		return -ENOTSUP;
	if (s->value) {
		gpu->set.ecc_aggregate = LAB_AUTO;
		gpu->set.ecc_aggregate_corrected = LAB_AUTO;
	} else {
		gpu->set.ecc_volatile = LAB_AUTO;
		gpu->set.ecc_volatile_corrected = LAB_AUTO;
	}
	return 0;
}

int lab_clear_ecc(struct lab *lab, unsigned gpu, bool aggregate)
{
	return run(lab, clear_ecc, &(struct setting){ .gpu = gpu, .value = aggregate });
}
