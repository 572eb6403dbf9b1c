/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of functions behind nvmlInternalGetExportTable that NVIDIA's nvidia-smi cannot do
 * without. No header declares it: what each slot is was found by running nvidia-smi 470, 535 and
 * 550 on libraries that are not NVIDIA's, by what it then prints, and by recordings of 580 on real
 * GPUs.
 */
#include "sim/smi_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/parse.h"
#include "sim/process.h"
#include "sim/reading.h"
#include "sim/trace.h"

typedef void slot(void);

/* Word 0 is the size in bytes; slot n lies at byte 8 n. nvidia-smi wants more than 648 bytes. */
#define SLOTS 600
struct smi_table {
	slot *slot[SLOTS];
};

static nvmlReturn_t not_supported(unsigned n)
{
	int saved_errno = errno;
	char name[32];

	if (sim_watched())
		sim_trace_slot(n, NVML_ERROR_NOT_SUPPORTED);
	snprintf(name, sizeof(name), "smi slot %u", n);
	sim_log(name, NVML_ERROR_NOT_SUPPORTED);
	errno = saved_errno;
	return NVML_ERROR_NOT_SUPPORTED;
}

/* A function of its own for each slot, so that the log can say which one a program stops at. */
#define UNKNOWN_SLOT(n, params)                    \
	static nvmlReturn_t unknown_##n params     \
	{                                          \
		return not_supported(1##n - 1000); \
	}
#define UNKNOWN(n)		   UNKNOWN_SLOT(n, (void))
#define FIVE(f, t, a, b, c, d, e)  f(t##a) f(t##b) f(t##c) f(t##d) f(t##e)
#define TEN(f, t)		   FIVE(f, t, 0, 1, 2, 3, 4) FIVE(f, t, 5, 6, 7, 8, 9)
#define FIFTY(f, h, a, b, c, d, e) TEN(f, h##a) TEN(f, h##b) TEN(f, h##c) TEN(f, h##d) TEN(f, h##e)
#define HUNDRED(f, h)		   FIFTY(f, h, 0, 1, 2, 3, 4) FIFTY(f, h, 5, 6, 7, 8, 9)
#define ALL(f)			   HUNDRED(f, 0) HUNDRED(f, 1) HUNDRED(f, 2) HUNDRED(f, 3) HUNDRED(f, 4) HUNDRED(f, 5)

ALL(UNKNOWN)

/*
 * A slot that is known, as SIM_ENTRY makes NVML's functions: n is for the log, what follows is the
 * body. To faults and traces it is the function of NVML that asks the same, or a name of its own.
 */
#define SMI_SLOT(n, name, call, params, args)                                                \
	static nvmlReturn_t body_##name params;                                              \
	static nvmlReturn_t slot_##name params                                               \
	{                                                                                    \
		int saved_errno = errno;                                                     \
		nvmlReturn_t r = sim_enter(0);                                               \
                                                                                             \
		SIM_CALL(r, SIM_BY_SLOT(SIM_CALL_##call, n), SIM_HANDLE args, SIM_REST args, \
			 body_##name args)                                                   \
		sim_log("smi slot " #n " " #name, r);                                        \
		errno = saved_errno;                                                         \
		return r;                                                                    \
	}                                                                                    \
	static nvmlReturn_t body_##name params

/* A slot whose body asks NVML's exported functions: they are the calls. */
#define SMI_SLOT_BY(n, name, params, args)            \
	static nvmlReturn_t body_##name params;       \
	static nvmlReturn_t slot_##name params        \
	{                                             \
		int saved_errno = errno;              \
		nvmlReturn_t r = sim_enter(0);        \
                                                      \
		if (r == NVML_SUCCESS)                \
			r = body_##name args;         \
		sim_log("smi slot " #n " " #name, r); \
		errno = saved_errno;                  \
		return r;                             \
	}                                             \
	static nvmlReturn_t body_##name params

/* Called with texts, for a trace that only NVIDIA reads. */
static nvmlReturn_t slot_trace(void)
{
	return NVML_SUCCESS;
}

/* "-i BUS-ID" is read by the library, and each GPU's place asked for to compare. */
SMI_SLOT(12, parse_bus_id, smi_parse_bus_id,
	 (const char *text, unsigned *domain, unsigned *bus, unsigned *device, unsigned *function),
	 (text, domain, bus, device, function))
{
	struct sim_bus_id id;

	if (!sim_parse_bus_id(text, &id))
		return NVML_ERROR_INVALID_ARGUMENT;
	*domain = id.domain;
	*bus = id.bus;
	*device = id.device;
	*function = id.function;
	return NVML_SUCCESS;
}

/* Of a lost GPU as well: the kernel gave out the places when the driver was loaded. */
SMI_SLOT(75, place_by_index, smi_place_by_index,
	 (unsigned index, unsigned *domain, unsigned *bus, unsigned *device),
	 (index, domain, bus, device))
{
	struct sim_dev dev = { .gpu.lost = 0 };
	nvmlReturn_t status = sim_gpu(index, &dev);

	if (status != NVML_SUCCESS && !dev.gpu.lost)
		return status;
	*domain = dev.gpu.pci_domain;
	*bus = dev.gpu.pci_bus;
	*device = dev.gpu.pci_device;
	return NVML_SUCCESS;
}

SMI_SLOT_BY(81, handle_by_index, (unsigned index, nvmlDevice_t *device), (index, device))
{
	return nvmlDeviceGetHandleByIndex_v2(index, device);
}

/* "Is it the primary (console) GPU": asked before a reset, which 1 would forbid. */
SMI_SLOT(20, is_primary, smi_is_primary, (nvmlDevice_t device, unsigned *primary),
	 (device, primary))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS)
		*primary = 0;
	return status;
}

/*
 * Asked before a reset: how the GPUs hang together. At 1 nvidia-smi resets them one by one through
 * slot 13 and tells the outcome of each; at other answers it takes all of them as a group.
 */
SMI_SLOT(169, fabric, smi_reset_group, (unsigned *kind), (kind))
{
	*kind = 1;
	return NVML_SUCCESS;
}

/*
 * nvidia-smi lets the library gather the GPUs that it is to reset, asks for their bus ids (texts
 * from malloc, which it frees) and gives the group back: it compares them with what the user named.
 */
struct reset_group {
	unsigned count;
	nvmlDevice_t device[LAB_MAX_GPUS];
};

SMI_SLOT(182, group_make, smi_reset_group,
	 (struct reset_group * *group, const nvmlDevice_t *devices, unsigned count),
	 (group, devices, count))
{
	struct reset_group *made;

	if (count > LAB_MAX_GPUS)
		return NVML_ERROR_INVALID_ARGUMENT;
	made = calloc(1, sizeof(*made));
	if (!made)
		return NVML_ERROR_MEMORY;
	made->count = count;
	memcpy(made->device, devices, count * sizeof(*devices));
	*group = made;
	return NVML_SUCCESS;
}

SMI_SLOT_BY(183, group_bus_ids, (const struct reset_group *group, char **bus_ids, unsigned *count),
	    (group, bus_ids, count))
{
	nvmlPciInfo_t pci;

	for (unsigned i = 0; i < group->count; i++) {
		nvmlReturn_t status = nvmlDeviceGetPciInfo_v3(group->device[i], &pci);

		if (status != NVML_SUCCESS)
			return status;
		bus_ids[i] = strdup(pci.busId);
	}
	*count = group->count;
	return NVML_SUCCESS;
}

/* What looks at the call afterwards is given the address alone. */
/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
SMI_SLOT(184, group_free, smi_reset_group, (struct reset_group * group), (group))
{
	free(group);
	return NVML_SUCCESS;
}

/* nvidia-smi of R470 to R525 asks for it here before a reset, newer ones by NVML's own call. */
SMI_SLOT_BY(65, architecture, (nvmlDevice_t device, unsigned *architecture), (device, architecture))
{
	return nvmlDeviceGetArchitecture(device, architecture);
}

SMI_SLOT(13, reset, smi_reset, (nvmlDevice_t device), (device))
{
	nvmlReturn_t status = sim_may_manage();
	struct sim_dev dev;

	if (status == NVML_SUCCESS)
		status = sim_parent(device, &dev);
	if (status == NVML_SUCCESS)
		status = sim_status(lab_gpu_reset(sim_lab(), dev.ref.gpu));
	return status;
}

/*
 * How nvidia-smi 580 sets persistence mode: it wants to know whether the daemon did it.
 * The lab's driver does it itself, which it calls legacy.
 */
SMI_SLOT_BY(251, set_persistence,
	    (nvmlDevice_t device, nvmlEnableState_t mode, unsigned *by_daemon),
	    (device, mode, by_daemon))
{
	*by_daemon = 0;
	return nvmlDeviceSetPersistenceMode(device, mode);
}

/* --- readings that NVML has no function for, or had none at first ----------------------------- */

/* Host's end of the link. A virtual machine's guest is not told (measured), a lab is none. */
SMI_SLOT(230, host_link_generation, smi_link_generation,
	 (nvmlDevice_t device, unsigned *generation), (device, generation))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS)
		*generation = dev.board->pcie_gen;
	return status;
}

/* --query-gpu=enforced.power.limit, in milliwatts. */
SMI_SLOT_BY(108, enforced_power_limit, (nvmlDevice_t device, unsigned *limit), (device, limit))
{
	return nvmlDeviceGetEnforcedPowerLimit(device, limit);
}

/* "GPU Part Number"; length is 80. Its neighbour 237, the FRU's, is N/A on H100 and H200. */
SMI_SLOT(231, gpu_part_number, smi_part_number, (nvmlDevice_t device, char *text, unsigned length),
	 (device, text, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS && !dev.board->gpu_part_number[0])
		return NVML_ERROR_NOT_SUPPORTED;
	return status == NVML_SUCCESS ? sim_copy(text, length, dev.board->gpu_part_number) : status;
}

/* "GPU T.Limit Temp" of R535 and R550; R580 asks nvmlDeviceGetMarginTemperature. */
SMI_SLOT(240, margin_temperature, nvmlDeviceGetMarginTemperature,
	 (nvmlDevice_t device, int *margin), (device, margin))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);
	int max;

	if (status != NVML_SUCCESS)
		return status;
	max = sim_max_temperature(dev.board);
	if (max <= 0)
		return NVML_ERROR_NOT_SUPPORTED;
	*margin = max - sim_temperature(&dev);
	return NVML_SUCCESS;
}

