/* SPDX-License-Identifier: Apache-2.0 */
/* Event sets. Nothing ever happens to a GPU of a lab, but waiting must take its time. */
#include "sim/sim.h"

#include <stdatomic.h>
#include <time.h>

#define MAX_SETS 255

/* Generation of the set in each slot; odd while it exists. */
static atomic_uint sets[MAX_SETS];

static const unsigned long long supported =
	nvmlEventTypeSingleBitEccError | nvmlEventTypeDoubleBitEccError |
	nvmlEventTypeXidCriticalError | nvmlEventTypeClock | nvmlEventMigConfigChange;

static nvmlReturn_t set_of(nvmlEventSet_t handle, struct sim_ref *ref)
{
	if (!sim_ref(handle, ref) || ref->kind != SIM_EVENT_SET || ref->gpu >= MAX_SETS)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (atomic_load(&sets[ref->gpu]) != ref->generation)
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlEventSetCreate, (nvmlEventSet_t * set), (set))
{
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < MAX_SETS; i++) {
		unsigned generation = atomic_load(&sets[i]);

		if (generation % 2 == 1 ||
		    !atomic_compare_exchange_strong(&sets[i], &generation, generation + 1))
			continue;
		*set = sim_handle((struct sim_ref){
			.kind = SIM_EVENT_SET, .gpu = (uint8_t)i, .generation = generation + 1 });
		return NVML_SUCCESS;
	}
	return NVML_ERROR_MEMORY;
}

SIM_ENTRY(nvmlEventSetFree, (nvmlEventSet_t set), (set))
{
	struct sim_ref ref;
	nvmlReturn_t status = set_of(set, &ref);
	unsigned generation;

	if (status != NVML_SUCCESS)
		return status;
	generation = ref.generation;
	if (!atomic_compare_exchange_strong(&sets[ref.gpu], &generation, generation + 1))
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetSupportedEventTypes, (nvmlDevice_t device, unsigned long long *eventTypes),
	  (device, eventTypes))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!eventTypes)
		return NVML_ERROR_INVALID_ARGUMENT;
	*eventTypes = supported;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceRegisterEvents,
	  (nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set),
	  (device, eventTypes, set))
{
	struct sim_ref ref;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS)
		status = set_of(set, &ref);
	if (status != NVML_SUCCESS)
		return status;
	return eventTypes & ~supported ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

/* k8s-device-plugin polls in a loop: an answer at once would make it spin. */
static nvmlReturn_t wait_in_vain(nvmlEventSet_t set, const void *data, unsigned timeout_ms)
{
	struct timespec left = { .tv_sec = timeout_ms / 1000,
				 .tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
	struct sim_ref ref;
	nvmlReturn_t status = set_of(set, &ref);

	if (status != NVML_SUCCESS)
		return status;
	if (!data)
		return NVML_ERROR_INVALID_ARGUMENT;
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return NVML_ERROR_TIMEOUT;
}

SIM_ENTRY(nvmlEventSetWait, (nvmlEventSet_t set, nvmlEventData_v1_t *data, unsigned int timeoutms),
	  (set, data, timeoutms))
{
	return wait_in_vain(set, data, timeoutms);
}

SIM_ENTRY(nvmlEventSetWait_v2, (nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms),
	  (set, data, timeoutms))
{
	return wait_in_vain(set, data, timeoutms);
}
