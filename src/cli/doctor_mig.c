/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "model/stops.h"
#include "observe/observe.h"

/* A mode that waits, and what in MIG mode leaves CUDA nothing to run on. */

static unsigned holders(const struct mig_snapshot *s, const struct mig_gpu *gpu)
{
	static const struct mig_change reset = { MIG_ACTION_RESET, -1, -1 };
	unsigned n = 0;

	for (uint32_t i = 0; i < s->n_process; i++) {
		uint32_t k = 0;

		/* A process has a record for each of its instances. */
		while (k < i && (s->process[k].pid != s->process[i].pid ||
				 s->process[k].gpu != s->process[i].gpu))
			k++;
		n += k == i && mig_is_in_the_way(s, gpu, &reset, &s->process[i]);
	}
	return n;
}

static void say_unseen_holders(struct doctor *d, const struct mig_gpu *gpu)
{
	const struct mig_holders_seen *seen = &d->s->holders;

	if (gpu->process_status)
		doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(gpu->process_status),
				"the driver's lists of processes on GPU %u", gpu->index);
	/* In a lab open files are in nobody's way; who is, its driver tells. */
	if (d->s->lab && seen->lab_status)
		doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(seen->lab_status),
				"who has the lab's driver open, and so GPU %u", gpu->index);
	if (d->s->lab)
		return;
	if (seen->n_unread || seen->hidden)
		doctor_not_seen(d, (int32_t)gpu->index, "only root sees which files they have open",
				"processes of other users, which may hold GPU %u", gpu->index);
	else if (seen->namespaced)
		doctor_not_seen(d, (int32_t)gpu->index, "this is a pid namespace of its own",
				"processes outside of this container, which may hold GPU %u",
				gpu->index);
}

void doctor_mode(struct doctor *d, const struct mig_gpu *gpu)
{
	struct doctor_finding *f;
	unsigned n;

	if (gpu->mode_status || gpu->mode == gpu->pending)
		return;
	n = holders(d->s, gpu);
	f = doctor_new(d, DOCTOR_PROBLEM, "pending-mode", (int32_t)gpu->index, CLI_NONE);
	doctor_what(d, f,
		    "MIG mode is %s and waits for a reset of the GPU to be %s%s; %u process%s that "
		    "could be seen keep%s it from one%s",
		    gpu->mode == MIG_MODE_ON ? "on" : "off",
		    gpu->pending == MIG_MODE_ON ? "on" : "off",
		    gpu->n_gi ? ", which ends its instances" : "", n, n == 1 ? "" : "es",
		    n == 1 ? "s" : "", n ? ": 'migctl who' says how each is stopped" : "");
	doctor_command(d, f, "sudo nvidia-smi -i %u --gpu-reset", gpu->index);
	if (!doctor_leaves_out(d, gpu))
		say_unseen_holders(d, gpu);
}

/* The profile that takes the whole GPU: what can be created without knowing what is wanted. */
static const struct mig_gi_profile *largest(const struct mig_board *board)
{
	const struct mig_gi_profile *best = NULL;

	for (unsigned i = 0; i < board->n_gi; i++)
		if (!best || board->gi[i].size > best->size)
			best = &board->gi[i];
	return best;
}

static void nothing_there(struct doctor *d, const struct mig_gpu *gpu)
{
	const struct mig_gi_profile *whole = largest(&gpu->board);
	struct doctor_finding *f;

	if (!whole)
		return;
	f = doctor_new(d, DOCTOR_NOTE, "no-instances", (int32_t)gpu->index, CLI_NONE);
	doctor_what(d, f,
		    "it is in MIG mode and has no GPU instance, so no CUDA program can use it; the "
		    "command makes one of the whole GPU, 'migctl layouts -i %u' shows what else it "
		    "can hold",
		    gpu->index);
	doctor_command(d, f, "sudo nvidia-smi mig -i %u -cgi %u -C", gpu->index, whole->id);
}

void doctor_instances(struct doctor *d, const struct mig_gpu *gpu)
{
	if (gpu->mode_status || gpu->mode != MIG_MODE_ON)
		return;
	if (gpu->gi_status) {
		doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(gpu->gi_status),
				"instances of GPU %u that are no MIG device", gpu->index);
	} else if (gpu->board_origin == MIG_BOARD_NONE) {
		doctor_not_seen(d, (int32_t)gpu->index, "the driver names no profiles",
				"the GPU instances of GPU %u", gpu->index);
	} else if (!gpu->n_gi && gpu->pending == MIG_MODE_ON) {
		nothing_there(d, gpu);
	}
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];
		struct doctor_finding *f;

		if (gi->ci_status && !gpu->gi_status)
			doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(gi->ci_status),
					"the compute instances of GPU instance %u of GPU %u",
					gi->id, gpu->index);
		if (gi->ci_status || gi->n_ci)
			continue;
		f = doctor_new(d, DOCTOR_PROBLEM, "gi-without-ci", (int32_t)gpu->index, gi->id);
		doctor_what(d, f,
			    "the GPU instance%s%s has no compute instance, so CUDA has no "
			    "device there",
			    gi->profile < gpu->board.n_gi ? " " : "",
			    gi->profile < gpu->board.n_gi ? gpu->board.gi[gi->profile].name : "");
		doctor_command(d, f, "sudo migctl create %u/%u/%s", gpu->index, gi->id,
			       gi->profile < gpu->board.n_gi ? gpu->board.gi[gi->profile].name
							     : "1c");
	}
}
