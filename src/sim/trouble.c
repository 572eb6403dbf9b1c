/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens around a call because somebody ordered it: the time it takes, faults. Out of the way
 * of other calls.
 */
#include "sim/sim.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/trouble.h"
#include "sim/trace.h"

/* The process's name as the kernel has it (15 characters, of a script its own); "" if unknown. */
void sim_process_name(char ret[16])
{
	_cleanup_close_ int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, 15);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* The GPU that a call's handle means, -1: none. */
static int gpu_of(const struct sim_call *call)
{
	struct sim_ref ref;

	if (!call->handle || !sim_ref(call->handle, &ref) || ref.kind > SIM_CI)
		return -1;
	return ref.gpu < sim_const()->n_gpus ? ref.gpu : -1;
}

static bool concerns(const struct lab_fault *fault, const struct sim_call *call)
{
	char name[16];

	if (fault->gpu >= 0 && fault->gpu != gpu_of(call))
		return false;
	if ((fault->does & LAB_FAULT_XID) && gpu_of(call) < 0)
		return false;
	if (!fault->process[0])
		return true;
	sim_process_name(name);
	return strcmp(name, fault->process) == 0;
}

/* As kill -9 ends it. The first process of a container is spared its own signals. */
static void die(void)
{
	(void)kill(getpid(), SIGKILL);
	(void)syscall(SYS_exit_group, 128 + SIGKILL);
}

static void strike(struct sim_call *call, unsigned slot, const struct lab_fault *fault,
		   nvmlReturn_t *status)
{
	struct lab *lab = sim_lab();

	if (fault->does & LAB_FAULT_XID) {
		const struct lab_event xid = { .kind = LAB_EVENT_XID,
					       .data = fault->xid,
					       .gpu = (uint8_t)gpu_of(call),
					       .gi = -1,
					       .ci = -1 };

		/* Who may not write to the lab takes no GPU off its bus. */
		(void)lab_inject(lab, &xid, NULL);
	}
	if (fault->does & LAB_FAULT_TAKE)
		lab_fault_sleep(lab, slot, fault, fault->take_us, false);
	if (fault->does & LAB_FAULT_HANG)
		lab_fault_sleep(lab, slot, fault, UINT64_MAX, true);
	if (fault->does & LAB_FAULT_KILL_BEFORE)
		die();
	if (fault->does & LAB_FAULT_KILL_AFTER)
		call->dies_after = true;
	if (fault->does & LAB_FAULT_RETURN_AFTER && !call->returns_after) {
		call->returns_after = true;
		call->code_after = (nvmlReturn_t)fault->code_after;
	}
	if (fault->does & LAB_FAULT_RETURN && !call->not_done) {
		call->not_done = true;
		*status = (nvmlReturn_t)fault->code;
	}
}

/* Each counts the call and does its part, in the order of their slots; the first return is told. */
static void meet_faults(struct sim_call *call, nvmlReturn_t *status)
{
	struct lab *lab = sim_lab();
	uint32_t words[2];

	lab_trouble_load(lab, offsetof(struct lab_trouble, last_id), sizeof(words), words);
	for (unsigned slot = 0; slot < words[1]; slot++) {
		struct lab_fault fault;

		if (lab_fault_of_call(lab, slot, call->number, &fault) && concerns(&fault, call) &&
		    lab_fault_strikes(lab, slot, &fault))
			strike(call, slot, &fault, status);
	}
}

_Static_assert(offsetof(struct lab_trouble, n_slots) ==
		       offsetof(struct lab_trouble, last_id) + sizeof(uint32_t),
	       "read as one word");

bool sim_before(struct sim_call *call, nvmlReturn_t *status, ...)
{
	uint64_t watch = sim_watch_bits();
	struct timespec t;
	va_list args;

	if (watch & LAB_WATCH_TRACE) {
		va_start(args, status);
		sim_trace_before(call, args);
		va_end(args);
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	call->start_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	call->start_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (*status != NVML_SUCCESS)
		return false;
	if (watch & LAB_WATCH_LATENCY)
		lab_latency_wait(sim_lab(), call->number);
	if (watch & LAB_WATCH_FAULTS)
		meet_faults(call, status);
	return !call->not_done;
}

nvmlReturn_t sim_after(struct sim_call *call, nvmlReturn_t status, ...)
{
	bool ordered = call->not_done || call->returns_after;
	va_list args;

	if (!call->not_done && call->returns_after)
		status = call->code_after;
	/* Before it dies: what it did is worth knowing then above all. */
	if (sim_watch_bits() & LAB_WATCH_TRACE) {
		va_start(args, status);
		sim_trace(call, status, ordered, args);
		va_end(args);
	}
	if (!call->not_done && call->dies_after)
		die();
	return status;
}
