/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/gpu.h"
#include "observe/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NVML writes this for "the whole GPU" in a process's instance ids. */
#define NO_INSTANCE 0xffffffffu
/* And all bits set for memory that it cannot tell. */
#define NO_MEMORY (~0ull)

struct mig_process *observe_find_process(const struct mig_snapshot *s, const struct mig_process *p)
{
	for (uint32_t i = 0; i < s->n_process; i++)
		if (s->process[i].gpu == p->gpu && s->process[i].gi == p->gi &&
		    s->process[i].ci == p->ci && s->process[i].pid == p->pid)
			return &s->process[i];
	return NULL;
}

int observe_append_process(struct mig_snapshot *s, uint32_t *cap, const struct mig_process *p)
{
	if (s->n_process >= *cap) {
		uint32_t more = s->n_process * 2 + 16;
		struct mig_process *grown = realloc(s->process, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->process = grown;
		*cap = more;
	}
	s->process[s->n_process++] = *p;
	return 0;
}

static void fill_text(char *have, size_t size, const char *text)
{
	if (!have[0])
		snprintf(have, size, "%s", text);
}

int observe_process_add(struct observe *o, const struct mig_process *p)
{
	struct mig_snapshot *s = o->s;
	struct mig_process *have = observe_find_process(s, p);

	if (have) {
		have->kind |= p->kind;
		if (have->memory.status)
			have->memory = p->memory;
		if (have->uid == UINT32_MAX)
			have->uid = p->uid;
		fill_text(have->name, sizeof(have->name), p->name);
		fill_text(have->command, sizeof(have->command), p->command);
		fill_text(have->user, sizeof(have->user), p->user);
		fill_text(have->unit, sizeof(have->unit), p->unit);
		fill_text(have->container, sizeof(have->container), p->container);
		fill_text(have->files, sizeof(have->files), p->files);
		return 0;
	}
	return observe_append_process(s, &o->process_cap, p);
}

typedef nvmlReturn_t (*list_fn)(nvmlDevice_t dev, unsigned int *n, nvmlProcessInfo_t *ret);

/* One list; before R510 there is only the _v2 form, which has the same layout. */
static nvmlReturn_t ask(list_fn newer, list_fn older, nvmlDevice_t dev, unsigned int *n,
			nvmlProcessInfo_t *list)
{
	nvmlReturn_t status;

	*n = MIG_MAX_PROCESSES;
	status = newer(dev, n, list);
	if (status == NVML_ERROR_FUNCTION_NOT_FOUND) {
		*n = MIG_MAX_PROCESSES;
		status = older(dev, n, list);
	}
	return status;
}

static void name_process(struct observe *o, struct mig_process *p)
{
	/* A process of several instances has one name: asked once. */
	for (uint32_t i = 0; i < o->s->n_process; i++)
		if (o->s->process[i].pid == p->pid) {
			memcpy(p->name, o->s->process[i].name, sizeof(p->name));
			return;
		}
	if (o->api->nvmlSystemGetProcessName(p->pid, p->name, sizeof(p->name)))
		p->name[0] = '\0';
	/* The driver hands on what the program calls itself. */
	proc_text(p->name, strnlen(p->name, sizeof(p->name)), p->name, sizeof(p->name));
}

static int add_list(struct observe *o, const struct mig_gpu *gpu, const nvmlProcessInfo_t *list,
		    unsigned n, enum mig_process_kind kind)
{
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		bool told = list[i].usedGpuMemory != NO_MEMORY;
		struct mig_process p = {
			.gpu = gpu->index,
			.gi = list[i].gpuInstanceId == NO_INSTANCE ? -1
								   : (int32_t)list[i].gpuInstanceId,
			.ci = list[i].computeInstanceId == NO_INSTANCE
				      ? -1
				      : (int32_t)list[i].computeInstanceId,
			.pid = list[i].pid,
			.kind = kind,
			.uid = UINT32_MAX,
			.memory = { .status = told ? 0 : NVML_ERROR_NOT_SUPPORTED,
				    .value = told ? list[i].usedGpuMemory : 0 },
		};

		name_process(o, &p);
		r = observe_process_add(o, &p);
	}
	return r;
}

/* The three lists of a handle; *ret_status: of the first that was refused. */
static int lists_of(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu, int32_t *ret_status)
{
	const struct nvml_api *api = o->api;
	const struct {
		list_fn newer, older;
		const char *call;
		enum mig_process_kind kind;
	} lists[] = {
		{ api->nvmlDeviceGetComputeRunningProcesses_v3,
		  api->nvmlDeviceGetComputeRunningProcesses_v2,
		  "nvmlDeviceGetComputeRunningProcesses", MIG_PROCESS_COMPUTE },
		{ api->nvmlDeviceGetGraphicsRunningProcesses_v3,
		  api->nvmlDeviceGetGraphicsRunningProcesses_v2,
		  "nvmlDeviceGetGraphicsRunningProcesses", MIG_PROCESS_GRAPHICS },
		{ api->nvmlDeviceGetMPSComputeRunningProcesses_v3,
		  api->nvmlDeviceGetMPSComputeRunningProcesses_v2,
		  "nvmlDeviceGetMPSComputeRunningProcesses", MIG_PROCESS_MPS },
	};
	nvmlProcessInfo_t list[MIG_MAX_PROCESSES];
	int r = 0;

	*ret_status = 0;
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]) && r == 0; i++) {
		unsigned int n = 0;
		nvmlReturn_t status = ask(lists[i].newer, lists[i].older, dev, &n, list);

		observe_note(gpu, lists[i].call, false, status);
		/* An old driver has no list of MPS clients; no board of some kinds has graphics. */
		if (status == NVML_ERROR_FUNCTION_NOT_FOUND || status == NVML_ERROR_NOT_SUPPORTED)
			continue;
		if (status && !*ret_status)
			*ret_status = (int32_t)status;
		if (!status)
			r = add_list(o, gpu, list, n, lists[i].kind);
	}
	return r;
}

int observe_processes(struct observe *o, nvmlDevice_t dev, struct mig_gpu *gpu)
{
	int r = lists_of(o, dev, gpu, &gpu->process_status);

	/*
	 * In MIG mode the whole GPU's lists are for those who may manage it; each MIG device's are
	 * for those who may use that (nvml.h on the running-process calls).
	 */
	if (r < 0 || gpu->process_status != NVML_ERROR_NO_PERMISSION || gpu->mode != MIG_MODE_ON)
		return r;
	for (unsigned i = 0; i < o->n_mig && r == 0; i++) {
		int32_t status;

		r = lists_of(o, o->mig[i], gpu, &status);
		if (status)
			return r;
	}
	if (o->n_mig)
		gpu->process_status = 0;
	return r;
}