/* "Addressing Mode" of R535 and R550: 0 none, 1 HMM, 2 ATS. Measured on H100 and H200: none. */
SMI_SLOT(242, addressing_mode, nvmlDeviceGetAddressingMode, (nvmlDevice_t device, unsigned *mode),
	 (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS)
		*mode = 0;
	return status;
}

/*
 * "Sparse Operation Mode": slot 243 in R535, 249 in R550 and R580. Disabled on H100 and H200
 * (measured); listings of other architectures have N/A.
 */
SMI_SLOT(249, sparse_operation, smi_sparse_operation, (nvmlDevice_t device, unsigned *mode),
	 (device, mode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (dev.board->architecture != NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	*mode = 0;
	return NVML_SUCCESS;
}

/* The GPU at a place; INVALID_ARGUMENT: not a place, or none there. */
static nvmlReturn_t handle_at(const char *bus_id, nvmlDevice_t *ret)
{
	struct sim_bus_id id;
	unsigned gpu;

	if (!bus_id || !sim_parse_bus_id(bus_id, &id) ||
	    sim_gpu_at(id.domain, id.bus, id.device, &gpu) != NVML_SUCCESS)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = sim_gpu_handle(gpu);
	return NVML_SUCCESS;
}

/*
 * "topo -m": how two places hang together by PCIe, 0 PIX, 1 PXB, 2 PHB, 3 NODE, 4 SYS; further
 * numbers are bonded NVLinks, which nvidia-smi counts itself. NVML's levels are tens from 0, a
 * board with two GPUs, to 50.
 */
SMI_SLOT_BY(23, path, (const char *one, const char *two, unsigned *path), (one, two, path))
{
	nvmlGpuTopologyLevel_t level;
	nvmlDevice_t device[2];
	nvmlReturn_t status = handle_at(one, &device[0]);

	if (status == NVML_SUCCESS)
		status = handle_at(two, &device[1]);
	if (status == NVML_SUCCESS)
		status = nvmlDeviceGetTopologyCommonAncestor(device[0], device[1], &level);
	if (status == NVML_SUCCESS)
		*path = level <= NVML_TOPOLOGY_SINGLE ? 0 : (unsigned)level / 10 - 1;
	return status;
}

/* "topo -C": the NUMA node of the CPUs nearest to the GPU. */
SMI_SLOT_BY(223, memory_affinity,
	    (nvmlDevice_t device, unsigned size, unsigned long *nodes, unsigned scope),
	    (device, size, nodes, scope))
{
	return nvmlDeviceGetMemoryAffinity(device, size, nodes, scope);
}

/* --- dmon and pmon -------------------------------------------------------------------------- */

/* Whether they can watch the GPU: at 0 nvidia-smi says that the device does not support it. */
SMI_SLOT(72, may_monitor, smi_may_monitor, (nvmlDevice_t device, unsigned *may), (device, may))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS)
		*may = 1;
	return status;
}

