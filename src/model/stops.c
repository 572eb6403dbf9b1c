/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stops.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* Processes that NVML lists have work on the GPU. */
#define WORKING (MIG_PROCESS_COMPUTE | MIG_PROCESS_GRAPHICS | MIG_PROCESS_MPS)

bool mig_action_possible(const struct mig_gpu *gpu, enum mig_action action)
{
	if (gpu->status)
		return false;
	switch (action) {
	case MIG_ACTION_RESET:
		return true;
	case MIG_ACTION_MODE:
		return gpu->mig_capable;
	case MIG_ACTION_FIRST_GI:
		/* Where turning the mode on is a reset, that is what has to be asked about first.
		 */
		return gpu->mig_capable && !gpu->n_gi && !gpu->gi_status &&
		       (gpu->mode == MIG_MODE_ON || !gpu->board.mode_needs_reset);
	default:
		return gpu->mig_capable && gpu->mode == MIG_MODE_ON;
	}
}

/*
 * A process of an instance. The ids of a program that has work are told to those who may manage the
 * GPU; whose are not told may be of any. Who has only a capability's file open keeps that
 * instance (DCGM did, though nvidia-smi listed nobody: DCGM issues 95, 276), and no other.
 */
static bool of_instance(const struct mig_process *p, int gi, int ci)
{
	bool working = p->kind & WORKING;

	if (p->gi < 0)
		return working;
	if (p->gi != gi)
		return false;
	return ci < 0 || p->ci == ci || (p->ci < 0 && working);
}

bool mig_is_in_the_way(const struct mig_snapshot *s, const struct mig_gpu *gpu,
		       const struct mig_change *change, const struct mig_process *p)
{
	if (p->gpu != gpu->index)
		return false;
	/* The simulated driver knows nothing of files, for a lab's are no devices. */
	if (s->lab && !(p->kind & ~(uint32_t)MIG_PROCESS_FILE))
		return false;
	switch (change->action) {
	case MIG_ACTION_RESET:
		return true;
	case MIG_ACTION_MODE:
		/* On Ampere the change is a reset of the GPU; since Hopper it is not. */
		if (gpu->board.mode_needs_reset)
			return true;
		/* Leaving it needs the instances gone. */
		return gpu->mode == MIG_MODE_ON && (p->gi >= 0 || (p->kind & WORKING));
	case MIG_ACTION_FIRST_GI:
		/* Partitioning starts then: nothing may run on the whole GPU (OGKM). */
		return p->kind & WORKING;
	default:
		return of_instance(p, change->gi, change->ci);
	}
}

bool mig_change_unconfirmed(const struct mig_gpu *gpu, const struct mig_change *change)
{
	return change->action == MIG_ACTION_MODE && !gpu->board.mode_needs_reset &&
	       gpu->mode == MIG_MODE_OFF;
}

/* "docker://ID": by the runtime's own program, with the short form of the id. */
static bool stop_container(const char *container, char *ret, size_t size)
{
	static const struct {
		const char *scheme, *command;
		int id_size;
	} known[] = {
		{ "docker://", "docker stop", 12 },	{ "podman://", "podman stop", 12 },
		{ "containerd://", "crictl stop", 13 }, { "cri-o://", "crictl stop", 13 },
		{ "lxc://", "lxc-stop -n", 64 },	{ "nspawn://", "machinectl poweroff", 64 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = strlen(known[i].scheme);

		if (strncmp(container, known[i].scheme, n) != 0)
			continue;
		snprintf(ret, size, "%s %.*s", known[i].command, known[i].id_size, container + n);
		return true;
	}
	return false;
}

static bool stop_unit(const char *unit, char *ret, size_t size)
{
	static const char slurm[] = "slurm/job_", service[] = ".service";
	const char *of_user = strchr(unit, '/');
	size_t n = strlen(unit);

	if (!strncmp(unit, slurm, strlen(slurm))) {
		snprintf(ret, size, "scancel %s", unit + strlen(slurm));
		return true;
	}
	/* A scope is a login session or the like: ending it would end more than this process. */
	if (n <= strlen(service) || strcmp(unit + n - strlen(service), service) != 0 ||
	    (!of_user && !strncmp(unit, "user@", 5)))
		return false;
	if (of_user)
		snprintf(ret, size, "systemctl --user stop %s", of_user + 1);
	else
		snprintf(ret, size, "systemctl stop %s", unit);
	return true;
}

void mig_stop_command(const struct mig_process *p, char *ret, size_t size)
{
	if (!stop_container(p->container, ret, size) && !stop_unit(p->unit, ret, size))
		snprintf(ret, size, "kill %u", p->pid);
}
