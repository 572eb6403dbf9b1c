/* SPDX-License-Identifier: Apache-2.0 */
/* NVLink: a board's links, to where they go, and their errors */
#include "sim/sim.h"

#include <string.h>

#include "sim/text.h"
#include "sim/topology.h"

/*
 * A link of a whole GPU. Beyond the last that any board has: INVALID_ARGUMENT (measured on an H200
 * at 18). Of a board with fewer or none, NOT_SUPPORTED: nvidia-smi asks each GPU for all 18 and
 * gives up on any other error, so an A100's 12 cannot end in one.
 */
#define DRIVER_LINKS 18
static nvmlReturn_t any_link(nvmlDevice_t device, unsigned link, const void *out,
			     struct sim_dev *dev)
{
	nvmlReturn_t status = sim_live_parent(device, dev);

	if (status != NVML_SUCCESS)
		return status;
	if (!out)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (link < sim_links(dev))
		return NVML_SUCCESS;
	return link < DRIVER_LINKS || sim_links(dev) == 0 ? NVML_ERROR_NOT_SUPPORTED
							  : NVML_ERROR_INVALID_ARGUMENT;
}

/* The links of a module that is in no fabric are there and lead nowhere. */
static nvmlReturn_t active_link(nvmlDevice_t device, unsigned link, const void *out,
				struct sim_dev *dev)
{
	nvmlReturn_t status = any_link(device, link, out, dev);

	if (status == NVML_SUCCESS && !sim_links_active(dev))
		return NVML_ERROR_NOT_SUPPORTED;
	return status;
}

SIM_ENTRY(nvmlDeviceGetNvLinkState,
	  (nvmlDevice_t device, unsigned int link, nvmlEnableState_t *isActive),
	  (device, link, isActive))
{
	struct sim_dev dev;
	nvmlReturn_t status = any_link(device, link, isActive, &dev);

	if (status == NVML_SUCCESS)
		*isActive = sim_links_active(&dev) ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
	return status;
}

SIM_ENTRY(nvmlDeviceGetNvLinkVersion,
	  (nvmlDevice_t device, unsigned int link, unsigned int *version), (device, link, version))
{
	struct sim_dev dev;
	nvmlReturn_t status = active_link(device, link, version, &dev);

	if (status == NVML_SUCCESS)
		*version = sim_link_version(&dev);
	return status;
}