/* "dmon -s v": nanoseconds for which power, and heat, held the clocks down. Never here. */
SMI_SLOT(138, violations, nvmlDeviceGetViolationStatus, (nvmlDevice_t device, uint64_t ret[2]),
	 (device, ret))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status == NVML_SUCCESS)
		ret[0] = ret[1] = 0;
	return status;
}

/*
 * One sample of one process for "pmon": how much it used of each kind of engine, each with the pid
 * that it is of. R470 and R535 know four engines, R550 six.
 */
struct usage {
	uint32_t percent, pad, pid;
	char name[68];
};
_Static_assert(sizeof(struct usage) == 80, "nvidia-smi's process sample");

enum usage_engine { USAGE_SM, USAGE_MEMORY, USAGE_ENCODER, USAGE_DECODER, USAGE_JPEG, USAGE_OFA };
#define USAGE_ENGINES(driver) ((driver) < 550 ? 4U : 6U)

/*
 * Samples since a time in microseconds; count holds the room (100 was seen). A process that does
 * nothing on an H100 has 0 for the first two engines and no sample of the others (measured). Each
 * sample is of one process, and nvidia-smi divides a process's sum by the count of all samples.
 */
SMI_SLOT_BY(145, process_usage,
	    (nvmlDevice_t device, uint64_t since, unsigned *flags, unsigned *count, char *samples),
	    (device, since, flags, count, samples))
{
	unsigned room = *count, n = 0, n_busy = LAB_MAX_CLIENTS;
	unsigned engines = USAGE_ENGINES(sim_const()->driver_major);
	size_t size = sizeof(uint64_t) + engines * sizeof(struct usage);
	nvmlProcessUtilizationSample_t busy[LAB_MAX_CLIENTS];
	struct lab_client clients[LAB_MAX_CLIENTS];
	nvmlReturn_t status = nvmlDeviceGetProcessUtilization(device, busy, &n_busy, 0);

	(void)flags;
	*count = 0;
	if (status == NVML_ERROR_NOT_FOUND)
		n_busy = 0;
	else if (status != NVML_SUCCESS)
		return status;
	status = sim_processes(device, clients, &n);
	if (status != NVML_SUCCESS)
		return status;
	for (unsigned i = 0; i < n && i < room; i++, *count = i) {
		struct usage usage[6];

		memset(usage, 0, sizeof(usage));
		for (unsigned k = 0; k < engines; k++)
			usage[k].pid = k <= USAGE_MEMORY ? clients[i].pid : UINT32_MAX;
		for (unsigned k = 0; k < n_busy; k++)
			if (busy[k].pid == clients[i].pid) {
				usage[USAGE_SM].percent = busy[k].smUtil * n;
				usage[USAGE_MEMORY].percent = busy[k].memUtil * n;
			}
		memcpy(samples + i * size, &since, sizeof(since));
		memcpy(samples + i * size + sizeof(since), usage, engines * sizeof(*usage));
	}
	return NVML_SUCCESS;
}

