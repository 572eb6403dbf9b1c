/* SPDX-License-Identifier: Apache-2.0 */
/* Event sets: what happens to the lab's GPUs, for those who wait for it. */
#include "sim/sim.h"

#include <stdatomic.h>
#include <time.h>

#define MAX_SETS	255
#define NO_INSTANCE	0xffffffffu
#define NEVER		UINT64_MAX
#define UNKNOWN_XID	999 /* nvml.h: what eventData says where the driver does not know it */
#define LARGEST_XID	998
#define GENERATION_STEP 4u

/*
 * A set belongs to the process: which GPUs and kinds it is for, and how far it has read the ring of
 * events that all processes share. No lock, so a thread that waits holds nothing that another one,
 * or a forked child, could need. The generation goes free (0 mod 4), being filled, in use; a handle
 * carries it, so that one of a freed set is stale.
 */
enum { FREE = 0, FILLED = 1, USED = 2 };

struct set {
	atomic_uint generation;
	_Atomic(const struct lab_map *) lab; /* of what is below; another one after a new init */
	atomic_ullong seen;		     /* number of the last event that was taken out */
	/* Newest event when the kind was registered for the GPU: older ones are not reported. */
	atomic_ullong since[LAB_MAX_GPUS][LAB_EVENT_KINDS];
};

static struct set sets[MAX_SETS];

static const unsigned long long type_of[LAB_EVENT_KINDS] = {
	[LAB_EVENT_XID] = nvmlEventTypeXidCriticalError,
	[LAB_EVENT_SINGLE_BIT_ECC] = nvmlEventTypeSingleBitEccError,
	[LAB_EVENT_DOUBLE_BIT_ECC] = nvmlEventTypeDoubleBitEccError,
	[LAB_EVENT_MIG_CONFIG] = nvmlEventMigConfigChange,
};

/*
 * What an H200 lists (measured, 580: all that nvml.h names); the second line is of CUDA 12.9, R575.
 * Those that have no kind above can be registered and never come: a lab's clocks and power source
 * do not change by themselves.
 */
static const unsigned long long supported =
	nvmlEventTypeSingleBitEccError | nvmlEventTypeDoubleBitEccError | nvmlEventTypePState |
	nvmlEventTypeXidCriticalError | nvmlEventTypeClock | nvmlEventTypePowerSourceChange |
	nvmlEventMigConfigChange;
static const unsigned long long supported_575 =
	nvmlEventTypeSingleBitEccErrorStorm | nvmlEventTypeDramRetirementEvent |
	nvmlEventTypeDramRetirementFailure | nvmlEventTypeNonFatalPoisonError |
	nvmlEventTypeFatalPoisonError | nvmlEventTypeGpuUnavailableError |
	nvmlEventTypeGpuRecoveryAction;

static unsigned long long supported_types(void)
{
	return sim_const()->driver_major >= 575 ? supported | supported_575 : supported;
}

/* NULL: not a set, or no longer. */
static struct set *set_of(nvmlEventSet_t handle, struct sim_ref *ref)
{
	if (!sim_ref(handle, ref) || ref->kind != SIM_EVENT_SET || ref->gpu >= MAX_SETS ||
	    ref->generation % GENERATION_STEP != USED)
		return NULL;
	return atomic_load(&sets[ref->gpu].generation) == ref->generation ? &sets[ref->gpu] : NULL;
}

static void empty(struct set *s, const struct lab_map *lab)
{
	for (unsigned g = 0; g < LAB_MAX_GPUS; g++)
		for (unsigned k = 0; k < LAB_EVENT_KINDS; k++)
			atomic_store(&s->since[g][k], NEVER);
	atomic_store(&s->seen, 0);
	atomic_store(&s->lab, lab);
}

SIM_ENTRY(nvmlEventSetCreate, (nvmlEventSet_t * set), (set))
{
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < MAX_SETS; i++) {
		unsigned generation = atomic_load(&sets[i].generation);

		if (generation % GENERATION_STEP != FREE ||
		    !atomic_compare_exchange_strong(&sets[i].generation, &generation,
						    generation + FILLED))
			continue;
		empty(&sets[i], NULL);
		atomic_store(&sets[i].generation, generation + USED);
		*set = sim_handle((struct sim_ref){ .kind = SIM_EVENT_SET,
						    .gpu = (uint8_t)i,
						    .generation = generation + USED });
		return NVML_SUCCESS;
	}
	return NVML_ERROR_MEMORY;
}

SIM_ENTRY(nvmlEventSetFree, (nvmlEventSet_t set), (set))
{
	struct sim_ref ref;
	struct set *s = set_of(set, &ref);
	unsigned generation;

	if (!s)
		return NVML_ERROR_INVALID_ARGUMENT;
	generation = ref.generation;
	if (!atomic_compare_exchange_strong(&s->generation, &generation,
					    generation - USED + GENERATION_STEP))
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
	*eventTypes = supported_types();
	return NVML_SUCCESS;
}

