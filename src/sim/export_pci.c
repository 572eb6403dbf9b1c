/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices are: PCI, processors near them, the fabric. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/numbers.h"

/* MIG devices answer with their parent's place: they have no other. */
static nvmlReturn_t pci_device(nvmlDevice_t device, const void *out, struct sim_dev *dev)
{
	nvmlReturn_t status = sim_device(device, dev);

	if (status == NVML_SUCCESS && !out)
		return NVML_ERROR_INVALID_ARGUMENT;
	return status;
}

/* The domain has four digits in the form of the first two generations. */
static void legacy_bus_id(const struct lab_gpu *gpu, char ret[16])
{
	snprintf(ret, 16, "%04X:%02X:%02X.0", gpu->pci_domain & 0xffff, gpu->pci_bus & 0xff,
		 gpu->pci_device & 0x1f);
}

static void full_bus_id(const struct lab_gpu *gpu, char ret[32])
{
	snprintf(ret, 32, "%08X:%02X:%02X.0", gpu->pci_domain, gpu->pci_bus, gpu->pci_device);
}

SIM_ENTRY(nvmlDeviceGetPciInfo, (nvmlDevice_t device, nvmlPciInfo_v1_t *pci), (device, pci))
{
	struct sim_dev dev;
	nvmlReturn_t status = pci_device(device, pci, &dev);

	if (status != NVML_SUCCESS)
		return status;
	*pci = (nvmlPciInfo_v1_t){
		.domain = dev.gpu.pci_domain,
		.bus = dev.gpu.pci_bus,
		.device = dev.gpu.pci_device,
		.pciDeviceId = dev.board->pci_device_id,
	};
	legacy_bus_id(&dev.gpu, pci->busId);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetPciInfo_v2, (nvmlDevice_t device, nvmlPciInfo_v2_t *pci), (device, pci))
{
	struct sim_dev dev;
	nvmlReturn_t status = pci_device(device, pci, &dev);

	if (status != NVML_SUCCESS)
		return status;
	*pci = (nvmlPciInfo_v2_t){
		.domain = dev.gpu.pci_domain,
		.bus = dev.gpu.pci_bus,
		.device = dev.gpu.pci_device,
		.pciDeviceId = dev.board->pci_device_id,
		.pciSubSystemId = dev.board->pci_subsystem_id,
	};
	legacy_bus_id(&dev.gpu, pci->busId);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetPciInfo_v3, (nvmlDevice_t device, nvmlPciInfo_t *pci), (device, pci))
{
	struct sim_dev dev;
	nvmlReturn_t status = pci_device(device, pci, &dev);

	if (status != NVML_SUCCESS)
		return status;
	*pci = (nvmlPciInfo_t){
		.domain = dev.gpu.pci_domain,
		.bus = dev.gpu.pci_bus,
		.device = dev.gpu.pci_device,
		.pciDeviceId = dev.board->pci_device_id,
		.pciSubSystemId = dev.board->pci_subsystem_id,
	};
	legacy_bus_id(&dev.gpu, pci->busIdLegacy);
	full_bus_id(&dev.gpu, pci->busId);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetPciInfoExt, (nvmlDevice_t device, nvmlPciInfoExt_t *pci), (device, pci))
{
	struct sim_dev dev;
	nvmlReturn_t status = pci_device(device, pci, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (pci->version != nvmlPciInfoExt_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	pci->domain = dev.gpu.pci_domain;
	pci->bus = dev.gpu.pci_bus;
	pci->device = dev.gpu.pci_device;
	pci->pciDeviceId = dev.board->pci_device_id;
	pci->pciSubSystemId = dev.board->pci_subsystem_id;
	/* A 3D controller without a display: what a compute board is (measured on H100). */
	pci->baseClass = 3;
	pci->subClass = 2;
	full_bus_id(&dev.gpu, pci->busId);
	return NVML_SUCCESS;
}

SIM_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, sim_parent, unsigned int, dev.board->pcie_gen)
SIM_NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, sim_parent, unsigned int, dev.board->pcie_gen)
SIM_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, sim_parent, unsigned int, dev.board->pcie_gen)
SIM_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, sim_parent, unsigned int, dev.board->pcie_width)
SIM_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, sim_parent, unsigned int, dev.board->pcie_width)
SIM_NUMBER(nvmlDeviceGetPcieReplayCounter, sim_parent, unsigned int, 0)

SIM_ENTRY(nvmlDeviceGetPcieThroughput,
	  (nvmlDevice_t device, nvmlPcieUtilCounter_t counter, unsigned int *value),
	  (device, counter, value))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!value || (unsigned)counter >= NVML_PCIE_UTIL_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	*value = 0;
	return NVML_SUCCESS;
}

/* No bridge, no NVLink fabric: an H100 alone in a machine answers so (measured, -q). */
SIM_ENTRY(nvmlDeviceGetBridgeChipInfo,
	  (nvmlDevice_t device, nvmlBridgeChipHierarchy_t *bridgeHierarchy),
	  (device, bridgeHierarchy))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	(void)bridgeHierarchy;
	return status == NVML_SUCCESS ? NVML_ERROR_NOT_SUPPORTED : status;
}

SIM_ENTRY(nvmlDeviceGetC2cModeInfoV, (nvmlDevice_t device, nvmlC2cModeInfo_v1_t *c2cModeInfo),
	  (device, c2cModeInfo))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!c2cModeInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.board->architecture < NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	c2cModeInfo->isC2cEnabled = 0;
	return NVML_SUCCESS;
}
