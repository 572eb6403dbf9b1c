/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

/* The figures of a board that NVML's calls tell of a GPU that has nothing to do. */

static void told(struct capture *c, enum mig_board_figure fig, nvmlReturn_t status, int64_t value)
{
	if (status == NVML_SUCCESS)
		c->fig[fig] = (struct capture_value){ CAPTURE_NVML, value };
}

static void told_text(struct capture *c, enum mig_board_text text, nvmlReturn_t status,
		      const char *value)
{
	if (status != NVML_SUCCESS || !value[0])
		return;
	snprintf(c->text[text], sizeof(c->text[text]), "%.63s", value);
	c->text_source[text] = CAPTURE_NVML;
}

static void ask_product(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	const struct mig_board *b = &c->gpu->board;
	nvmlEnableState_t display = NVML_FEATURE_DISABLED;
	char text[NVML_DEVICE_PART_NUMBER_BUFFER_SIZE] = "";
	unsigned int n = 0;
	nvmlReturn_t status;

	told(c, MIG_FIG_CUDA_MAJOR, b->cc_major ? NVML_SUCCESS : NVML_ERROR_NO_DATA, b->cc_major);
	told(c, MIG_FIG_CUDA_MINOR, b->cc_major ? NVML_SUCCESS : NVML_ERROR_NO_DATA, b->cc_minor);
	told(c, MIG_FIG_PCI_DEVICE_ID, NVML_SUCCESS, b->pci_device_id);
	told(c, MIG_FIG_PCI_SUBSYSTEM_ID, NVML_SUCCESS, b->pci_subsystem_id);
	/* What the GPU can do; the link of a virtual machine may be less. */
	status = api->nvmlDeviceGetGpuMaxPcieLinkGeneration(dev, &n);
	if (status)
		status = api->nvmlDeviceGetMaxPcieLinkGeneration(dev, &n);
	told(c, MIG_FIG_PCIE_GEN, status, n);
	status = api->nvmlDeviceGetMaxPcieLinkWidth(dev, &n);
	told(c, MIG_FIG_PCIE_WIDTH, status, n);
	status = api->nvmlDeviceGetDisplayMode(dev, &display);
	told(c, MIG_FIG_DISPLAY, status, display == NVML_FEATURE_ENABLED);
	status = api->nvmlDeviceGetVbiosVersion(dev, text, NVML_DEVICE_VBIOS_VERSION_BUFFER_SIZE);
	told_text(c, MIG_TEXT_VBIOS, status, text);
	status = api->nvmlDeviceGetBoardPartNumber(dev, text, sizeof(text));
	told_text(c, MIG_TEXT_PART_NUMBER, status, text);
	told_text(c, MIG_TEXT_NAME, NVML_SUCCESS, c->gpu->name);
	status = api->nvmlDeviceGetNumGpuCores(dev, &n);
	told(c, MIG_FIG_CUDA_CORES, status, n);
}

static void ask_memory(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	nvmlMemory_v2_t memory = { .version = nvmlMemory_v2 };
	nvmlBAR1Memory_t bar1 = { 0 };
	nvmlReturn_t status = api->nvmlDeviceGetMemoryInfo_v2(dev, &memory);

	told(c, MIG_FIG_MEMORY_TOTAL, NVML_SUCCESS, c->gpu->board.memory_total_mib);
	told(c, MIG_FIG_MEMORY_RESERVED, status, (int64_t)(memory.reserved >> 10));
	status = api->nvmlDeviceGetBAR1MemoryInfo(dev, &bar1);
	told(c, MIG_FIG_BAR1_TOTAL, status, (int64_t)(bar1.bar1Total >> 20));
	told(c, MIG_FIG_BAR1_USED, status, (int64_t)(bar1.bar1Used >> 10));
}

static void ask_heat(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	static const struct {
		nvmlTemperatureThresholds_t type;
		enum mig_board_figure fig;
	} limits[] = {
		{ NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, MIG_FIG_SLOWDOWN_C },
		{ NVML_TEMPERATURE_THRESHOLD_SHUTDOWN, MIG_FIG_SHUTDOWN_C },
		{ NVML_TEMPERATURE_THRESHOLD_GPU_MAX, MIG_FIG_MAX_OPERATING_C },
		{ NVML_TEMPERATURE_THRESHOLD_MEM_MAX, MIG_FIG_MEMORY_MAX_C },
	};
	unsigned int n = 0;
	nvmlReturn_t status;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		status = api->nvmlDeviceGetTemperatureThreshold(dev, limits[i].type, &n);
		told(c, limits[i].fig, status, n);
	}
	status = api->nvmlDeviceGetTemperature(dev, NVML_TEMPERATURE_GPU, &n);
	told(c, MIG_FIG_IDLE_C, status, n);
	status = api->nvmlDeviceGetFanSpeed(dev, &n);
	if (!status || status == NVML_ERROR_NOT_SUPPORTED)
		told(c, MIG_FIG_FAN, NVML_SUCCESS, !status);
}

