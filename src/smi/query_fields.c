/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/util.h"
#include "smi/query.h"

/* Getters of the fields: the value as text, without its unit. */

#define GET(name)                                                              \
	static nvmlReturn_t name(struct smi *smi, const struct query_row *row, \
				 char ret[QUERY_VALUE])

#define PRINT(...) snprintf(ret, QUERY_VALUE, __VA_ARGS__)

GET(get_timestamp)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	(void)row;
	if (smi->env->now)
		now = (struct timespec){ .tv_sec = smi->env->now(smi->env->now_arg) };
	else
		clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(ret, QUERY_VALUE, "%Y/%m/%d %H:%M:%S", &tm);
	snprintf(ret + n, QUERY_VALUE - n, ".%03ld", now.tv_nsec / 1000000);
	return NVML_SUCCESS;
}

GET(get_driver_version)
{
	(void)row;
	PRINT("%s", smi->driver);
	return NVML_SUCCESS;
}

GET(get_count)
{
	(void)row;
	PRINT("%u", smi->n_gpus);
	return NVML_SUCCESS;
}

GET(get_index)
{
	unsigned int index = 0;
	nvmlReturn_t r = smi->api->nvmlDeviceGetIndex(row->gpu->dev, &index);

	PRINT("%u", index);
	return r;
}

GET(get_name)
{
	return smi->api->nvmlDeviceGetName(row->gpu->dev, ret, NVML_DEVICE_NAME_V2_BUFFER_SIZE);
}

GET(get_uuid)
{
	return smi->api->nvmlDeviceGetUUID(row->gpu->dev, ret, NVML_DEVICE_UUID_V2_BUFFER_SIZE);
}

GET(get_serial)
{
	return smi->api->nvmlDeviceGetSerial(row->gpu->dev, ret, NVML_DEVICE_SERIAL_BUFFER_SIZE);
}

GET(get_bus_id)
{
	nvmlPciInfo_t pci;
	nvmlReturn_t r = smi->api->nvmlDeviceGetPciInfo_v3(row->gpu->dev, &pci);

	if (!r)
		PRINT("%s", pci.busId);
	return r;
}

enum memory_part {
	TOTAL,
	RESERVED,
	USED,
	FREE,
};

static nvmlReturn_t memory(struct smi *smi, const struct query_row *row, enum memory_part part,
			   char ret[QUERY_VALUE])
{
	nvmlMemory_v2_t v2 = { .version = nvmlMemory_v2 };
	nvmlReturn_t r = smi->api->nvmlDeviceGetMemoryInfo_v2(row->gpu->dev, &v2);
	nvmlMemory_t v1;

	if (r == NVML_ERROR_FUNCTION_NOT_FOUND && part != RESERVED) {
		r = smi->api->nvmlDeviceGetMemoryInfo(row->gpu->dev, &v1);
		if (!r) {
			v2.total = v1.total;
			v2.used = v1.used;
			v2.free = v1.free;
		}
	}
	if (!r) {
		const unsigned long long bytes[] = { v2.total, v2.reserved, v2.used, v2.free };

		PRINT("%llu", smi_mib(smi, bytes[part]));
	}
	return r;
}

GET(get_memory_total)
{
	return memory(smi, row, TOTAL, ret);
}

GET(get_memory_reserved)
{
	return memory(smi, row, RESERVED, ret);
}

GET(get_memory_used)
{
	return memory(smi, row, USED, ret);
}

GET(get_memory_free)
{
	return memory(smi, row, FREE, ret);
}

static nvmlReturn_t mig_mode(struct smi *smi, const struct query_row *row, bool pending,
			     char ret[QUERY_VALUE])
{
	unsigned int mode[2] = { 0 };
	nvmlReturn_t r = smi->api->nvmlDeviceGetMigMode(row->gpu->dev, &mode[0], &mode[1]);

	PRINT("%s", mode[pending] ? "Enabled" : "Disabled");
	return r;
}

GET(get_mig_current)
{
	return mig_mode(smi, row, false, ret);
}

GET(get_mig_pending)
{
	return mig_mode(smi, row, true, ret);
}

GET(get_utilization_gpu)
{
	nvmlUtilization_t busy = { 0 };
	nvmlReturn_t r = smi->api->nvmlDeviceGetUtilizationRates(row->gpu->dev, &busy);

	PRINT("%u", busy.gpu);
	return r;
}

GET(get_utilization_memory)
{
	nvmlUtilization_t busy = { 0 };
	nvmlReturn_t r = smi->api->nvmlDeviceGetUtilizationRates(row->gpu->dev, &busy);

	PRINT("%u", busy.memory);
	return r;
}

