/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine may have beside its GPUs, and a lab has not: units, host cards, excluded GPUs. */
#include "sim/sim.h"

static nvmlReturn_t none(unsigned *count)
{
	if (!count)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlSystemGetHicVersion, (unsigned int *hwbcCount, nvmlHwbcEntry_t *hwbcEntries),
	  (hwbcCount, hwbcEntries))
{
	(void)hwbcEntries;
	return none(hwbcCount);
}

/* --- GPUs that the driver was told to leave alone ------------------------------------------- */

SIM_ENTRY(nvmlGetExcludedDeviceCount, (unsigned int *deviceCount), (deviceCount))
{
	return none(deviceCount);
}

SIM_ENTRY(nvmlGetBlacklistDeviceCount, (unsigned int *deviceCount), (deviceCount))
{
	return none(deviceCount);
}

SIM_ENTRY(nvmlGetExcludedDeviceInfoByIndex, (unsigned int index, nvmlExcludedDeviceInfo_t *info),
	  (index, info))
{
	(void)index;
	(void)info;
	return NVML_ERROR_INVALID_ARGUMENT; /* past the end */
}

SIM_ENTRY(nvmlGetBlacklistDeviceInfoByIndex, (unsigned int index, nvmlExcludedDeviceInfo_t *info),
	  (index, info))
{
	(void)index;
	(void)info;
	return NVML_ERROR_INVALID_ARGUMENT; /* past the end */
}

/* --- S-class units: there is none, so every handle of one is wrong --------------------------- */

SIM_ENTRY(nvmlUnitGetCount, (unsigned int *unitCount), (unitCount))
{
	return none(unitCount);
}

SIM_ENTRY(nvmlUnitGetHandleByIndex, (unsigned int index, nvmlUnit_t *unit), (index, unit))
{
	(void)index;
	(void)unit;
	return NVML_ERROR_INVALID_ARGUMENT;
}

#define SIM_NO_UNIT(sym, type)                                     \
	SIM_ENTRY(sym, (nvmlUnit_t unit, type * out), (unit, out)) \
	{                                                          \
		(void)unit;                                        \
		(void)out;                                         \
		return NVML_ERROR_INVALID_ARGUMENT;                \
	}

SIM_NO_UNIT(nvmlUnitGetUnitInfo, nvmlUnitInfo_t)
SIM_NO_UNIT(nvmlUnitGetLedState, nvmlLedState_t)
SIM_NO_UNIT(nvmlUnitGetPsuInfo, nvmlPSUInfo_t)
SIM_NO_UNIT(nvmlUnitGetFanSpeedInfo, nvmlUnitFanSpeeds_t)

SIM_ENTRY(nvmlUnitGetTemperature, (nvmlUnit_t unit, unsigned int type, unsigned int *temp),
	  (unit, type, temp))
{
	(void)unit;
	(void)type;
	(void)temp;
	return NVML_ERROR_INVALID_ARGUMENT;
}

SIM_ENTRY(nvmlUnitGetDevices, (nvmlUnit_t unit, unsigned int *deviceCount, nvmlDevice_t *devices),
	  (unit, deviceCount, devices))
{
	(void)unit;
	(void)deviceCount;
	(void)devices;
	return NVML_ERROR_INVALID_ARGUMENT;
}

SIM_ENTRY(nvmlUnitSetLedState, (nvmlUnit_t unit, nvmlLedColor_t color), (unit, color))
{
	(void)unit;
	(void)color;
	return NVML_ERROR_INVALID_ARGUMENT;
}
