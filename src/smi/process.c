/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/process.h"

#include <limits.h>

#include "base/util.h"

#define PROCESSES_MAX 512

/* The three kinds of lists share their layout from _v2 on; before R510 there is only the _v2 form.
 */
static nvmlReturn_t ask(struct smi *smi, nvmlDevice_t dev, enum process_type type, unsigned int *n,
			nvmlProcessInfo_t *ret)
{
	typedef nvmlReturn_t (*list_fn)(nvmlDevice_t dev, unsigned int *n, nvmlProcessInfo_t *ret);
	const struct nvml_api *api = smi->api;
	list_fn newer, older;
	unsigned int room = *n;
	nvmlReturn_t r;

	switch (type) {
	case PROCESS_COMPUTE:
		newer = api->nvmlDeviceGetComputeRunningProcesses_v3;
		older = api->nvmlDeviceGetComputeRunningProcesses_v2;
		break;
	case PROCESS_GRAPHICS:
		newer = api->nvmlDeviceGetGraphicsRunningProcesses_v3;
		older = api->nvmlDeviceGetGraphicsRunningProcesses_v2;
		break;
	default:
		newer = api->nvmlDeviceGetMPSComputeRunningProcesses_v3;
		older = api->nvmlDeviceGetMPSComputeRunningProcesses_v2;
	}
	r = newer(dev, n, ret);
	if (r != NVML_ERROR_FUNCTION_NOT_FOUND)
		return r;
	*n = room;
	return older(dev, n, ret);
}

static struct process *find(struct processes *all, const struct process *p)
{
	unsigned int i;

	for (i = 0; i < all->n; i++)
		if (all->p[i].gpu == p->gpu && all->p[i].pid == p->pid && all->p[i].gi == p->gi &&
		    all->p[i].ci == p->ci)
			return &all->p[i];
	return NULL;
}

static nvmlReturn_t merge(struct processes *all, const struct process *p)
{
	struct process *known = find(all, p);

	if (known) {
		known->types |= p->types;
		return NVML_SUCCESS;
	}
	known = realloc(all->p, (all->n + 1) * sizeof(*known));
	if (!known)
		return NVML_ERROR_MEMORY;
	all->p = known;
	all->p[all->n++] = *p;
	return NVML_SUCCESS;
}

nvmlReturn_t processes_add(struct smi *smi, nvmlDevice_t dev, unsigned int gpu, unsigned int types,
			   struct processes *all)
{
	_cleanup_free_ nvmlProcessInfo_t *list = calloc(PROCESSES_MAX, sizeof(*list));
	unsigned int type, i, n;
	nvmlReturn_t r = NVML_SUCCESS;

	if (!list)
		return NVML_ERROR_MEMORY;
	for (type = PROCESS_MPS; type <= PROCESS_GRAPHICS; type <<= 1) {
		if (!(types & type))
			continue;
		n = PROCESSES_MAX;
		r = ask(smi, dev, (enum process_type)type, &n, list);
		for (i = 0; !r && i < n; i++) {
			const struct process p = {
				.gpu = gpu,
				.gi = list[i].gpuInstanceId,
				.ci = list[i].computeInstanceId,
				.pid = list[i].pid,
				.types = type,
				.memory = list[i].usedGpuMemory,
			};

			r = merge(all, &p);
		}
		if (r == NVML_ERROR_MEMORY)
			return r;
	}
	return r;
}

bool process_name(struct smi *smi, const struct process *p, char ret[PROCESS_NAME])
{
	return !smi->api->nvmlSystemGetProcessName(p->pid, ret, PROCESS_NAME);
}