/* --- processes ------------------------------------------------------------------------------ */

struct process_entry {
	uint32_t pid;
	uint64_t memory;
	uint32_t gi, ci; /* SIM_NO_INSTANCE: none */
	uint64_t protected_memory;
	char name[4096];
};
_Static_assert(sizeof(struct process_entry) == 4128, "nvidia-smi's process entry");
_Static_assert(offsetof(struct process_entry, name) == 32, "nvidia-smi's process entry");

/* count holds the room (250 and 500 were seen) and must be written in any case. */
SMI_SLOT(213, compute_processes, nvmlDeviceGetComputeRunningProcesses_v3,
	 (nvmlDevice_t device, unsigned *count, struct process_entry *entries),
	 (device, count, entries))
{
	struct lab_client clients[LAB_MAX_CLIENTS];
	unsigned room = *count, n = 0;
	nvmlReturn_t status = sim_processes(device, clients, &n);

	*count = 0;
	if (status != NVML_SUCCESS)
		return status;
	*count = n;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < n; i++) {
		const struct lab_client *c = &clients[i];
		struct process_entry *e = &entries[i];

		e->pid = c->pid;
		e->memory = c->memory;
		e->gi = c->gi < 0 ? SIM_NO_INSTANCE : (uint32_t)c->gi;
		e->ci = c->ci < 0 ? SIM_NO_INSTANCE : (uint32_t)c->ci;
		e->protected_memory = 0;
		memset(e->name, 0, sizeof(c->name));
		memcpy(e->name, c->name, strnlen(c->name, sizeof(c->name) - 1));
	}
	return NVML_SUCCESS;
}

