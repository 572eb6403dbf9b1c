/* SPDX-License-Identifier: Apache-2.0 */
/* The machine around the GPUs: who is near whom, which processors and memory, and by which links.
 */
#include "unit/abi_fixture.h"

static struct nvml_api nvml;
static nvmlDevice_t gpu[4];

/* Four GPUs: 0 and 1 on one PCIe switch of node 0, 2 on node 1 beside, 3 in the other socket. */
static void open_lab(struct fixture *f, const char *board, const char *driver, uint32_t nvlink,
		     uint32_t links)
{
	static const int32_t node[4] = { 0, 0, 1, 2 };
	struct mig_error err = { 0 };
	struct lab_spec spec;
	int r;

	fixture_make(f);
	fixture_spec(&spec, f->dir, board, driver, 4, MIG_NUMBERING_I);
	spec.machine = (struct lab_machine){ .n_cpus = 128,
					     .n_nodes = 4,
					     .nodes_per_socket = 2,
					     .nvlink = nvlink,
					     .nvlinks = links };
	for (unsigned i = 0; i < 4; i++) {
		spec.machine.node[i].cpus[i / 2] = 0xffffffffull << i % 2 * 32;
		spec.gpu[i].numa_node = node[i];
		spec.gpu[i].pcie_switch = i < 2;
	}
	r = lab_create(&spec, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
	CHECK(setenv("MIGKIT_LAB", f->dir, 1) == 0);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(i, &gpu[i]), NVML_SUCCESS);
}

static void close_lab(struct fixture *f)
{
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	fixture_end(f);
}

static void affinity(void)
{
	unsigned long set[4];
	unsigned node;

	memset(set, 0xa5, sizeof(set));
	CHECK_EQ(nvml.nvmlDeviceGetCpuAffinity(gpu[2], 3, set), NVML_SUCCESS);
	CHECK(set[0] == 0xffffffffull << 32 && set[1] == 0 && set[2] == 0);
	CHECK(set[3] == 0xa5a5a5a5a5a5a5a5ul);
	CHECK_EQ(nvml.nvmlDeviceGetCpuAffinityWithinScope(gpu[2], 2, set,
							  NVML_AFFINITY_SCOPE_SOCKET),
		 NVML_SUCCESS);
	CHECK(set[0] == ~0ul && set[1] == 0);
	CHECK_EQ(nvml.nvmlDeviceGetCpuAffinity(gpu[3], 2, set), NVML_SUCCESS);
	CHECK(set[0] == 0 && set[1] == 0xffffffff);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryAffinity(gpu[3], 1, set, NVML_AFFINITY_SCOPE_NODE),
		 NVML_SUCCESS);
	CHECK_EQ(set[0], 1 << 2);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryAffinity(gpu[3], 1, set, NVML_AFFINITY_SCOPE_SOCKET),
		 NVML_SUCCESS);
	CHECK_EQ(set[0], 3 << 2);
	CHECK_EQ(nvml.nvmlDeviceGetMemoryAffinity(gpu[3], 1, set, 2), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetCpuAffinity(gpu[3], 0, set), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetCpuAffinity(gpu[3], 1, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetCpuAffinity(gpu[0]), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceClearCpuAffinity(gpu[0]), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetNumaNodeId(gpu[0], &node), NVML_ERROR_NOT_SUPPORTED);
}