GET(get_temperature)
{
	unsigned int n = 0;
	nvmlReturn_t r =
		smi->api->nvmlDeviceGetTemperature(row->gpu->dev, NVML_TEMPERATURE_GPU, &n);

	PRINT("%u", n);
	return r;
}

GET(get_power_draw)
{
	unsigned int n = 0;
	nvmlReturn_t r = smi->api->nvmlDeviceGetPowerUsage(row->gpu->dev, &n);

	PRINT("%.2f", (double)((float)n / 1000));
	return r;
}

GET(get_power_limit)
{
	unsigned int n = 0;
	nvmlReturn_t r = smi->api->nvmlDeviceGetPowerManagementLimit(row->gpu->dev, &n);

	PRINT("%.2f", (double)((float)n / 1000));
	return r;
}

GET(get_pstate)
{
	nvmlPstates_t n = 0;
	nvmlReturn_t r = smi->api->nvmlDeviceGetPerformanceState(row->gpu->dev, &n);

	PRINT("P%u", (unsigned int)n);
	return r;
}

GET(get_persistence)
{
	nvmlEnableState_t on = NVML_FEATURE_DISABLED;
	nvmlReturn_t r = smi->api->nvmlDeviceGetPersistenceMode(row->gpu->dev, &on);

	PRINT("%s", on == NVML_FEATURE_ENABLED ? "Enabled" : "Disabled");
	return r;
}

GET(get_pid)
{
	(void)smi;
	PRINT("%d", (int)row->process->pid);
	return NVML_SUCCESS;
}

GET(get_process_name)
{
	return process_name(smi, row->process, ret) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

GET(get_process_memory)
{
	if (row->process->memory == ULLONG_MAX)
		return NVML_ERROR_NOT_SUPPORTED;
	PRINT("%llu", smi_mib(smi, row->process->memory));
	return NVML_SUCCESS;
}

static const struct query_field gpu_fields[] = {
	{ "timestamp", NULL, NULL, false, get_timestamp },
	{ "driver_version", NULL, NULL, false, get_driver_version },
	{ "count", NULL, NULL, false, get_count },
	{ "index", NULL, NULL, false, get_index },
	{ "name", "gpu_name", NULL, false, get_name },
	{ "uuid", "gpu_uuid", NULL, false, get_uuid },
	{ "serial", "gpu_serial", NULL, false, get_serial },
	{ "pci.bus_id", "gpu_bus_id", NULL, false, get_bus_id },
	/* Names of groups of fields are names, too, but no fields; their order counts. */
	{ "memory", NULL, NULL, false, NULL },
	{ "utilization", NULL, NULL, false, NULL },
	{ "mig.mode", NULL, NULL, false, NULL },
	{ "memory.total", NULL, "MiB", false, get_memory_total },
	{ "memory.reserved", NULL, "MiB", true, get_memory_reserved },
	{ "memory.used", NULL, "MiB", false, get_memory_used },
	{ "memory.free", NULL, "MiB", false, get_memory_free },
	{ "mig.mode.current", NULL, NULL, false, get_mig_current },
	{ "mig.mode.pending", NULL, NULL, false, get_mig_pending },
	{ "utilization.gpu", NULL, "%", false, get_utilization_gpu },
	{ "utilization.memory", NULL, "%", false, get_utilization_memory },
	{ "temperature.gpu", NULL, NULL, false, get_temperature },
	{ "power.draw", NULL, "W", false, get_power_draw },
	{ "power.limit", NULL, "W", false, get_power_limit },
	{ "pstate", NULL, NULL, false, get_pstate },
	{ "persistence_mode", NULL, NULL, false, get_persistence },
};

static const struct query_field app_fields[] = {
	{ "timestamp", NULL, NULL, false, get_timestamp },
	{ "gpu_name", NULL, NULL, false, get_name },
	{ "gpu_bus_id", NULL, NULL, false, get_bus_id },
	{ "gpu_serial", NULL, NULL, false, get_serial },
	{ "gpu_uuid", NULL, NULL, false, get_uuid },
	{ "pid", NULL, NULL, false, get_pid },
	{ "process_name", "name", NULL, false, get_process_name },
	{ "used_gpu_memory", "used_memory", "MiB", false, get_process_memory },
};

const struct query_table query_gpu_fields = { gpu_fields, ARRAY_SIZE(gpu_fields) };
const struct query_table query_app_fields = { app_fields, ARRAY_SIZE(app_fields) };