/* All of them on an H200 (measured). */
SIM_ENTRY(nvmlDeviceGetNvLinkCapability,
	  (nvmlDevice_t device, unsigned int link, nvmlNvLinkCapability_t capability,
	   unsigned int *capResult),
	  (device, link, capability, capResult))
{
	struct sim_dev dev;
	nvmlReturn_t status = active_link(device, link, capResult, &dev);

	if (status != NVML_SUCCESS)
		return status;
	if ((unsigned)capability >= NVML_NVLINK_CAP_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	*capResult = 1;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetNvLinkRemoteDeviceType,
	  (nvmlDevice_t device, unsigned int link, nvmlIntNvLinkDeviceType_t *pNvLinkDeviceType),
	  (device, link, pNvLinkDeviceType))
{
	struct sim_dev dev;
	nvmlReturn_t status = active_link(device, link, pNvLinkDeviceType, &dev);

	if (status == NVML_SUCCESS)
		*pNvLinkDeviceType = dev.con->nvlink == LAB_NVLINK_SWITCH
					     ? NVML_NVLINK_DEVICE_TYPE_SWITCH
					     : NVML_NVLINK_DEVICE_TYPE_GPU;
	return status;
}

/* --- the other end -------------------------------------------------------------------------- */

/*
 * A lab has no PCI devices of switches, and a guest sees none either: then the driver gives an
 * address of ones (measured, two H200 in a guest). The other end of a bridge is a GPU of the lab.
 */
static nvmlReturn_t remote(nvmlDevice_t device, unsigned link, const void *out, nvmlPciInfo_t *pci)
{
	struct sim_dev dev, other;
	nvmlReturn_t status = active_link(device, link, out, &dev);

	if (status != NVML_SUCCESS)
		return status;
	memset(pci, 0, sizeof(*pci));
	if (dev.con->nvlink == LAB_NVLINK_PAIRS &&
	    sim_gpu(dev.ref.gpu ^ 1u, &other) == NVML_SUCCESS) {
		pci->domain = other.gpu.pci_domain;
		pci->bus = other.gpu.pci_bus;
		pci->device = other.gpu.pci_device;
		pci->pciDeviceId = other.board->pci_device_id;
		pci->pciSubSystemId = other.board->pci_subsystem_id;
	} else {
		pci->domain = pci->pciDeviceId = 0xffffffffu;
		pci->bus = pci->device = 0xff;
	}
	sim_put_bus_id(pci->busId, sizeof(pci->busId), pci->domain, 8, pci->bus & 0xff,
		       pci->device & 0xff);
	/* A domain of four digits, or as many as fit: one less than eight (measured). */
	sim_put_bus_id(pci->busIdLegacy, sizeof(pci->busIdLegacy),
		       pci->domain > 0xffff ? pci->domain >> 4 : pci->domain, 4, pci->bus & 0xff,
		       pci->device & 0xff);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetNvLinkRemotePciInfo_v2,
	  (nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci), (device, link, pci))
{
	nvmlPciInfo_t info;
	nvmlReturn_t status = remote(device, link, pci, &info);

	if (status == NVML_SUCCESS)
		*pci = info;
	return status;
}

SIM_ENTRY(nvmlDeviceGetNvLinkRemotePciInfo,
	  (nvmlDevice_t device, unsigned int link, nvmlPciInfo_v2_t *pci), (device, link, pci))
{
	nvmlPciInfo_t info;
	nvmlReturn_t status = remote(device, link, pci, &info);

	if (status != NVML_SUCCESS)
		return status;
	*pci = (nvmlPciInfo_v2_t){
		.domain = info.domain,
		.bus = info.bus,
		.device = info.device,
		.pciDeviceId = info.pciDeviceId,
		.pciSubSystemId = info.pciSubSystemId,
	};
	memcpy(pci->busId, info.busIdLegacy, sizeof(pci->busId));
	return NVML_SUCCESS;
}

/* --- errors --------------------------------------------------------------------------------- */

/* Of a link beyond the last one the first three answer NOT_SUPPORTED (measured). */
SIM_ENTRY(nvmlDeviceGetNvLinkErrorCounter,
	  (nvmlDevice_t device, unsigned int link, nvmlNvLinkErrorCounter_t counter,
	   unsigned long long *counterValue),
	  (device, link, counter, counterValue))
{
	/* No board is found for a handle that is none: there is no last link to be beyond then. */
	struct sim_dev dev = { .board = NULL };
	nvmlReturn_t status = active_link(device, link, counterValue, &dev);

	if (status == NVML_SUCCESS || (status == NVML_ERROR_INVALID_ARGUMENT && counterValue &&
				       dev.board && link >= sim_links(&dev))) {
		if ((unsigned)counter >= NVML_NVLINK_ERROR_COUNT)
			return NVML_ERROR_NOT_SUPPORTED;
		if (status != NVML_SUCCESS)
			return counter <= NVML_NVLINK_ERROR_DL_CRC_FLIT ? NVML_ERROR_NOT_SUPPORTED
									: status;
		*counterValue = 0;
	}
	return status;
}

SIM_ENTRY(nvmlDeviceResetNvLinkErrorCounters, (nvmlDevice_t device, unsigned int link),
	  (device, link))
{
	struct sim_dev dev;
	nvmlReturn_t status = active_link(device, link, &dev, &dev);

	return status == NVML_SUCCESS ? sim_may_manage() : status;
}

/* Measured as another user than root: NO_PERMISSION. 0 is the full bandwidth. */
SIM_ENTRY(nvmlSystemGetNvlinkBwMode, (unsigned int *nvlinkBwMode), (nvlinkBwMode))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_may_manage();

	if (status == NVML_SUCCESS)
		status = sim_gpu(0, &dev);
	if (status != NVML_SUCCESS)
		return status;
	if (!nvlinkBwMode)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!sim_links_active(&dev) || dev.board->architecture < NVML_DEVICE_ARCH_HOPPER)
		return NVML_ERROR_NOT_SUPPORTED;
	*nvlinkBwMode = 0;
	return NVML_SUCCESS;
}