static void ask_power(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	nvmlFieldValue_t memory = { .fieldId = NVML_FI_DEV_POWER_AVERAGE,
				    .scopeId = NVML_POWER_SCOPE_MEMORY };
	unsigned int n = 0, most = 0;
	nvmlReturn_t status = api->nvmlDeviceGetPowerUsage(dev, &n);

	told(c, MIG_FIG_IDLE_W, status, n);
	status = api->nvmlDeviceGetPowerManagementDefaultLimit(dev, &n);
	told(c, MIG_FIG_LIMIT_W, status, n);
	status = api->nvmlDeviceGetPowerManagementLimitConstraints(dev, &n, &most);
	told(c, MIG_FIG_MIN_W, status, n);
	told(c, MIG_FIG_MAX_W, status, most);
	if (!api->nvmlDeviceGetFieldValues(dev, 1, &memory) && memory.value.uiVal)
		told(c, MIG_FIG_MEMORY_W, memory.nvmlReturn, memory.value.uiVal);
}

static void ask_clocks(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	static const struct {
		nvmlClockType_t type;
		enum mig_board_figure idle, most;
	} kinds[] = {
		{ NVML_CLOCK_SM, MIG_FIG_IDLE_SM_MHZ, MIG_FIG_MAX_SM_MHZ },
		{ NVML_CLOCK_MEM, MIG_FIG_IDLE_MEM_MHZ, MIG_FIG_MAX_MEM_MHZ },
		{ NVML_CLOCK_VIDEO, MIG_FIG_IDLE_VIDEO_MHZ, MIG_FIG_MAX_VIDEO_MHZ },
	};
	unsigned int list[512], mem[32], n = 0, room;
	nvmlReturn_t status;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		status = api->nvmlDeviceGetClockInfo(dev, kinds[i].type, &n);
		told(c, kinds[i].idle, status, n);
		status = api->nvmlDeviceGetMaxClockInfo(dev, kinds[i].type, &n);
		told(c, kinds[i].most, status, n);
	}
	status = api->nvmlDeviceGetDefaultApplicationsClock(dev, NVML_CLOCK_GRAPHICS, &n);
	told(c, MIG_FIG_DEFAULT_SM_MHZ, status, n);
	room = ARRAY_SIZE(mem);
	if (api->nvmlDeviceGetSupportedMemoryClocks(dev, &room, mem) || !room)
		return;
	/* Descending: the second is the one below the highest. */
	if (room > 1)
		told(c, MIG_FIG_SECOND_MEM_MHZ, NVML_SUCCESS, mem[1]);
	room = ARRAY_SIZE(list);
	if (!api->nvmlDeviceGetSupportedGraphicsClocks(dev, mem[0], &room, list) && room)
		told(c, MIG_FIG_MIN_SM_MHZ, NVML_SUCCESS, list[room - 1]);
}

static void ask_inforom(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	nvmlRowRemapperHistogramValues_t rows = { 0 };
	char text[NVML_DEVICE_INFOROM_VERSION_BUFFER_SIZE] = "";
	unsigned int n = 0;
	nvmlReturn_t status = api->nvmlDeviceGetInforomImageVersion(dev, text, sizeof(text));

	told_text(c, MIG_TEXT_INFOROM_IMAGE, status, text);
	status = api->nvmlDeviceGetInforomVersion(dev, NVML_INFOROM_OEM, text, sizeof(text));
	told_text(c, MIG_TEXT_INFOROM_OEM, status, text);
	status = api->nvmlDeviceGetInforomVersion(dev, NVML_INFOROM_ECC, text, sizeof(text));
	told_text(c, MIG_TEXT_INFOROM_ECC, status, text);
	/* An SXM module has its number on the baseboard, from 1; a card says 0. */
	status = api->nvmlDeviceGetModuleId(dev, &n);
	told(c, MIG_FIG_MODULE, status, n > 0);
	status = api->nvmlDeviceGetMemoryBusWidth(dev, &n);
	told(c, MIG_FIG_BUS_BITS, status, n);
	status = api->nvmlDeviceGetRowRemapperHistogram(dev, &rows);
	if (rows.max + rows.high + rows.partial + rows.low + rows.none)
		told(c, MIG_FIG_REMAP_BANKS, status,
		     (int64_t)rows.max + rows.high + rows.partial + rows.low + rows.none);
}

/* What the calls by id say of profiles that other boards have. */
static void ask_other_ids(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	const struct mig_board *b = &c->gpu->board;
	int64_t not_supported = 0, empty = 0;

	/* The masks of a board's value have 63 ids that a file can name. */
	for (unsigned id = 0; id < 63; id++) {
		nvmlGpuInstancePlacement_t list[64];
		unsigned int n = ARRAY_SIZE(list);
		nvmlReturn_t status;
		bool own = false;

		for (unsigned i = 0; i < b->n_gi; i++)
			own |= b->gi[i].id == id;
		if (own)
			continue;
		status = api->nvmlDeviceGetGpuInstancePossiblePlacements_v2(dev, id, list, &n);
		if (status == NVML_ERROR_FUNCTION_NOT_FOUND)
			status = api->nvmlDeviceGetGpuInstancePossiblePlacements(dev, id, list, &n);
		if (status == NVML_ERROR_NOT_SUPPORTED)
			not_supported |= INT64_C(1) << id;
		if (status == NVML_SUCCESS && !n)
			empty |= INT64_C(1) << id;
	}
	told(c, MIG_FIG_IDS_NOT_SUPPORTED, NVML_SUCCESS, not_supported);
	told(c, MIG_FIG_IDS_EMPTY, NVML_SUCCESS, empty);
}

void capture_ask(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c)
{
	ask_product(api, dev, c);
	ask_memory(api, dev, c);
	ask_heat(api, dev, c);
	ask_power(api, dev, c);
	ask_clocks(api, dev, c);
	ask_inforom(api, dev, c);
	ask_other_ids(api, dev, c);
}
