/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/util.h"
#include "lab/root.h"

/*
 * What the driver and the kernel show below /proc, as recorded on a machine with two H200 under
 * 580.159.04; what is known to differ by driver or board is said where it does.
 */

#define NVIDIA "proc/driver/nvidia"

void root_bus_id(const struct lab_gpu *gpu, char ret[24])
{
	snprintf(ret, 24, "%04x:%02x:%02x.0", gpu->pci_domain, gpu->pci_bus, gpu->pci_device);
}

/* The open kernel modules are what a driver installs from R560 on; a build's date is left out. */
static void version(struct root *root, const struct lab_const *con)
{
	static const char gcc[] = "GCC version:  gcc version 12.2.0 (GCC) \n";
	struct utsname host;

	if (uname(&host) < 0)
		snprintf(host.machine, sizeof(host.machine), "x86_64");
	if (con->driver_major >= 560)
		root_text(root, NVIDIA "/version", 0444,
			  "NVRM version: NVIDIA UNIX Open Kernel Module for %s  %s  Release Build  "
			  "(migkit@lab)  \n%s",
			  host.machine, con->driver_version, gcc);
	else
		root_text(root, NVIDIA "/version", 0444,
			  "NVRM version: NVIDIA UNIX %s Kernel Module  %s  \n%s", host.machine,
			  con->driver_version, gcc);
}

/* Names and values of 580; other drivers have some more or fewer of them. */
static const char params[] = "ResmanDebugLevel: 4294967295\n"
			     "RmLogonRC: 1\n"
			     "ModifyDeviceFiles: 1\n"
			     "DeviceFileUID: 0\n"
			     "DeviceFileGID: 0\n"
			     "DeviceFileMode: 438\n"
			     "InitializeSystemMemoryAllocations: 1\n"
			     "UsePageAttributeTable: 4294967295\n"
			     "EnableMSI: 1\n"
			     "EnablePCIeGen3: 0\n"
			     "MemoryPoolSize: 0\n"
			     "KMallocHeapMaxSize: 0\n"
			     "VMallocHeapMaxSize: 0\n"
			     "IgnoreMMIOCheck: 0\n"
			     "EnableStreamMemOPs: 0\n"
			     "EnableUserNUMAManagement: 1\n"
			     "NvLinkDisable: 0\n"
			     "RmProfilingAdminOnly: 0\n"
			     "PreserveVideoMemoryAllocations: 0\n"
			     "EnableS0ixPowerManagement: 0\n"
			     "S0ixPowerManagementVideoMemoryThreshold: 256\n"
			     "DynamicPowerManagement: 3\n"
			     "DynamicPowerManagementVideoMemoryThreshold: 200\n"
			     "RegisterPCIDriver: 1\n"
			     "EnablePCIERelaxedOrderingMode: 0\n"
			     "EnableResizableBar: 0\n"
			     "EnableGpuFirmware: 18\n"
			     "EnableGpuFirmwareLogs: 2\n"
			     "RmNvlinkBandwidthLinkCount: 0\n"
			     "EnableDbgBreakpoint: 0\n"
			     "OpenRmEnableUnsupportedGpus: 1\n"
			     "DmaRemapPeerMmio: 1\n"
			     "ImexChannelCount: 2048\n"
			     "CreateImexChannel0: 0\n"
			     "GrdmaPciTopoCheckOverride: 0\n"
			     "CoherentGPUMemoryMode: \"\"\n"
			     "RegistryDwords: \"\"\n"
			     "RegistryDwordsPerDevice: \"\"\n"
			     "RmMsg: \"\"\n"
			     "GpuBlacklist: \"\"\n"
			     "TemporaryFilePath: \"\"\n"
			     "ExcludedGpus: \"\"\n";

static const char power[] = "Runtime D3 status:          Disabled by default\n"
			    "Video Memory:               Active\n"
			    "\n"
			    "GPU Hardware Support:\n"
			    " Video Memory Self Refresh: Not Supported\n"
			    " Video Memory Off:          Not Supported\n"
			    "\n"
			    "S0ix Power Management:\n"
			    " Platform Support:          Not Supported\n"
			    " Status:                    Disabled\n"
			    "\n"
			    "Notebook Dynamic Boost:     Not Supported\n";

static void gpu_files(struct root *root, const struct lab_const *con, const struct lab_gpu *gpu)
{
	const struct mig_board *board = &con->board[gpu->board];
	/* 52 bits measured on H200; A100 prints 47. */
	unsigned bits = board->architecture >= 9 ? 52 : 47;
	char path[96], bus_id[24], firmware[64] = "";

	root_bus_id(gpu, bus_id);
	/*
	 * OGKM's nv-procfs.c: the line is there only with a GPU that runs firmware, which the
	 * simulated driver says of the same ones (nvmlDeviceGetGspFirmwareVersion).
	 */
	if (board->architecture >= 9 || con->driver_major >= 525)
		snprintf(firmware, sizeof(firmware), "GPU Firmware: \t %s\n", con->driver_version);
	snprintf(path, sizeof(path), NVIDIA "/gpus/%s/information", bus_id);
	root_text(root, path, 0444,
		  "Model: \t\t %s\nIRQ:   \t\t %u\nGPU UUID: \t %s\nVideo BIOS: \t %s\n"
		  "Bus Type: \t PCIe\nDMA Size: \t %u bits\nDMA Mask: \t 0x%llx\n"
		  "Bus Location: \t %s\nDevice Minor: \t %u\n%sGPU Excluded:\t No\n",
		  board->name, LAB_ROOT_IRQ, gpu->uuid, board->vbios, bits, (1ull << bits) - 1,
		  bus_id, gpu->minor, firmware);
	snprintf(path, sizeof(path), NVIDIA "/gpus/%s/registry", bus_id);
	root_text(root, path, 0644, "Binary: \"\"\n");
	snprintf(path, sizeof(path), NVIDIA "/gpus/%s/power", bus_id);
	root_text(root, path, 0444, "%s", power);
	/* There with MIG mode off, too (measured). */
	snprintf(path, sizeof(path), LAB_ROOT_CAPS "/gpu%u/mig", gpu->minor);
	root_dir(root, path);
}

