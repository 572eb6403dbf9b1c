/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/observe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "nvml/migkit_export.h"
#include "observe/gpu.h"
#include "observe/holders.h"

static const struct migkit_export *lab_of(const struct nvml_api *api)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const void *table = NULL;

	if (api->nvmlInternalGetExportTable(&table, uuid))
		return NULL;
	return table;
}

static void set_versions(const struct nvml_api *api, struct mig_snapshot *s)
{
	char text[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE] = "";
	int cuda = 0;

	if (!api->nvmlSystemGetDriverVersion(text, sizeof(text)))
		snprintf(s->driver, sizeof(s->driver), "%.31s", text);
	text[0] = '\0';
	if (!api->nvmlSystemGetNVMLVersion(text, sizeof(text)))
		snprintf(s->nvml, sizeof(s->nvml), "%.31s", text);
	if (!api->nvmlSystemGetCudaDriverVersion_v2(&cuda) && cuda > 0)
		snprintf(s->cuda, sizeof(s->cuda), "%d.%d", cuda / 1000, cuda % 1000 / 10);
}

static void set_source(const struct nvml_api *api, struct mig_snapshot *s)
{
	const struct migkit_export *lab = lab_of(api);
	const char *dir = lab ? lab->lab_dir() : NULL;
	const char *name = dir ? strrchr(dir, '/') : NULL;

	s->lab = lab != NULL;
	if (lab)
		snprintf(s->source, sizeof(s->source), "lab %.200s", name ? name + 1 : "?");
	else
		snprintf(s->source, sizeof(s->source), "driver %s", s->driver);
	/* A simulated machine is not the one that it is simulated on, in a recording, either. */
	if (lab)
		snprintf(s->host, sizeof(s->host), "%.63s", s->source);
	else if (gethostname(s->host, sizeof(s->host) - 1))
		s->host[0] = '\0';
}

static void blank(struct mig_gpu *gpu, unsigned index)
{
	const struct mig_reading not_asked = { .status = MIG_NOT_ASKED };

	*gpu = (struct mig_gpu){
		.index = index,
		.minor = -1,
		.memory_used = not_asked,
		.memory_free = not_asked,
		.memory_total = not_asked,
		.process_status = MIG_NOT_ASKED,
	};
	for (unsigned i = 0; i < MIG_MAX_GI_PROFILES; i++)
		gpu->remaining[i] = not_asked;
}

static void ask_mode(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	unsigned int mode = 0, pending = 0;
	nvmlReturn_t status = OBSERVE_ESSENTIAL(o, gpu, nvmlDeviceGetMigMode, dev, &mode, &pending);

	gpu->mode_status = (int32_t)status;
	gpu->mig_capable = !status;
	/* Only these two say that there is no such mode; after others nothing is known of the GPU.
	 */
	if (status && status != NVML_ERROR_NOT_SUPPORTED &&
	    status != NVML_ERROR_FUNCTION_NOT_FOUND && !gpu->status) {
		gpu->status = (int32_t)status;
		snprintf(gpu->failed_call, sizeof(gpu->failed_call), "nvmlDeviceGetMigMode");
	}
	if (status)
		return;
	gpu->mode = mode ? MIG_MODE_ON : MIG_MODE_OFF;
	gpu->pending = pending ? MIG_MODE_ON : MIG_MODE_OFF;
}

/* Everything of one GPU that was wished for; the identity is there. */
static int ask_gpu(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	int r = 0;

	ask_mode(o, dev, gpu);
	if (gpu->status)
		return 0;
	if (o->wish & OBSERVE_MEMORY)
		observe_memory(o, dev, gpu, &gpu->memory_used, &gpu->memory_free,
			       &gpu->memory_total);
	/* Instances can only be listed by profile, so their board comes first. */
	if (gpu->mig_capable && ((o->wish & OBSERVE_BOARD) || gpu->mode == MIG_MODE_ON))
		observe_board(o, dev, gpu);
	o->n_mig = 0;
	if (gpu->mode == MIG_MODE_ON)
		observe_instances(o, dev, gpu);
	if (o->wish & (gpu->mode == MIG_MODE_ON ? OBSERVE_REMAINING : OBSERVE_REMAINING_OFF))
		observe_remaining(o, dev, gpu);
	if (o->wish & OBSERVE_PROCESSES)
		r = observe_processes(o, dev, gpu);
	return r;
}