/* Graphics and MPS: a lab has compute clients only. */
SMI_SLOT(214, no_processes, nvmlDeviceGetGraphicsRunningProcesses_v3,
	 (nvmlDevice_t device, unsigned *count), (device, count))
{
	(void)device;
	*count = 0;
	return NVML_SUCCESS;
}

#define FN(f)	      (slot *)(f)
#define UNKNOWN_AT(n) [1##n - 1000] = FN(unknown_##n),

/* What is known of a slot replaces the answer that nobody knows it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
/*
 * What each slot is was found by running NVIDIA's nvidia-smi 535, 550 and 580 on other libraries;
 * the numbers are the same in all three. NOT_SUPPORTED is right for the slots that nobody knows:
 * success without an answer makes "-q" read garbage.
 */
static const struct smi_table smi_table = {
	.slot = {
		ALL(UNKNOWN_AT)
		[0] = (slot *)sizeof(smi_table),
		[12] = FN(slot_parse_bus_id),
		[13] = FN(slot_reset),
		[20] = FN(slot_is_primary),
		[23] = FN(slot_path),
		[26] = FN(slot_trace),
		[65] = FN(slot_architecture),
		[72] = FN(slot_may_monitor),
		[75] = FN(slot_place_by_index),
		[81] = FN(slot_handle_by_index),
		[108] = FN(slot_enforced_power_limit),
		[138] = FN(slot_violations),
		[145] = FN(slot_process_usage),
		[169] = FN(slot_fabric),
		[182] = FN(slot_group_make),
		[183] = FN(slot_group_bus_ids),
		[184] = FN(slot_group_free),
		[213] = FN(slot_compute_processes),
		[214] = FN(slot_no_processes),
		[215] = FN(slot_no_processes),
		[223] = FN(slot_memory_affinity),
		[230] = FN(slot_host_link_generation),
		[231] = FN(slot_gpu_part_number),
		[240] = FN(slot_margin_temperature),
		[242] = FN(slot_addressing_mode),
		[243] = FN(slot_sparse_operation),
		[249] = FN(slot_sparse_operation),
		[251] = FN(slot_set_persistence),
	},
};
#pragma GCC diagnostic pop

const void *sim_smi_table(void)
{
	return &smi_table;
}