static void capability(struct root *root, const char *path, unsigned minor, unsigned mode)
{
	root_text(root, path, 0444,
		  "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n", minor, mode);
}

/* The driver's table, whatever GPUs there are. */
static void mig_minors(struct root *root)
{
	size_t room = 128 * 1024, n = 0;
	_cleanup_free_ char *text = malloc(room);

	if (!text) {
		root->error = -ENOMEM;
		return;
	}
	n += (size_t)snprintf(text, room, "config %u\nmonitor %u\n", LAB_CAP_CONFIG,
			      LAB_CAP_MONITOR);
	for (unsigned gpu = 0; gpu < LAB_CAP_GPUS; gpu++)
		for (unsigned gi = 0; gi <= MIG_MAX_GI_ID; gi++)
			for (int ci = -1; ci < 8 && n + 40 < room; ci++) {
				char part[16] = "";

				if (ci >= 0)
					snprintf(part, sizeof(part), "/ci%d", ci);
				n += (size_t)snprintf(text + n, room - n,
						      "gpu%u/gi%u%s/access %u\n", gpu, gi, part,
						      lab_cap_minor(gpu, gi, ci));
			}
	root_data(root, "proc/driver/nvidia-caps/mig-minors", 0444, text, n);
}

/*
 * A whole file in the kernel's form, for there are parsers that read all of it (the DRA driver's).
 * The numbers of the NVIDIA entries but 195 are given out when the modules are loaded. R550 has
 * split "nvidia-frontend" in two (nvidia-container-toolkit looks for both).
 */
static void devices(struct root *root, const struct lab_const *con)
{
	root_text(root, "proc/devices", 0444,
		  "Character devices:\n"
		  "  1 mem\n  4 /dev/vc/0\n  4 tty\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n"
		  "  5 /dev/ptmx\n  7 vcs\n 10 misc\n 13 input\n128 ptm\n136 pts\n%s"
		  "203 cpu/cpuid\n238 nvidia-uvm\n239 nvidia-nvswitch\n240 nvidia-nvlink\n"
		  "241 nvidia-caps\n%s243 hidraw\n248 bsg\n249 watchdog\n250 ptp\n251 pps\n"
		  "\n"
		  "Block devices:\n  7 loop\n254 virtblk\n259 blkext\n",
		  con->driver_major >= 550 ? "195 nvidia\n195 nvidia-modeset\n195 nvidiactl\n"
					   : "195 nvidia-frontend\n",
		  con->driver_major >= 580 ? "242 nvidia-caps-imex-channels\n" : "");
}

/* Sizes of nvidia and nvidia_uvm as measured; an ordinary user is shown no addresses. */
static void modules(struct root *root, const struct lab_const *con)
{
	const char *taint = con->driver_major >= 560 ? "OE" : "POE";

	root_text(root, "proc/modules", 0444,
		  "nvidia_uvm 1830912 0 - Live 0x0000000000000000 (%s)\n"
		  "nvidia_modeset 1634304 0 - Live 0x0000000000000000 (%s)\n"
		  "nvidia 14299136 2 nvidia_uvm,nvidia_modeset, Live 0x0000000000000000 (%s)\n",
		  taint, taint, taint);
}

void root_proc(struct root *root, const struct lab_const *con, const struct lab_state *st)
{
	version(root, con);
	root_text(root, NVIDIA "/params", 0444, "%s", params);
	root_text(root, NVIDIA "/registry", 0644, "Binary: \"\"\n");
	for (unsigned i = 0; i < st->n_gpus; i++)
		gpu_files(root, con, &st->gpu[i]);
	capability(root, LAB_ROOT_CAPS "/mig/config", LAB_CAP_CONFIG, LAB_CAP_MODE_ADMIN);
	capability(root, LAB_ROOT_CAPS "/mig/monitor", LAB_CAP_MONITOR, LAB_CAP_MODE_READ);
	mig_minors(root);
	root_text(root, "proc/driver/nvidia-caps/nvlink-minors", 0444, "fabric-mgmt 0\n");
	/* The driver of ImEx channels came between R535 and R580; seen under 580. */
	if (con->driver_major >= 580) {
		capability(root, LAB_ROOT_CAPS "/fabric-imex-mgmt", 4323, LAB_CAP_MODE_ADMIN);
		root_text(root, "proc/driver/nvidia-caps/sys-minors", 0444,
			  "fabric-imex-mgmt 4323\n");
	}
	devices(root, con);
	modules(root, con);
}
