/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * MIG mode, reset, reboot. On Ampere a mode change is a GPU reset: done by the call itself while
 * nobody uses the GPU, pending otherwise, kept over a reboot. From Hopper on it is immediate and
 * lost at a reboot. Instances survive neither a reset nor a reboot (NVIDIA's MIG guide).
 */

struct mode {
	unsigned gpu;
	bool on;
};

static void clear_instances(struct lab_gpu *gpu)
{
	memset(gpu->gi, 0, sizeof(gpu->gi));
}

static bool any_gi(const struct lab_gpu *gpu)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used)
			return true;
	return false;
}

static bool any_ci(const struct lab_gpu *gpu)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		for (unsigned c = 0; c < MIG_MAX_CI; c++)
			if (gpu->gi[i].used && gpu->gi[i].ci[c].used)
				return true;
	return false;
}

/* Leaving MIG mode with instances: refused on a GH200 (seen), done by the lesson on an A100. */
static bool instances_forbid(const struct lab *lab, const struct mig_board *board,
			     const struct lab_gpu *gpu)
{
	if (!board->mode_needs_reset)
		return any_gi(gpu);
	switch (lab->map->con->rule[LAB_RULE_DISABLE_WITH_GI]) {
	case 0:
		return any_ci(gpu);
	case 1:
		return any_gi(gpu);
	default:
		return false;
	}
}

/* RTX PRO workstation boards said [N/A] to the mode until their display ports were disabled. */
bool lab_has_mig_mode(const struct mig_board *board, const struct lab_gpu *gpu)
{
	return board->n_gi && (!board->mode_display_off || gpu->display_off);
}

/* What MIG mode has not: accounting (OGKM; nvml.h at SetAccountingMode), compute modes but the
 * default (nvml.h at SetComputeMode).
 */
static void enter_mig_mode(struct lab_state *st, unsigned gpu)
{
	lab_account_off(st, gpu);
	st->gpu[gpu].compute_mode = 0;
}

static int set_mode(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct mode *m = arg;
	struct lab_gpu *gpu = &st->gpu[m->gpu];
	const struct mig_board *board = lab_board(lab, gpu);
	bool changes = gpu->mig_current != m->on;
	int r = lab_gpu_broken(gpu);

	if (r < 0)
		return r;
	if (!lab_has_mig_mode(board, gpu))
		return -ENOTSUP;
	if (changes && !m->on && instances_forbid(lab, board, gpu))
		return -EBUSY;
	gpu->mig_pending = m->on;
	if (!changes)
		return 0; /* cancels what was pending */
	if (board->mode_needs_reset &&
	    (lab_gpu_in_use(lab, m->gpu) || lab_count_clients(lab, st, m->gpu, -1, -1)))
		return 1;
	gpu->mig_current = m->on;
	clear_instances(gpu);
	if (m->on)
		enter_mig_mode(st, m->gpu);
	if (board->mode_needs_reset)
		lab_driver_forgets(gpu);
	lab_raise(st, LAB_EVENT_MIG_CONFIG, m->gpu, -1, -1, 0);
	return 0;
}

int lab_set_mig_mode(struct lab *lab, unsigned gpu, bool on)
{
	struct mode m = { .gpu = gpu, .on = on };

	if (!lab_may_change(lab))
		return -EPERM;
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change(lab, set_mode, &m);
}

static int set_persistence(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct mode *m = arg;

	(void)lab;
	st->gpu[m->gpu].persistence = m->on;
	return st->gpu[m->gpu].lost ? -ENODEV : 0;
}

int lab_set_persistence(struct lab *lab, unsigned gpu, bool on)
{
	struct mode m = { .gpu = gpu, .on = on };

	if (!lab_may_change(lab))
		return -EPERM;
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change(lab, set_persistence, &m);
}

static int reset(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct mode *m = arg;
	struct lab_gpu *gpu = &st->gpu[m->gpu];

	if (gpu->lost)
		return -ENODEV;
	if (lab_gpu_in_use(lab, m->gpu) || lab_count_clients(lab, st, m->gpu, -1, -1))
		return -EBUSY;
	if (any_gi(gpu) || gpu->mig_current != gpu->mig_pending)
		lab_raise(st, LAB_EVENT_MIG_CONFIG, m->gpu, -1, -1, 0);
	clear_instances(gpu);
	gpu->mig_current = gpu->mig_pending;
	if (gpu->mig_current)
		enter_mig_mode(st, m->gpu);
	lab_driver_forgets(gpu);
	return 0;
}

