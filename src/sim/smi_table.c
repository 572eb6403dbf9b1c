/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of functions behind nvmlInternalGetExportTable that NVIDIA's nvidia-smi cannot do
 * without. No header declares it: what each slot is was found by running nvidia-smi 470 to 580 on
 * libraries that are not NVIDIA's, and by what it then prints.
 */
#include "sim/smi_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/parse.h"
#include "sim/process.h"

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

	snprintf(name, sizeof(name), "smi slot %u", n);
	sim_log(name, NVML_ERROR_NOT_SUPPORTED);
	errno = saved_errno;
	return NVML_ERROR_NOT_SUPPORTED;
}

/* A function of its own for each slot, so that the log can say which one a program stops at. */
#define UNKNOWN(n)                                 \
	static nvmlReturn_t unknown_##n(void)      \
	{                                          \
		return not_supported(1##n - 1000); \
	}
#define TEN(f, t) f(t##0) f(t##1) f(t##2) f(t##3) f(t##4) f(t##5) f(t##6) f(t##7) f(t##8) f(t##9)
#define HUNDRED(f, h)                                                                              \
	TEN(f, h##0)                                                                               \
	TEN(f, h##1) TEN(f, h##2) TEN(f, h##3) TEN(f, h##4) TEN(f, h##5) TEN(f, h##6) TEN(f, h##7) \
		TEN(f, h##8) TEN(f, h##9)
#define ALL(f) HUNDRED(f, 0) HUNDRED(f, 1) HUNDRED(f, 2) HUNDRED(f, 3) HUNDRED(f, 4) HUNDRED(f, 5)

ALL(UNKNOWN)

/* Called with texts, for a trace that only NVIDIA reads. */
static nvmlReturn_t slot_trace(void)
{
	return NVML_SUCCESS;
}

/* "-i BUS-ID" is read by the library, and each GPU's place asked for to compare. */
static nvmlReturn_t slot_parse_bus_id(const char *text, unsigned *domain, unsigned *bus,
				      unsigned *device, unsigned *function)
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

static nvmlReturn_t slot_place_by_index(unsigned index, unsigned *domain, unsigned *bus,
					unsigned *device)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_enter(0);

	if (status == NVML_SUCCESS)
		status = sim_gpu(index, &dev);
	if (status != NVML_SUCCESS)
		return status;
	*domain = dev.gpu.pci_domain;
	*bus = dev.gpu.pci_bus;
	*device = dev.gpu.pci_device;
	return NVML_SUCCESS;
}

static nvmlReturn_t slot_handle_by_index(unsigned index, nvmlDevice_t *device)
{
	return nvmlDeviceGetHandleByIndex_v2(index, device);
}

/* "Is it the primary (console) GPU": asked before a reset, which 1 would forbid. */
static nvmlReturn_t slot_is_primary(nvmlDevice_t device, unsigned *primary)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_enter(0);

	if (status == NVML_SUCCESS)
		status = sim_parent(device, &dev);
	if (status == NVML_SUCCESS)
		*primary = 0;
	return status;
}

/*
 * Asked before a reset: how the GPUs hang together. At 1 nvidia-smi resets them one by one through
 * slot 13 and tells the outcome of each; at other answers it takes all of them as a group.
 */
static nvmlReturn_t slot_fabric(unsigned *kind)
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

static nvmlReturn_t slot_group_make(struct reset_group **group, const nvmlDevice_t *devices,
				    unsigned count)
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

static nvmlReturn_t slot_group_bus_ids(const struct reset_group *group, char **bus_ids,
				       unsigned *count)
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

static nvmlReturn_t slot_group_free(struct reset_group *group)
{
	free(group);
	return NVML_SUCCESS;
}

/* nvidia-smi of R470 to R525 asks for it here before a reset, newer ones by NVML's own call. */
static nvmlReturn_t slot_architecture(nvmlDevice_t device, unsigned *architecture)
{
	return nvmlDeviceGetArchitecture(device, architecture);
}

static nvmlReturn_t slot_reset(nvmlDevice_t device)
{
	nvmlReturn_t status = sim_enter(0);
	struct sim_dev dev;

	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status == NVML_SUCCESS)
		status = sim_parent(device, &dev);
	if (status == NVML_SUCCESS)
		status = sim_status(lab_gpu_reset(sim_lab(), dev.ref.gpu));
	return status;
}

/*
 * How nvidia-smi sets persistence mode from R565 on: it wants to know whether the daemon did it.
 * The lab's driver does it itself, which it calls legacy.
 */
static nvmlReturn_t slot_set_persistence(nvmlDevice_t device, nvmlEnableState_t mode,
					 unsigned *by_daemon)
{
	*by_daemon = 0;
	return nvmlDeviceSetPersistenceMode(device, mode);
}

static nvmlReturn_t slot_host_link_generation(nvmlDevice_t device, unsigned *generation)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_enter(0);

	if (status == NVML_SUCCESS)
		status = sim_parent(device, &dev);
	if (status == NVML_SUCCESS)
		*generation = dev.board->pcie_gen;
	return status;
}

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
static nvmlReturn_t slot_compute_processes(nvmlDevice_t device, unsigned *count,
					   struct process_entry *entries)
{
	struct lab_client clients[LAB_MAX_CLIENTS];
	unsigned room = *count, n = 0;
	nvmlReturn_t status = sim_enter(0);

	*count = 0;
	if (status == NVML_SUCCESS)
		status = sim_processes(device, clients, &n);
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

static nvmlReturn_t slot_no_processes(nvmlDevice_t device, unsigned *count)
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
		[26] = FN(slot_trace),
		[65] = FN(slot_architecture),
		[75] = FN(slot_place_by_index),
		[81] = FN(slot_handle_by_index),
		[169] = FN(slot_fabric),
		[182] = FN(slot_group_make),
		[183] = FN(slot_group_bus_ids),
		[184] = FN(slot_group_free),
		[213] = FN(slot_compute_processes),
		[214] = FN(slot_no_processes),
		[215] = FN(slot_no_processes),
		[230] = FN(slot_host_link_generation),
		[251] = FN(slot_set_persistence),
	},
};
#pragma GCC diagnostic pop

const void *sim_smi_table(void)
{
	return &smi_table;
}
