/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

#include "base/util.h"

/* How many GPUs ended in each way. */
struct tally {
	unsigned int in_use, failed;
	nvmlReturn_t worst; /* the last status that was not success */
};

static void reset_one(struct smi *smi, const struct smi_gpu *gpu, struct tally *t)
{
	nvmlReturn_t r = (nvmlReturn_t)smi->env->lab->gpu_reset(gpu->index);

	if (r)
		t->worst = r;
	switch (r) {
	case NVML_SUCCESS:
		fprintf(smi->out, "GPU %s was successfully reset.\n", gpu->bus_id);
		break;
	case NVML_ERROR_IN_USE:
		fprintf(smi->out, "GPU %s is currently in use by another process.\n", gpu->bus_id);
		t->in_use++;
		break;
	case NVML_ERROR_NOT_SUPPORTED:
		fprintf(smi->out, "Resetting GPU %s is not supported.\n", gpu->bus_id);
		break;
	case NVML_ERROR_NO_PERMISSION:
		fprintf(smi->out, "Unable to reset GPU %s: %s\n", gpu->bus_id, smi_error(smi, r));
		break;
	default:
		fprintf(smi->out, "Error occurred during reset of GPU %s: %s\n", gpu->bus_id,
			smi_error(smi, r));
		t->failed++;
	}
}

static void sum_up(struct smi *smi, const struct tally *t)
{
	if (t->in_use)
		fprintf(smi->out,
			"\n%u %s currently being used by one or more other processes "
			"(e.g., Fabric Manager, CUDA application, graphics application "
			"such as an X server, or a monitoring application such as another "
			"instance of nvidia-smi). Please first kill all processes using "
			"%s and all compute applications running in the system.\n",
			t->in_use, t->in_use == 1 ? "device is" : "devices are",
			t->in_use == 1 ? "this device" : "these devices");
	if (t->failed)
		fprintf(smi->out,
			"\n%u %s did not complete reset successfully, and may be in an "
			"unstable state. Please reboot your system.\n",
			t->failed, t->failed == 1 ? "device" : "devices");
}

/*
 * NVML has no call that resets a GPU: NVIDIA's program asks the driver by a private way. In a lab
 * migkit's own table of the simulated library does it.
 */
int smi_reset(struct smi *smi, const char *ids)
{
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	struct tally t = { .worst = NVML_SUCCESS };
	unsigned int i;
	int code;

	if (!smi->env->lab) {
		fprintf(smi->env->err,
			"%s: NVML has no call that resets a real GPU: use NVIDIA's "
			"own \"nvidia-smi --gpu-reset%s%s\"\n",
			smi->env->program, ids ? " -i " : "", ids ? ids : "");
		return 3;
	}
	code = smi_select(smi, ids, &gpus);
	if (code)
		return code;
	for (i = 0; i < gpus.n; i++)
		reset_one(smi, &gpus.gpu[i], &t);
	sum_up(smi, &t);
	if (t.worst)
		return smi_exit_code(t.worst);
	fputs("All done.\n", smi->out);
	return 0;
}
