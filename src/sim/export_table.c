/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvmlInternalGetExportTable: tables of functions that are no part of NVML's public interface.
 * NVIDIA's own is what nvidia-smi cannot start without; ours is what lets migctl know the library.
 */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "nvml/migkit_export.h"
#include "sim/smi_table.h"

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

enum { MAX_HOLDERS = 65536 };

static int export_holders(unsigned *count, struct migkit_holder *list)
{
	_cleanup_free_ struct lab_holder *of_lab = NULL;
	nvmlReturn_t status = sim_enter(0);
	unsigned room;
	int n;

	if (status != NVML_SUCCESS)
		return (int)status;
	if (!count || (*count && !list))
		return NVML_ERROR_INVALID_ARGUMENT;
	room = *count < MAX_HOLDERS ? *count : MAX_HOLDERS;
	of_lab = calloc(room + 1, sizeof(*of_lab));
	if (!of_lab)
		return NVML_ERROR_MEMORY;
	n = lab_holders(sim_lab(), of_lab, room);
	if (n < 0)
		return NVML_ERROR_UNKNOWN;
	*count = (unsigned)n;
	for (unsigned i = 0; i < (unsigned)n && i < room; i++) {
		const struct lab_holder *h = &of_lab[i];

		list[i] = (struct migkit_holder){ .pid = h->pid,
						  .gpu = h->gpu,
						  .gi = h->gi,
						  .ci = h->ci,
						  .compute = h->kind == LAB_CLIENT_COMPUTE,
						  .memory = h->memory };
		memcpy(list[i].name, h->name, sizeof(list[i].name));
	}
	return (unsigned)n > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

struct sentences {
	char *text;
	size_t size, used;
};

static void add_sentence(void *arg, bool breach, const char *sentence)
{
	struct sentences *s = arg;
	size_t n = strlen(sentence);

	if (!breach || s->used + n + 2 > s->size)
		return;
	memcpy(s->text + s->used, sentence, n);
	s->used += n;
	s->text[s->used++] = '\n';
	s->text[s->used] = '\0';
}

/* All that must always be so, looked at from inside a program that uses the lab. */
static int sim_check(unsigned *breaches, char *text, size_t size)
{
	struct sentences s = { .text = text, .size = text ? size : 0 };
	nvmlReturn_t status = sim_enter(0);
	struct lab_look look;
	int saved = errno, r;

	if (status != NVML_SUCCESS)
		return (int)status;
	if (!breaches || !sim_lab_dir())
		return NVML_ERROR_INVALID_ARGUMENT;
	if (s.size)
		text[0] = '\0';
	r = lab_check_file(sim_lab_dir(), add_sentence, &s, &look, NULL);
	errno = saved;
	if (r < 0)
		return (int)sim_status(r);
	*breaches = (unsigned)r;
	return NVML_SUCCESS;
}

static uint64_t export_boot(void)
{
	return sim_enter(0) == NVML_SUCCESS ? lab_watch(sim_lab()).boot : 0;
}

static const struct migkit_export migkit_table = {
	.size = sizeof(migkit_table),
	.abi = MIGKIT_EXPORT_ABI,
	.version = MIGKIT_VERSION,
	.lab_dir = sim_lab_dir,
	.gpu_reset = export_gpu_reset,
	.reboot = export_reboot,
	.holders = export_holders,
	.check = sim_check,
	.boot = export_boot,
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
		*table = sim_smi_table();
	else
		return NVML_ERROR_NOT_FOUND;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *uuid)
{
	int saved_errno = errno;
	bool ours = uuid && memcmp(uuid, migkit_uuid, sizeof(migkit_uuid)) == 0;
	nvmlReturn_t status = NVML_SUCCESS;

	/* Asked before init, too: then there is no lab that trouble could be ordered in. */
	if (ours || !sim_running())
		status = find_table(table, uuid);
	else
		SIM_CALL(status, SIM_CALL_nvmlInternalGetExportTable, NULL, SIM_REST(table, uuid),
			 find_table(table, uuid))
	sim_log("nvmlInternalGetExportTable", status);
	errno = saved_errno;
	return status;
}