int lab_gpu_reset(struct lab *lab, unsigned gpu)
{
	struct mode m = { .gpu = gpu };

	if (!lab_may_change(lab))
		return -EPERM;
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change(lab, reset, &m);
}

/* But for this process, which goes on. */
static bool clients_live(const struct lab *lab, const struct lab_state *st)
{
	uint32_t pid;

	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		if (lab_client_alive(lab, st, i, &pid) && (pid_t)pid != getpid())
			return true;
	return false;
}

static int reboot_change(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)arg;
	/* One may have come since all were ended; its entry must not go while it lives. */
	if (clients_live(lab, st))
		return -EAGAIN;
	for (unsigned i = 0; i < st->n_gpus; i++) {
		struct lab_gpu *gpu = &st->gpu[i];
		bool keeps = lab_board(lab, gpu)->mode_persistent;

		clear_instances(gpu);
		gpu->mig_current = keeps ? gpu->mig_pending : 0;
		gpu->mig_pending = gpu->mig_current;
		lab_driver_forgets(gpu);
		lab_account_off(st, i);
		gpu->compute_mode = 0;
		gpu->persistence = 0;
		gpu->lost = 0;
	}
	memset(st->client, 0, sizeof(st->client));
	st->boot++;
	return 0;
}

/* The kernel names the holder of a lock; a descriptor of the process keeps its pid from reuse. */
static bool end_client(const struct lab *lab, const struct lab_state *st, unsigned i, int sig)
{
	_cleanup_close_ int fd = -1;
	uint32_t pid, again;

	if (!lab_client_alive(lab, st, i, &pid) || (pid_t)pid == getpid())
		return false;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0 || !lab_client_alive(lab, st, i, &again) || again != pid)
		return fd < 0; /* asks again: it may just have ended */
	(void)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	return true;
}

/* Asks all clients to end, and after half a second makes them. */
static int end_clients(struct lab *lab, struct mig_error *reterr)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct lab_state st;

	for (unsigned round = 0; round < 200; round++) {
		bool left = false;

		if (lab_read_state(lab, &st) < 0)
			return mig_fail(reterr, -ENODEV, "the lab was rebooted or destroyed");
		for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
			if (st.client[i].used)
				left = end_client(lab, &st, i, round < 100 ? SIGTERM : SIGKILL) ||
				       left;
		if (!left)
			return 0;
		nanosleep(&pause, NULL);
	}
	return mig_fail(reterr, -EBUSY,
			"a client of the lab does not end: 'migctl lab client list'");
}

/* With the mutex: the next change of another thread finds the new boot and the new view of it. */
static int reboot_once(struct lab *lab)
{
	int r;

	pthread_mutex_lock(&lab_mutex);
	r = lab_change(lab, reboot_change, NULL);
	if (r >= 0) { /* the caller's own view goes on */
		__atomic_store_n(&lab->boot, lab_boot(lab) + 1, __ATOMIC_RELAXED);
		lab_no_client(lab->map);
	}
	pthread_mutex_unlock(&lab_mutex);
	return r;
}

int lab_reboot(struct lab *lab, struct mig_error *reterr)
{
	int r = -EAGAIN;

	if (!lab_may_change(lab))
		return mig_fail(reterr, -EPERM, "only root may reboot this lab: try with sudo");
	for (unsigned tries = 0; tries < 100 && r == -EAGAIN; tries++) {
		r = end_clients(lab, reterr);
		if (r < 0)
			return r;
		r = reboot_once(lab);
	}
	if (r == -EAGAIN)
		return mig_fail(reterr, -EBUSY, "clients come faster than a reboot ends them");
	if (r < 0)
		return mig_fail(reterr, r, "cannot change the lab's state: %s", strerror(-r));
	lab_trouble_rebooted(lab);
	return 0;
}
