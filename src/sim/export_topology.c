/* SPDX-License-Identifier: Apache-2.0 */
/* Where devices are in the lab's machine: processors and memory near them, and the way to others */
#include "sim/sim.h"

#include <string.h>

#include "sim/numbers.h"

#define WORD_BITS (8 * sizeof(unsigned long))

_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "a lab's words are NVML's");

static unsigned own_node(int32_t node)
{
	return node >= 0 ? (unsigned)node : 0;
}

/* The nodes of a scope: the GPU's own, or all of its socket. */
static void nodes_of(const struct sim_dev *dev, nvmlAffinityScope_t scope, unsigned *first,
		     unsigned *n)
{
	unsigned node = own_node(dev->gpu.numa_node);

	*first = node;
	*n = 1;
	if (scope == NVML_AFFINITY_SCOPE_SOCKET) {
		*n = dev->con->nodes_per_socket;
		*first = node / *n * *n;
	}
}

/* Never empty, as slurmd ends on an empty mask: a node has processors (lab_check). */
static nvmlReturn_t cpus(nvmlDevice_t device, unsigned words, unsigned long *set,
			 nvmlAffinityScope_t scope)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);
	unsigned first, n;

	if (status != NVML_SUCCESS)
		return status;
	if (!set || words == 0 || scope > NVML_AFFINITY_SCOPE_SOCKET)
		return NVML_ERROR_INVALID_ARGUMENT;
	nodes_of(&dev, scope, &first, &n);
	memset(set, 0, words * sizeof(*set));
	for (unsigned i = first; i < first + n && i < LAB_MAX_NODES; i++)
		for (unsigned w = 0; w < words && w < LAB_CPU_WORDS; w++)
			set[w] |= dev.con->node[i].cpus[w];
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceGetCpuAffinity,
	  (nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet),
	  (device, cpuSetSize, cpuSet))
{
	return cpus(device, cpuSetSize, cpuSet, NVML_AFFINITY_SCOPE_NODE);
}

SIM_ENTRY(nvmlDeviceGetCpuAffinityWithinScope,
	  (nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet,
	   nvmlAffinityScope_t scope),
	  (device, cpuSetSize, cpuSet, scope))
{
	return cpus(device, cpuSetSize, cpuSet, scope);
}

SIM_ENTRY(nvmlDeviceGetMemoryAffinity,
	  (nvmlDevice_t device, unsigned int nodeSetSize, unsigned long *nodeSet,
	   nvmlAffinityScope_t scope),
	  (device, nodeSetSize, nodeSet, scope))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);
	unsigned first, n;

	if (status != NVML_SUCCESS)
		return status;
	if (!nodeSet || nodeSetSize == 0 || scope > NVML_AFFINITY_SCOPE_SOCKET)
		return NVML_ERROR_INVALID_ARGUMENT;
	nodes_of(&dev, scope, &first, &n);
	memset(nodeSet, 0, nodeSetSize * sizeof(*nodeSet));
	for (unsigned i = first; i < first + n && i < WORD_BITS; i++)
		nodeSet[0] |= 1ul << i;
	return NVML_SUCCESS;
}

/*
 * These bind the calling thread to the GPU's processors. A lab's are not the host's, and nothing of
 * the host is touched: a thread that may run anywhere is what they leave.
 */
SIM_ENTRY(nvmlDeviceSetCpuAffinity, (nvmlDevice_t device), (device))
{
	struct sim_dev dev;

	return sim_parent(device, &dev);
}

SIM_ENTRY(nvmlDeviceClearCpuAffinity, (nvmlDevice_t device), (device))
{
	struct sim_dev dev;

	return sim_parent(device, &dev);
}

/* Only where the memory of GPUs is a NUMA node of the host (Grace); measured on an H200. */
SIM_ENTRY(nvmlDeviceGetNumaNodeId, (nvmlDevice_t device, unsigned int *node), (device, node))
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);

	if (status != NVML_SUCCESS)
		return status;
	return node ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
}

/* --- the way from one to another ------------------------------------------------------------ */

/*
 * Two GPUs of one PCIe switch, of one bus (measured: both of a guest are below its one host
 * bridge), of one NUMA node, of the machine.
 */
static nvmlGpuTopologyLevel_t level(const struct lab_place *a, const struct lab_place *b)
{
	if (a->pcie_switch && a->pcie_switch == b->pcie_switch)
		return NVML_TOPOLOGY_MULTIPLE;
	if (a->pci_domain == b->pci_domain && a->pci_bus == b->pci_bus)
		return NVML_TOPOLOGY_HOSTBRIDGE;
	if (a->numa_node == b->numa_node)
		return NVML_TOPOLOGY_NODE;
	return NVML_TOPOLOGY_SYSTEM;
}

