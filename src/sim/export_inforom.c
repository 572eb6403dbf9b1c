/* SPDX-License-Identifier: Apache-2.0 */
/* What is burnt into the board: inforom, firmware, part numbers, where it sits. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "sim/numbers.h"

/* A text of the board's; "": it is not known, so not supported. */
static nvmlReturn_t text_of(const char *text, char *to, unsigned length)
{
	return text[0] ? sim_copy(to, length, text) : NVML_ERROR_NOT_SUPPORTED;
}

SIM_ENTRY(nvmlDeviceGetInforomImageVersion,
	  (nvmlDevice_t device, char *version, unsigned int length), (device, version, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS && !version)
		return NVML_ERROR_INVALID_ARGUMENT;
	return status == NVML_SUCCESS ? text_of(dev.board->inforom_image, version, length) : status;
}

/* Objects: OEM and ECC have versions; power management and a fourth have none (measured on H200).
 */
SIM_ENTRY(nvmlDeviceGetInforomVersion,
	  (nvmlDevice_t device, nvmlInforomObject_t object, char *version, unsigned int length),
	  (device, object, version, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	switch ((unsigned)object) {
	case NVML_INFOROM_OEM:
		return text_of(dev.board->inforom_oem, version, length);
	case NVML_INFOROM_ECC:
		return text_of(dev.board->inforom_ecc, version, length);
	case NVML_INFOROM_POWER:
	case NVML_INFOROM_POWER + 1:
		return NVML_ERROR_NOT_SUPPORTED;
	default:
		return NVML_ERROR_INVALID_ARGUMENT;
	}
}

/* Hopper boards say 0 (measured on two H200); of others it was not seen. */
SIM_ENTRY(nvmlDeviceGetInforomConfigurationChecksum, (nvmlDevice_t device, unsigned int *checksum),
	  (device, checksum))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!checksum)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.board->architecture != NVML_DEVICE_ARCH_HOPPER || !dev.board->inforom_image[0])
		return NVML_ERROR_NOT_SUPPORTED;
	*checksum = 0;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceValidateInforom, (nvmlDevice_t device), (device))
{
	struct sim_dev dev;

	return sim_live_parent(device, &dev);
}

/* The black box recorder was not written since the driver started (measured on H100 and H200). */
SIM_ENTRY(nvmlDeviceGetLastBBXFlushTime,
	  (nvmlDevice_t device, unsigned long long *timestamp, unsigned long *durationUs),
	  (device, timestamp, durationUs))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!timestamp || !durationUs)
		return NVML_ERROR_INVALID_ARGUMENT;
	return NVML_ERROR_NOT_READY;
}

SIM_ENTRY(nvmlDeviceGetVbiosVersion, (nvmlDevice_t device, char *version, unsigned int length),
	  (device, version, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS && !version)
		return NVML_ERROR_INVALID_ARGUMENT;
	return status == NVML_SUCCESS ? text_of(dev.board->vbios, version, length) : status;
}

SIM_ENTRY(nvmlDeviceGetBoardPartNumber,
	  (nvmlDevice_t device, char *partNumber, unsigned int length),
	  (device, partNumber, length))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status == NVML_SUCCESS && !partNumber)
		return NVML_ERROR_INVALID_ARGUMENT;
	return status == NVML_SUCCESS ? text_of(dev.board->part_number, partNumber, length)
				      : status;
}

/*
 * Firmware that runs the GPU comes with the driver. Hopper and later run nothing else; Ampere shows
 * it with 525.60.13 and 535.129.03 (nvidia-smi -q of A100), and before 525 it was not seen.
 */
static bool has_gsp(const struct sim_dev *dev)
{
	return dev->board->architecture >= NVML_DEVICE_ARCH_HOPPER || dev->con->driver_major >= 525;
}

SIM_ENTRY(nvmlDeviceGetGspFirmwareVersion, (nvmlDevice_t device, char *version), (device, version))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!has_gsp(&dev))
		return NVML_ERROR_NOT_SUPPORTED;
	return sim_copy(version, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE, dev.con->driver_version);
}

SIM_ENTRY(nvmlDeviceGetGspFirmwareMode,
	  (nvmlDevice_t device, unsigned int *isEnabled, unsigned int *defaultMode),
	  (device, isEnabled, defaultMode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!isEnabled || !defaultMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!has_gsp(&dev))
		return NVML_ERROR_NOT_SUPPORTED;
	*isEnabled = 1;
	*defaultMode = 1;
	return NVML_SUCCESS;
}

/* A number of the chip's own. Real ones look random; a lab's follows from the GPU's UUID (FNV-1a).
 */
SIM_ENTRY(nvmlDeviceGetPdi, (nvmlDevice_t device, nvmlPdi_t *pdi), (device, pdi))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	uint64_t hash = 0xcbf29ce484222325u;

	if (status != NVML_SUCCESS)
		return status;
	if (!pdi)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (pdi->version != nvmlPdi_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	for (const char *p = dev.gpu.uuid; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
	pdi->value = hash;
	return NVML_SUCCESS;
}

/* The module's place on its baseboard, 1 to 8 (seen on A100, H100, H200); 0 elsewhere (nvml.h). */
SIM_NUMBER(nvmlDeviceGetModuleId, sim_parent, unsigned int,
	   dev.board->is_module ? dev.ref.gpu % 8u + 1 : 0)
SIM_NUMBER(nvmlDeviceGetMultiGpuBoard, sim_parent, unsigned int, 0)
/* Measured on H100 at 00000000:00:06.0: "Board ID 0x6". */
SIM_NUMBER(nvmlDeviceGetBoardId, sim_parent, unsigned int,
	   dev.gpu.pci_domain << 16 | dev.gpu.pci_bus << 8 | dev.gpu.pci_device)

SIM_ENTRY(nvmlDeviceGetMemoryBusWidth, (nvmlDevice_t device, unsigned int *busWidth),
	  (device, busWidth))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!busWidth)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev.board->memory_bus_bits)
		return NVML_ERROR_NOT_SUPPORTED;
	*busWidth = dev.board->memory_bus_bits;
	return NVML_SUCCESS;
}

/* Racks and host names are for boards of NVL72 racks (measured on H200: not supported). */
SIM_ENTRY(nvmlDeviceGetPlatformInfo, (nvmlDevice_t device, nvmlPlatformInfo_t *platformInfo),
	  (device, platformInfo))
{
	static const struct sim_version versions[] = { { nvmlPlatformInfo_v1, 565 },
						       { nvmlPlatformInfo_v2, 570 } };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!platformInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!sim_version_of(platformInfo->version, versions, 2))
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return NVML_ERROR_NOT_SUPPORTED;
}

SIM_REFUSED(nvmlDeviceGetHostname_v1, (nvmlDevice_t device, nvmlHostname_v1_t *hostname),
	    (device, hostname), hostname)
SIM_REFUSED_SET(nvmlDeviceSetHostname_v1, (nvmlDevice_t device, nvmlHostname_v1_t *hostname),
		(device, hostname), hostname)