static void levels(void)
{
	static const struct {
		unsigned a, b, level;
	} ways[] = { { 0, 1, NVML_TOPOLOGY_MULTIPLE },
		     { 1, 0, NVML_TOPOLOGY_MULTIPLE },
		     { 0, 2, NVML_TOPOLOGY_SYSTEM },
		     { 0, 3, NVML_TOPOLOGY_SYSTEM } };
	nvmlGpuTopologyLevel_t level;
	nvmlDevice_t near[4];
	unsigned n = 0;
	int same;

	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(nvml.nvmlDeviceGetTopologyCommonAncestor(gpu[ways[i].a], gpu[ways[i].b],
								  &level),
			 NVML_SUCCESS);
		CHECK_EQ(level, ways[i].level);
	}
	CHECK_EQ(nvml.nvmlDeviceGetTopologyCommonAncestor(gpu[0], gpu[0], &level),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], NVML_TOPOLOGY_SINGLE, &n, NULL),
		 NVML_SUCCESS);
	CHECK_EQ(n, 0);
	CHECK_EQ(nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], NVML_TOPOLOGY_SINGLE, &n, near),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], NVML_TOPOLOGY_NODE, &n, NULL),
		 NVML_SUCCESS);
	CHECK_EQ(n, 1);
	CHECK_EQ(nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], NVML_TOPOLOGY_NODE, &n, near),
		 NVML_SUCCESS);
	CHECK(near[0] == gpu[1]);
	CHECK_EQ(nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], NVML_TOPOLOGY_SYSTEM, &n, near),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(n, 3);
	CHECK_EQ(
		nvml.nvmlDeviceGetTopologyNearestGpus(gpu[0], (nvmlGpuTopologyLevel_t)17, &n, near),
		NVML_ERROR_INVALID_ARGUMENT);
	n = 0;
	CHECK_EQ(nvml.nvmlSystemGetTopologyGpuSet(5, &n, NULL), NVML_SUCCESS);
	CHECK_EQ(n, 2);
	CHECK_EQ(nvml.nvmlSystemGetTopologyGpuSet(70, &n, near), NVML_SUCCESS);
	CHECK(n == 1 && near[0] == gpu[3]);
	CHECK_EQ(nvml.nvmlSystemGetTopologyGpuSet(128, &n, near), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceOnSameBoard(gpu[0], gpu[1], &same), NVML_SUCCESS);
	CHECK_EQ(same, 0);
	CHECK_EQ(nvml.nvmlDeviceOnSameBoard(gpu[1], gpu[1], &same), NVML_SUCCESS);
	CHECK_EQ(same, 1);
}

static nvmlGpuP2PStatus_t p2p(unsigned a, unsigned b, nvmlGpuP2PCapsIndex_t what)
{
	nvmlGpuP2PStatus_t status = NVML_P2P_STATUS_UNKNOWN;

	CHECK_EQ(nvml.nvmlDeviceGetP2PStatus(gpu[a], gpu[b], what, &status), NVML_SUCCESS);
	return status;
}

static void links_of_a_switch(void)
{
	nvmlIntNvLinkDeviceType_t type;
	unsigned long long errors = 7;
	nvmlGpuP2PStatus_t status;
	nvmlReturn_t activation;
	nvmlPciInfo_v2_t old;
	nvmlPciInfo_t pci;
	unsigned v = 0;
	nvmlEnableState_t on;

	for (unsigned i = 0; i <= 18; i++) {
		CHECK_EQ(nvml.nvmlDeviceGetNvLinkState(gpu[1], i, &on),
			 i < 18 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT);
		CHECK(i == 18 || on == NVML_FEATURE_ENABLED);
	}
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkVersion(gpu[1], 17, &v), NVML_SUCCESS);
	CHECK_EQ(v, 6);
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkRemoteDeviceType(gpu[1], 0, &type), NVML_SUCCESS);
	CHECK_EQ(type, NVML_NVLINK_DEVICE_TYPE_SWITCH);
	for (unsigned c = 0; c <= 6; c++)
		CHECK_EQ(nvml.nvmlDeviceGetNvLinkCapability(gpu[1], 0, (nvmlNvLinkCapability_t)c,
							    &v),
			 c < 6 ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT);
	/* An address of ones, as a guest sees a switch: measured on two H200. */
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(gpu[1], 0, &pci), NVML_SUCCESS);
	CHECK_STR(pci.busId, "FFFFFFFF:FF:FF.0");
	CHECK_STR(pci.busIdLegacy, "FFFFFFF:FF:FF.0");
	CHECK(pci.domain == 0xffffffff && pci.bus == 255 && pci.device == 255 &&
	      pci.pciDeviceId == 0xffffffff && pci.pciSubSystemId == 0);
	memset(&old, 0, sizeof(old));
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkRemotePciInfo(gpu[1], 0, &old), NVML_SUCCESS);
	CHECK_STR(old.busId, "FFFFFFF:FF:FF.0");
	for (unsigned c = 0; c < 6; c++) {
		CHECK_EQ(nvml.nvmlDeviceGetNvLinkErrorCounter(gpu[1], 17,
							      (nvmlNvLinkErrorCounter_t)c, &errors),
			 c < 5 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED);
		CHECK_EQ(errors, 0);
		CHECK_EQ(nvml.nvmlDeviceGetNvLinkErrorCounter(gpu[1], 18,
							      (nvmlNvLinkErrorCounter_t)c, &errors),
			 c == 3 || c == 4 ? NVML_ERROR_INVALID_ARGUMENT : NVML_ERROR_NOT_SUPPORTED);
	}
	CHECK_EQ(nvml.nvmlDeviceResetNvLinkErrorCounters(gpu[1], 17), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkState(gpu[1], 0, NULL), NVML_ERROR_INVALID_ARGUMENT);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(p2p(0, 3, (nvmlGpuP2PCapsIndex_t)i), i == 4 ? 5 : 0);
	CHECK_EQ(nvml.nvmlDeviceGetP2PStatus(gpu[0], gpu[1], (nvmlGpuP2PCapsIndex_t)6, &status),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu[3], 1, &activation), NVML_SUCCESS);
	CHECK_EQ(p2p(0, 3, NVML_P2P_CAPS_INDEX_READ), NVML_P2P_STATUS_NOT_SUPPORTED);
	CHECK_EQ(p2p(0, 1, NVML_P2P_CAPS_INDEX_READ), NVML_P2P_STATUS_OK);
}

