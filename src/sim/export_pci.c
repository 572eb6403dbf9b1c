/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices are: PCI, processors near them, the fabric. */
#include "sim/sim.h"

#include <string.h>
#include <unistd.h>

#include "sim/numbers.h"
#include "sim/text.h"

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
	sim_put_bus_id(ret, 16, gpu->pci_domain & 0xffff, 4, gpu->pci_bus & 0xff,
		       gpu->pci_device & 0x1f);
}

static void full_bus_id(const struct lab_gpu *gpu, char ret[32])
{
	sim_put_bus_id(ret, 32, gpu->pci_domain, 8, gpu->pci_bus, gpu->pci_device);
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
SIM_NUMBER(nvmlDeviceGetPcieReplayCounter, sim_live_parent, unsigned int, 0)

/* NVML's numbers of link speeds are the generations; in megatransfers a second each doubles. */
SIM_NUMBER(nvmlDeviceGetPcieLinkMaxSpeed, sim_parent, unsigned int, dev.board->pcie_gen)

SIM_ENTRY(nvmlDeviceGetPcieSpeed, (nvmlDevice_t device, unsigned int *pcieSpeed),
	  (device, pcieSpeed))
{
	static const unsigned mt[] = { 0, 2500, 5000, 8000, 16000, 32000, 64000 };
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!pcieSpeed)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!dev.board->pcie_gen || dev.board->pcie_gen >= sizeof(mt) / sizeof(mt[0]))
		return NVML_ERROR_NOT_SUPPORTED;
	*pcieSpeed = mt[dev.board->pcie_gen];
	return NVML_SUCCESS;
}

/* The interrupt that a guest's kernel gave two H200, the same for both (measured). */
SIM_NUMBER(nvmlDeviceGetIrqNum, sim_parent, unsigned int, 41)

SIM_ENTRY(nvmlDeviceGetPcieThroughput,
	  (nvmlDevice_t device, nvmlPcieUtilCounter_t counter, unsigned int *value),
	  (device, counter, value))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_live_parent(device, &dev);

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

/* --- the fabric ----------------------------------------------------------------------------- */

/*
 * Two H200 behind NVLink switches are members of clique 0 of a cluster without a name, registered;
 * a single one says that it has no fabric (measured both). No health is told either way.
 */
static nvmlReturn_t fabric(nvmlDevice_t device, const void *out, nvmlGpuFabricState_t *ret)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (dev.board->architecture < NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	*ret = dev.con->nvlink == LAB_NVLINK_SWITCH && dev.con->n_gpus > 1
		       ? NVML_GPU_FABRIC_STATE_COMPLETED
		       : NVML_GPU_FABRIC_STATE_NOT_SUPPORTED;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetGpuFabricInfo, (nvmlDevice_t device, nvmlGpuFabricInfo_t *gpuFabricInfo),
	  (device, gpuFabricInfo))
{
	nvmlGpuFabricState_t state;
	nvmlReturn_t status = fabric(device, gpuFabricInfo, &state);

	if (status == NVML_SUCCESS)
		*gpuFabricInfo = (nvmlGpuFabricInfo_t){ .state = state };
	return status;
}

/* The second and third version differ by a byte in what was padding at the end. */
SIM_ENTRY(nvmlDeviceGetGpuFabricInfoV, (nvmlDevice_t device, nvmlGpuFabricInfoV_t *gpuFabricInfo),
	  (device, gpuFabricInfo))
{
	static const struct sim_version versions[] = { { nvmlGpuFabricInfo_v2, 550 },
						       { nvmlGpuFabricInfo_v3, 575 } };
	nvmlGpuFabricState_t state;
	nvmlReturn_t status = fabric(device, gpuFabricInfo, &state);
	unsigned version;

	if (status != NVML_SUCCESS)
		return status;
	version = sim_version_of(gpuFabricInfo->version, versions, 2);
	if (!version)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	memset(gpuFabricInfo->clusterUuid, 0, sizeof(gpuFabricInfo->clusterUuid));
	gpuFabricInfo->status = NVML_SUCCESS;
	gpuFabricInfo->cliqueId = 0;
	gpuFabricInfo->state = state;
	gpuFabricInfo->healthMask = 0;
	if (version == 3)
		gpuFabricInfo->healthSummary = 0;
	return NVML_SUCCESS;
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