static nvmlReturn_t pair(nvmlDevice_t one, nvmlDevice_t two, const void *out, struct sim_dev ret[2])
{
	nvmlReturn_t status = sim_parent(one, &ret[0]);

	if (status == NVML_SUCCESS)
		status = sim_parent(two, &ret[1]);
	if (status != NVML_SUCCESS)
		return status;
	return out ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

/* There is no way from a GPU to itself: NOT_SUPPORTED (measured). */
SIM_ENTRY(nvmlDeviceGetTopologyCommonAncestor,
	  (nvmlDevice_t device1, nvmlDevice_t device2, nvmlGpuTopologyLevel_t *pathInfo),
	  (device1, device2, pathInfo))
{
	struct lab_place place[LAB_MAX_GPUS];
	struct sim_dev dev[2];
	nvmlReturn_t status = pair(device1, device2, pathInfo, dev);

	if (status != NVML_SUCCESS)
		return status;
	if (dev[0].ref.gpu == dev[1].ref.gpu)
		return NVML_ERROR_NOT_SUPPORTED;
	if (!lab_read_places(sim_lab(), place))
		return NVML_ERROR_GPU_IS_LOST;
	*pathInfo = level(&place[dev[0].ref.gpu], &place[dev[1].ref.gpu]);
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlDeviceOnSameBoard, (nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard),
	  (device1, device2, onSameBoard))
{
	struct sim_dev dev[2];
	nvmlReturn_t status = pair(device1, device2, onSameBoard, dev);

	if (status == NVML_SUCCESS)
		*onSameBoard = dev[0].ref.gpu == dev[1].ref.gpu;
	return status;
}

/*
 * Fills a caller's list as NVML's topology calls do: count 0 asks how many there are. An array for
 * none is a wrong count (measured, by the call that follows the asking one).
 */
static nvmlReturn_t list(const nvmlDevice_t *found, unsigned n, unsigned *count,
			 nvmlDevice_t *array)
{
	unsigned room = *count;

	if (array ? room == 0 : room > 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = n;
	if (!array)
		return NVML_SUCCESS;
	if (room < n)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memcpy(array, found, n * sizeof(*found));
	return NVML_SUCCESS;
}

/* Those that are as near as the level, or nearer (measured: the one GPU is listed from its level
 * on). */
SIM_ENTRY(nvmlDeviceGetTopologyNearestGpus,
	  (nvmlDevice_t device, nvmlGpuTopologyLevel_t lvl, unsigned int *count,
	   nvmlDevice_t *deviceArray),
	  (device, lvl, count, deviceArray))
{
	struct lab_place place[LAB_MAX_GPUS];
	nvmlDevice_t found[LAB_MAX_GPUS];
	struct sim_dev dev;
	nvmlReturn_t status = sim_parent(device, &dev);
	unsigned n = 0, n_gpus;

	if (status != NVML_SUCCESS)
		return status;
	if (!count || lvl % 10 || lvl > NVML_TOPOLOGY_SYSTEM)
		return NVML_ERROR_INVALID_ARGUMENT;
	n_gpus = lab_read_places(sim_lab(), place);
	for (unsigned i = 0; i < n_gpus; i++)
		if (i != dev.ref.gpu && !place[i].lost &&
		    level(&place[dev.ref.gpu], &place[i]) <= lvl)
			found[n++] = sim_gpu_handle(i);
	return list(found, n, count, deviceArray);
}

SIM_ENTRY(nvmlSystemGetTopologyGpuSet,
	  (unsigned int cpuNumber, unsigned int *count, nvmlDevice_t *deviceArray),
	  (cpuNumber, count, deviceArray))
{
	struct lab_place place[LAB_MAX_GPUS];
	const struct lab_const *con = sim_const();
	nvmlDevice_t found[LAB_MAX_GPUS];
	unsigned n = 0, n_gpus;

	if (!count || cpuNumber >= con->n_cpus)
		return NVML_ERROR_INVALID_ARGUMENT;
	n_gpus = lab_read_places(sim_lab(), place);
	for (unsigned i = 0; i < n_gpus; i++) {
		unsigned node = own_node(place[i].numa_node);

		if (!place[i].lost && con->node[node].cpus[cpuNumber / 64] >> cpuNumber % 64 & 1)
			found[n++] = sim_gpu_handle(i);
	}
	return list(found, n, count, deviceArray);
}

/* --- peer to peer --------------------------------------------------------------------------- */

static bool linked(const struct sim_dev dev[2])
{
	switch (dev[0].con->nvlink) {
	case LAB_NVLINK_SWITCH:
		return true;
	case LAB_NVLINK_PAIRS:
		return dev[0].ref.gpu / 2 == dev[1].ref.gpu / 2;
	default:
		return false;
	}
}

/*
 * Two H200 of one fabric: all OK but the one by PCIe properties, also of a GPU with itself
 * (measured). Without NVLink, reads and writes go by PCIe and atomics do not (not measured). With
 * MIG mode on there is no peer to peer between GPUs (NVIDIA's MIG guide).
 */
SIM_ENTRY(nvmlDeviceGetP2PStatus,
	  (nvmlDevice_t device1, nvmlDevice_t device2, nvmlGpuP2PCapsIndex_t p2pIndex,
	   nvmlGpuP2PStatus_t *p2pStatus),
	  (device1, device2, p2pIndex, p2pStatus))
{
	struct sim_dev dev[2];
	nvmlReturn_t status = pair(device1, device2, p2pStatus, dev);
	bool ok;

	if (status != NVML_SUCCESS)
		return status;
	if ((unsigned)p2pIndex > NVML_P2P_CAPS_INDEX_UNKNOWN)
		return NVML_ERROR_INVALID_ARGUMENT;
	switch (p2pIndex) {
	case NVML_P2P_CAPS_INDEX_NVLINK:
	case NVML_P2P_CAPS_INDEX_ATOMICS:
		ok = linked(dev);
		break;
	case NVML_P2P_CAPS_INDEX_PCI:
		ok = false;
		break;
	default:
		ok = true;
		break;
	}
	if (dev[0].gpu.mig_current || dev[1].gpu.mig_current)
		ok = false;
	*p2pStatus = ok ? NVML_P2P_STATUS_OK : NVML_P2P_STATUS_NOT_SUPPORTED;
	return NVML_SUCCESS;
}