static void links_of_bridges(void)
{
	nvmlIntNvLinkDeviceType_t type;
	nvmlPciInfo_t pci, other;
	unsigned v = 0;

	CHECK_EQ(nvml.nvmlDeviceGetNvLinkRemoteDeviceType(gpu[1], 0, &type), NVML_SUCCESS);
	CHECK_EQ(type, NVML_NVLINK_DEVICE_TYPE_GPU);
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(gpu[1], 0, &pci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetPciInfo_v3(gpu[0], &other), NVML_SUCCESS);
	CHECK(!memcmp(&pci, &other, sizeof(pci)));
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkVersion(gpu[1], 0, &v), NVML_SUCCESS);
	CHECK_EQ(v, 4);
	CHECK_EQ(p2p(2, 3, NVML_P2P_CAPS_INDEX_NVLINK), NVML_P2P_STATUS_OK);
	CHECK_EQ(p2p(1, 2, NVML_P2P_CAPS_INDEX_NVLINK), NVML_P2P_STATUS_NOT_SUPPORTED);
	CHECK_EQ(p2p(1, 2, NVML_P2P_CAPS_INDEX_READ), NVML_P2P_STATUS_OK);
}

/* A module's links are there without a fabric, and lead nowhere; a board without any says so. */
static void without_a_fabric(nvmlReturn_t state, nvmlReturn_t version)
{
	nvmlEnableState_t on = NVML_FEATURE_ENABLED;
	unsigned v;

	CHECK_EQ(nvml.nvmlDeviceGetNvLinkState(gpu[0], 0, &on), state);
	CHECK(state != NVML_SUCCESS || on == NVML_FEATURE_DISABLED);
	CHECK_EQ(nvml.nvmlDeviceGetNvLinkVersion(gpu[0], 0, &v), version);
	CHECK_EQ(p2p(0, 1, NVML_P2P_CAPS_INDEX_NVLINK), NVML_P2P_STATUS_NOT_SUPPORTED);
}

int main(void)
{
	struct fixture f;

	abi_open(&nvml);
	open_lab(&f, "h200", "580.159.04", LAB_NVLINK_SWITCH, 18);
	affinity();
	levels();
	links_of_a_switch();
	close_lab(&f);
	open_lab(&f, "a100-80gb-pcie", "550.54.14", LAB_NVLINK_PAIRS, 12);
	links_of_bridges();
	close_lab(&f);
	open_lab(&f, "h200", "580.159.04", LAB_NVLINK_NONE, 0);
	without_a_fabric(NVML_SUCCESS, NVML_ERROR_NOT_SUPPORTED);
	close_lab(&f);
	open_lab(&f, "a100-80gb-pcie", "550.54.14", LAB_NVLINK_NONE, 0);
	without_a_fabric(NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_NOT_SUPPORTED);
	close_lab(&f);
	nvml_api_close(&nvml);
	return 0;
}
