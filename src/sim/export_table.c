/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvmlInternalGetExportTable: tables of functions that are no part of NVML's public interface.
 * NVIDIA's own is what nvidia-smi cannot start without; ours is what lets migctl know the library.
 */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "nvml/migkit_export.h"
#include "sim/parse.h"
#include "sim/process.h"

/* --- nvidia-smi's table --------------------------------------------------------------------- */

typedef void slot(void);

/* Word 0 is the size in bytes; slot n lies at byte 8 n. nvidia-smi wants more than 648 bytes. */
#define LAST_SLOT 511
struct nvidia_table {
	size_t size;
	slot *slot[LAST_SLOT];
};

static nvmlReturn_t slot_not_supported(void)
{
	return NVML_ERROR_NOT_SUPPORTED;
}

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

#define SLOT(n)	    [(n)-1]
#define SLOTS(a, b) [(a)-1 ...(b) - 1]
#define FN(f)	    (slot *)(f)

/*
 * What each slot is was found by running NVIDIA's nvidia-smi 535, 550 and 580 on other libraries;
 * the numbers are the same in all three. NOT_SUPPORTED is right for the slots that nobody knows:
 * success without an answer makes "-q" read garbage.
 */
static const struct nvidia_table nvidia_table = {
	.size = sizeof(nvidia_table),
	.slot = {
		SLOTS(1, 11) = FN(slot_not_supported),
		SLOT(12) = FN(slot_parse_bus_id),
		SLOT(13) = FN(slot_reset),
		SLOTS(14, 19) = FN(slot_not_supported),
		SLOT(20) = FN(slot_is_primary),
		SLOTS(21, 25) = FN(slot_not_supported),
		SLOT(26) = FN(slot_trace),
		SLOTS(27, 64) = FN(slot_not_supported),
		SLOT(65) = FN(slot_architecture),
		SLOTS(66, 74) = FN(slot_not_supported),
		SLOT(75) = FN(slot_place_by_index),
		SLOTS(76, 80) = FN(slot_not_supported),
		SLOT(81) = FN(slot_handle_by_index),
		SLOTS(82, 168) = FN(slot_not_supported),
		SLOT(169) = FN(slot_fabric),
		SLOTS(170, 181) = FN(slot_not_supported),
		SLOT(182) = FN(slot_group_make),
		SLOT(183) = FN(slot_group_bus_ids),
		SLOT(184) = FN(slot_group_free),
		SLOTS(185, 212) = FN(slot_not_supported),
		SLOT(213) = FN(slot_compute_processes),
		SLOTS(214, 215) = FN(slot_no_processes),
		SLOTS(216, 229) = FN(slot_not_supported),
		SLOT(230) = FN(slot_host_link_generation),
		SLOTS(231, 250) = FN(slot_not_supported),
		SLOT(251) = FN(slot_set_persistence),
		SLOTS(252, LAST_SLOT) = FN(slot_not_supported),
	},
};

/* --- migkit's table ------------------------------------------------------------------------- */

static int export_gpu_reset(unsigned gpu)
{
	nvmlReturn_t status = sim_enter(0);
	struct sim_dev dev;

	if (status == NVML_SUCCESS)
		status = sim_gpu(gpu, &dev);
	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status == NVML_SUCCESS)
		status = sim_status(lab_gpu_reset(sim_lab(), gpu));
	return (int)status;
}

static int export_reboot(void)
{
	nvmlReturn_t status = sim_enter(0);

	if (status == NVML_SUCCESS)
		status = sim_may_manage();
	if (status == NVML_SUCCESS)
		status = sim_status(lab_reboot(sim_lab(), NULL));
	return (int)status;
}

static const struct migkit_export migkit_table = {
	.size = sizeof(migkit_table),
	.abi = MIGKIT_EXPORT_ABI,
	.version = MIGKIT_VERSION,
	.lab_dir = sim_lab_dir,
	.gpu_reset = export_gpu_reset,
	.reboot = export_reboot,
};

/* --- who asks for which --------------------------------------------------------------------- */

/* 6c3efec4-8fc9-4e6c-a327-ee696e12f7c4, the first fields little endian as in a GUID struct. */
static const unsigned char nvidia_uuid[16] = { 0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e,
					       0xa3, 0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4 };
static const unsigned char migkit_uuid[16] = MIGKIT_EXPORT_UUID;

static nvmlReturn_t find_table(const void **table, const void *uuid)
{
	if (!table || !uuid)
		return NVML_ERROR_INVALID_ARGUMENT;
	/* Ours answers before init too: migctl asks who the library is before it starts it. */
	if (memcmp(uuid, migkit_uuid, sizeof(migkit_uuid)) == 0)
		*table = &migkit_table;
	else if (memcmp(uuid, nvidia_uuid, sizeof(nvidia_uuid)) == 0)
		*table = &nvidia_table;
	else
		return NVML_ERROR_NOT_FOUND;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *uuid)
{
	int saved_errno = errno;
	nvmlReturn_t status = find_table(table, uuid);

	sim_log("nvmlInternalGetExportTable", status);
	errno = saved_errno;
	return status;
}