/* *ret_taken: whether the GPU is one of those that were asked for. */
static int observe_gpu(struct observe *o, unsigned index, struct mig_choice *choice,
		       struct mig_gpu *gpu, bool *ret_taken)
{
	nvmlDevice_t dev;
	nvmlReturn_t status;

	*ret_taken = false;
	if (mig_choice_excludes(choice, index))
		return 0;
	blank(gpu, index);
	status = OBSERVE_ESSENTIAL(o, gpu, nvmlDeviceGetHandleByIndex_v2, index, &dev);
	/* Whatever is said of a handle that cannot be had: the GPU does not answer. */
	if (status && !gpu->status) {
		gpu->status = (int32_t)status;
		snprintf(gpu->failed_call, sizeof(gpu->failed_call), "%s",
			 "nvmlDeviceGetHandleByIndex_v2");
	}
	if (!gpu->status)
		observe_identity(o, dev, gpu);
	*ret_taken = mig_choice_takes(choice, gpu);
	if (!*ret_taken || gpu->status)
		return 0;
	return ask_gpu(o, dev, gpu);
}

static int by_place(const void *a, const void *b)
{
	const struct mig_process *p = a, *q = b;

	if (p->gpu != q->gpu)
		return p->gpu < q->gpu ? -1 : 1;
	if (p->gi != q->gi)
		return p->gi < q->gi ? -1 : 1;
	if (p->ci != q->ci)
		return p->ci < q->ci ? -1 : 1;
	return (p->pid > q->pid) - (p->pid < q->pid);
}

static int observe_gpus(struct observe *o, const char *gpus, struct mig_error *reterr)
{
	struct mig_snapshot *s = o->s;
	struct mig_choice choice;
	unsigned int n = 0;
	nvmlReturn_t status;
	int r = mig_choice_begin(&choice, gpus, reterr);

	if (r < 0)
		return r;
	status = o->api->nvmlDeviceGetCount_v2(&n);
	if (status) {
		r = mig_fail(reterr, -EIO, "the driver does not count its GPUs: %s",
			     o->api->nvmlErrorString(status));
		if (reterr)
			reterr->nvml = (int)status;
		return r;
	}
	s->gpu = calloc(n ? n : 1, sizeof(*s->gpu));
	if (!s->gpu)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		bool taken;

		if (observe_gpu(o, i, &choice, &s->gpu[s->n_gpu], &taken) < 0)
			return mig_fail(reterr, -ENOMEM, "out of memory");
		s->n_gpu += taken;
	}
	return mig_choice_end(&choice, n, 0, n ? n - 1 : 0, reterr);
}

static void free_snapshot(struct mig_snapshot **s)
{
	mig_snapshot_free(*s);
}

int observe_machine(const struct nvml_api *api, const char *gpus, unsigned wish,
		    struct mig_snapshot **ret, struct mig_error *reterr)
{
	_cleanup_(free_snapshot) struct mig_snapshot *s = calloc(1, sizeof(*s));
	struct observe o = { .api = api, .wish = wish, .s = s };
	int r;

	if (!s)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	set_versions(api, s);
	set_source(api, s);
	r = observe_gpus(&o, gpus, reterr);
	if (r < 0)
		return r;
	if (wish & OBSERVE_HOLDERS)
		r = observe_holders(api, s, reterr);
	else if (wish & OBSERVE_PROCESSES)
		for (uint32_t i = 0; i < s->n_process; i++)
			observe_describe_process(&s->process[i]);
	if (r < 0)
		return r;
	if (s->n_process)
		qsort(s->process, s->n_process, sizeof(*s->process), by_place);
	/* What the driver let us do says more than who we are; but MIG off asks nothing of root. */
	s->privileged = o.managed || (!o.refused && geteuid() == 0);
	*ret = TAKE_PTR(s);
	return 0;
}