/* nvml.h: MIG device handles are not supported here; events of their instances come by the GPU. */
SIM_ENTRY(nvmlDeviceRegisterEvents,
	  (nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set),
	  (device, eventTypes, set))
{
	struct sim_ref ref;
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	struct set *s = set_of(set, &ref);
	struct lab_watch w;

	if (!s && (status == NVML_SUCCESS || status == NVML_ERROR_NOT_SUPPORTED))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (status != NVML_SUCCESS)
		return status;
	if (eventTypes & ~supported_types())
		return NVML_ERROR_NOT_SUPPORTED;
	w = lab_watch(sim_lab());
	if (atomic_load(&s->lab) != w.map)
		empty(s, w.map);
	for (unsigned k = 1; k < LAB_EVENT_KINDS; k++) {
		unsigned long long never = NEVER;

		/* A kind that is registered already goes on from where it is. */
		if (eventTypes & type_of[k])
			(void)atomic_compare_exchange_strong(&s->since[dev.ref.gpu][k], &never,
							     lab_event_newest(&w));
	}
	return NVML_SUCCESS;
}

/* --- waiting -------------------------------------------------------------------------------- */

/*
 * What a waiting thread needs. Another one may shut the library down meanwhile, which closes the
 * lab; its mapping stays.
 */
struct waiting {
	struct lab_watch watch;
	bool all; /* may manage instances: is told what happened to one of them, too (nvml.h) */
};

static bool wanted(const struct waiting *w, const struct set *s, const struct lab_event *e)
{
	uint64_t since;

	if (e->gpu >= LAB_MAX_GPUS || e->kind >= LAB_EVENT_KINDS)
		return false;
	since = atomic_load(&s->since[e->gpu][e->kind]);
	return since != NEVER && e->number > since && (e->gi < 0 || w->all);
}

/* Takes the next event for the set out of the ring; each goes to one of the threads that wait. */
static bool take(const struct waiting *w, struct set *s, struct lab_event *ret)
{
	unsigned long long seen = atomic_load(&s->seen);

	if (atomic_load(&s->lab) != w->watch.map)
		return false;
	while (lab_event_after(&w->watch, seen, ret)) {
		if (!atomic_compare_exchange_strong(&s->seen, &seen, ret->number))
			continue;
		seen = ret->number;
		if (wanted(w, s, ret))
			return true;
	}
	return false;
}

#define NS_PER_MS 1000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

/* Rounded up: a wait that ends in the last millisecond would be too short. */
static unsigned ms_until(uint64_t end, uint64_t now)
{
	return now < end ? (unsigned)((end - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

/*
 * k8s-device-plugin waits in a loop and spins when an answer comes at once, so a wait in vain takes
 * its whole time. nvml.h lets it return early when an interrupt arrives; here it does not. A GPU
 * that fell off the bus ends no wait: events of the others still come.
 */
static nvmlReturn_t wait_for(nvmlEventSet_t set, const void *data, unsigned timeout_ms,
			     struct lab_event *ret)
{
	const struct waiting w = { .watch = lab_watch(sim_lab()),
				   .all = lab_may_change(sim_lab()) };
	uint64_t end = now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	struct sim_ref ref;

	for (;;) {
		struct set *s = set_of(set, &ref);
		uint64_t now;
		int r;

		if (!s || !data)
			return NVML_ERROR_INVALID_ARGUMENT;
		if (take(&w, s, ret))
			return NVML_SUCCESS;
		now = now_ns();
		/* A set that nothing was registered for sleeps, whatever has happened. */
		r = lab_event_wait(&w.watch, atomic_load(&s->lab) ? atomic_load(&s->seen) : NEVER,
				   ms_until(end, now));
		if (r < 0)
			return sim_status(r);
		if (now >= end)
			return NVML_ERROR_TIMEOUT;
		if (!sim_running())
			return NVML_ERROR_UNINITIALIZED;
	}
}

static unsigned long long data_of(const struct lab_event *e)
{
	if (e->kind != LAB_EVENT_XID)
		return 0;
	return e->data <= LARGEST_XID ? e->data : UNKNOWN_XID;
}

SIM_ENTRY(nvmlEventSetWait, (nvmlEventSet_t set, nvmlEventData_v1_t *data, unsigned int timeoutms),
	  (set, data, timeoutms))
{
	struct lab_event e = { 0 };
	nvmlReturn_t status = wait_for(set, data, timeoutms, &e);

	if (status == NVML_SUCCESS)
		*data = (nvmlEventData_v1_t){ .device = sim_gpu_handle(e.gpu),
					      .eventType = type_of[e.kind],
					      .eventData = data_of(&e) };
	return status;
}

SIM_ENTRY(nvmlEventSetWait_v2, (nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms),
	  (set, data, timeoutms))
{
	struct lab_event e = { 0 };
	nvmlReturn_t status = wait_for(set, data, timeoutms, &e);

	if (status == NVML_SUCCESS)
		*data = (nvmlEventData_t){
			.device = sim_gpu_handle(e.gpu),
			.eventType = type_of[e.kind],
			.eventData = data_of(&e),
			.gpuInstanceId = e.gi < 0 ? NO_INSTANCE : (unsigned)e.gi,
			.computeInstanceId = e.ci < 0 ? NO_INSTANCE : (unsigned)e.ci,
		};
	return status;
}
