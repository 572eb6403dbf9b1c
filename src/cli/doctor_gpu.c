/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "observe/health.h"
#include "observe/observe.h"

/* The condition of a GPU: lost, in need of a reset, with rows to replace; and its persistence. */

static void reset_command(struct doctor *d, struct doctor_finding *f, const struct mig_gpu *gpu)
{
	doctor_command(d, f, "sudo nvidia-smi -i %u --gpu-reset", gpu->index);
}

static struct doctor_finding *problem(struct doctor *d, const char *check,
				      const struct mig_gpu *gpu)
{
	return doctor_new(d, DOCTOR_PROBLEM, check, (int32_t)gpu->index, CLI_NONE);
}

/* A GPU of which the driver says nothing else. */
static void does_not_answer(struct doctor *d, const struct mig_gpu *gpu)
{
	struct doctor_finding *f;

	if (gpu->status == NVML_ERROR_GPU_IS_LOST) {
		f = problem(d, "gpu-lost", gpu);
		doctor_what(d, f,
			    "the GPU has fallen off the bus (%s says %s): nothing less than a "
			    "reboot brings it back, and Xid 79 in the kernel's log says when it "
			    "went",
			    gpu->failed_call, observe_status_name(gpu->status));
		doctor_command(d, f, "sudo reboot");
	} else if (gpu->status == NVML_ERROR_RESET_REQUIRED) {
		f = problem(d, "reset-required", gpu);
		doctor_what(d, f, "the GPU needs a reset before it does anything (%s says %s)",
			    gpu->failed_call, observe_status_name(gpu->status));
		reset_command(d, f, gpu);
	} else {
		f = problem(d, "gpu-silent", gpu);
		doctor_what(d, f,
			    "the GPU does not answer: %s says %s; the kernel's log may say why",
			    gpu->failed_call, observe_status_name(gpu->status));
		doctor_command(d, f, "sudo dmesg | grep -E 'NVRM|Xid'");
	}
}

/* Whether it needs a reset, which two calls may tell: the older drivers have no recovery action. */
static bool needs_reset(struct doctor *d, const struct mig_gpu *gpu, const struct observe_health *h)
{
	static const char *const actions[] = {
		[OBSERVE_RECOVERY_RESET] = "a reset",
		[OBSERVE_RECOVERY_REBOOT] = "a reboot",
		[OBSERVE_RECOVERY_DRAIN_P2P] =
			"that its work with other GPUs ends, and then a reset",
		[OBSERVE_RECOVERY_DRAIN_AND_RESET] = "that its work ends, and then a reset",
	};
	uint64_t action = h->recovery.status ? 0 : h->recovery.value;
	bool refuses = h->temperature.status == NVML_ERROR_RESET_REQUIRED;
	struct doctor_finding *f;

	if (!action && !refuses)
		return false;
	f = problem(d, "reset-required", gpu);
	if (action && action <= OBSERVE_RECOVERY_DRAIN_AND_RESET)
		doctor_what(d, f,
			    "the GPU needs %s, says the driver (recovery action %u), and creates "
			    "no instances until then; 'migctl who -i %u' says who has to stop",
			    actions[action], (unsigned)action, gpu->index);
	else if (action)
		doctor_what(d, f,
			    "the driver asks for a recovery action that is not known here, %u",
			    (unsigned)action);
	else
		doctor_what(d, f,
			    "the GPU needs a reset (nvmlDeviceGetTemperature says %s); 'migctl who "
			    "-i %u' says who has to stop",
			    observe_status_name(h->temperature.status), gpu->index);
	if (action == OBSERVE_RECOVERY_REBOOT)
		doctor_command(d, f, "sudo reboot");
	else
		reset_command(d, f, gpu);
	return true;
}

/* Rows of memory: NVIDIA's "GPU Memory Error Management" says what each state asks for. */
static void rows(struct doctor *d, const struct mig_gpu *gpu, const struct observe_health *h)
{
	struct doctor_finding *f;

	if (!h->remap_pending.status && h->remap_pending.value) {
		f = problem(d, "row-remap-pending", gpu);
		doctor_what(d, f,
			    "a row of its memory is bad and is replaced at the next reset (%u "
			    "replaced or to be replaced); 'migctl who -i %u' says who has to stop",
			    (unsigned)h->remapped.value, gpu->index);
		reset_command(d, f, gpu);
	}
	if (!h->remap_failed.status && h->remap_failed.value) {
		f = problem(d, "row-remap-failure", gpu);
		doctor_what(d, f,
			    "a bad row of its memory could not be replaced: no reset mends that, "
			    "and NVIDIA takes such a GPU back; the command gathers what it asks "
			    "for");
		doctor_command(d, f, "sudo nvidia-bug-report.sh");
	}
}

/*
 * "When persistence mode is enabled the NVIDIA driver remains loaded even when no active clients
 * exist" (nvidia-smi --help-query-gpu, 580). What a driver that is loaded anew leaves: NVIDIA's MIG
 * guide says that the mode is kept on Ampere and not since Hopper, and instances are kept nowhere.
 */
static void persistence(struct doctor *d, const struct mig_gpu *gpu, const struct observe_health *h)
{
	struct doctor_finding *f;

	if (h->persistence.status || h->persistence.value || gpu->mode_status ||
	    gpu->mode != MIG_MODE_ON)
		return;
	f = doctor_new(d, DOCTOR_NOTE, "persistence", (int32_t)gpu->index, CLI_NONE);
	doctor_what(d, f,
		    "persistence mode is off: the driver may let go of the GPU when no program has "
		    "it open, and the next program waits for its start; a driver that is loaded "
		    "anew %s, and no instances",
		    gpu->board.mode_needs_reset ? "still finds MIG mode (it is kept on Ampere)"
						: "finds no MIG mode (since Hopper)");
	doctor_command(d, f, "sudo nvidia-smi -i %u -pm 1", gpu->index);
}

/* NOT_SUPPORTED and the like say that there is nothing to be asked: other refusals hide something.
 */
static void unseen(struct doctor *d, const struct mig_gpu *gpu, const struct mig_reading *value,
		   const char *what)
{
	switch (value->status) {
	case NVML_SUCCESS:
	case MIG_NOT_ASKED:
	case NVML_ERROR_NOT_SUPPORTED:
	case NVML_ERROR_FUNCTION_NOT_FOUND:
	case NVML_ERROR_INVALID_ARGUMENT:
	case NVML_ERROR_RESET_REQUIRED:
		return;
	default:
		doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(value->status),
				"%s of GPU %u", what, gpu->index);
	}
}

void doctor_condition(struct doctor *d, const struct mig_gpu *gpu)
{
	struct observe_health h;

	if (gpu->status) {
		does_not_answer(d, gpu);
		return;
	}
	if (d->s->recorded || doctor_leaves_out(d, gpu))
		return;
	observe_health(&d->source.nvml.api, gpu->index, &h);
	if (h.status) {
		doctor_not_seen(d, (int32_t)gpu->index, observe_status_name(h.status),
				"the condition of GPU %u", gpu->index);
		return;
	}
	if (!needs_reset(d, gpu, &h)) {
		unseen(d, gpu, &h.recovery, "the recovery action");
		unseen(d, gpu, &h.temperature, "whether it needs a reset, by the temperature");
	}
	rows(d, gpu, &h);
	unseen(d, gpu, &h.remap_pending, "the remapped rows");
	persistence(d, gpu, &h);
	unseen(d, gpu, &h.persistence, "the persistence mode");
}
