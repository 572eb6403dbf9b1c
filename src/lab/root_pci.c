/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "lab/root.h"

/*
 * The GPUs in sysfs: each on the root bus of its own number, as the two measured ones are on
 * theirs, found from /sys/bus/pci/devices by a link. What hwloc, Slurm, go-nvlib, mig-parted and
 * libpciaccess read is there; files that only take writes, and the windows themselves (resource0
 * ...), are not.
 */

#define CLASS	 0x030200u /* "3D controller"; measured on H100 and H200 */
#define REVISION 0xa1u
#define DRIVER	 "sys/bus/pci/drivers/nvidia"

struct window {
	unsigned bar; /* first of its registers */
	bool wide;    /* 64 bits, so it takes two */
	uint64_t size, at;
};

/*
 * Registers, framebuffer window, and the third one. Hopper has them all wide (measured on H200);
 * an A100 has registers in a narrow one.
 */
static void windows(const struct mig_board *board, unsigned n, struct window ret[3])
{
	bool hopper = board->architecture >= 9;
	uint64_t bar1 = (uint64_t)board->bar1_total_mib << 20;

	ret[0] = (struct window){ 0, hopper, 16u << 20, 0 };
	ret[1] = (struct window){ hopper ? 2 : 1, true, bar1, 0 };
	ret[2] = (struct window){ hopper ? 4 : 3, true, 32u << 20, 0 };
	ret[0].at = hopper ? 0x200000000000u + n * 0x4000000ull : 0xc0000000u + n * 0x1000000ull;
	ret[1].at = 0x100000000000u + n * 0x10000000000ull; /* a terabyte for each */
	ret[2].at = 0x200000000000u + n * 0x4000000ull + 0x2000000u;
}

/* IORESOURCE_* of include/linux/ioport.h and the low bits of the register, as measured. */
static uint64_t window_flags(const struct window *w)
{
	return w->wide ? 0x14220c : 0x40200;
}

static void resource_text(const struct window w[3], char *ret, size_t size)
{
	size_t n = 0;

	for (unsigned line = 0; line < 7; line++) {
		uint64_t start = 0, end = 0, flags = 0;

		for (unsigned i = 0; i < 3; i++) {
			if (w[i].bar != line || !w[i].size)
				continue;
			start = w[i].at;
			end = w[i].at + w[i].size - 1;
			flags = window_flags(&w[i]);
		}
		n += (size_t)snprintf(ret + n, size - n, "0x%016llx 0x%016llx 0x%016llx\n",
				      (unsigned long long)start, (unsigned long long)end,
				      (unsigned long long)flags);
	}
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

/* The header, and the capabilities power management (0x60) and PCI Express (0x78). */
static void config_space(const struct mig_board *board, const struct window w[3], uint8_t ret[256])
{
	unsigned link = board->pcie_gen | (unsigned)board->pcie_width << 4;

	memset(ret, 0, 256);
	put32(ret, board->pci_device_id << 16 | board->pci_device_id >> 16);
	put16(ret, board->pci_device_id & 0xffff);
	put16(ret + 2, board->pci_device_id >> 16);
	put16(ret + 4, 0x0406); /* memory, bus master, no INTx */
	put16(ret + 6, 0x0010); /* has capabilities */
	put32(ret + 8, CLASS << 8 | REVISION);
	for (unsigned i = 0; i < 3; i++) {
		put32(ret + 0x10 + 4 * w[i].bar, (uint32_t)w[i].at | (w[i].wide ? 0xc : 0));
		if (w[i].wide)
			put32(ret + 0x14 + 4 * w[i].bar, (uint32_t)(w[i].at >> 32));
	}
	put16(ret + 0x2c, board->pci_subsystem_id & 0xffff);
	put16(ret + 0x2e, board->pci_subsystem_id >> 16);
	ret[0x34] = 0x60;
	ret[0x3c] = LAB_ROOT_IRQ;
	ret[0x3d] = 1;
	put16(ret + 0x60, 0x7801);
	put16(ret + 0x62, 0x0003);
	put16(ret + 0x64, 0x0008);
	put16(ret + 0x78, 0x0010);
	put16(ret + 0x7a, 0x0002); /* an endpoint, version 2 */
	put32(ret + 0x84, link);
	put16(ret + 0x8a, link);
	put32(ret + 0xa4, ((1u << board->pcie_gen) - 1) << 1);
	put16(ret + 0xa8, board->pcie_gen);
}

/* The kernel's words (pci_speed_string); generation 0: not known of this board. */
static const char *link_speed(unsigned gen)
{
	static const char *const speeds[] = { "Unknown",       "2.5 GT/s PCIe",	 "5.0 GT/s PCIe",
					      "8.0 GT/s PCIe", "16.0 GT/s PCIe", "32.0 GT/s PCIe",
					      "64.0 GT/s PCIe" };

	return speeds[gen < ARRAY_SIZE(speeds) ? gen : 0];
}

/* "0-15,128-143" and "0000ffff,...": the forms of the kernel's %*pbl and %*pb. */
static void cpu_texts(const struct lab_const *con, int node, char *list, size_t list_size,
		      char *mask, size_t mask_size)
{
	static const struct lab_node none;
	const struct lab_node *cpus =
		node >= 0 && (unsigned)node < con->n_nodes ? &con->node[node] : &none;
	unsigned words = (con->n_cpus + 31) / 32;
	size_t n = 0;

	list[0] = mask[0] = '\0';
	for (unsigned cpu = 0; cpu < con->n_cpus && n + 16 < list_size; cpu++) {
		unsigned last = cpu;

		if (!(cpus->cpus[cpu / 64] >> cpu % 64 & 1))
			continue;
		while (last + 1 < con->n_cpus && cpus->cpus[(last + 1) / 64] >> (last + 1) % 64 & 1)
			last++;
		n += (size_t)snprintf(list + n, list_size - n, last > cpu ? "%s%u-%u" : "%s%u",
				      n ? "," : "", cpu, last);
		cpu = last;
	}
	n = 0;
	for (unsigned i = words; i-- > 0 && n + 10 < mask_size;) {
		uint32_t word = (uint32_t)(cpus->cpus[i / 2] >> (i % 2 ? 32 : 0));

		/* The highest word has as many digits as the number of CPUs asks for. */
		unsigned digits =
			i == words - 1 && con->n_cpus % 32 ? (con->n_cpus % 32 + 3) / 4 : 8;

		n += (size_t)snprintf(mask + n, mask_size - n, "%s%0*x", n ? "," : "", (int)digits,
				      word);
	}
}

struct device {
	struct root *root;
	char folder[96]; /* "sys/devices/pci0000:07/0000:07:00.0" */
};

static void attribute(const struct device *d, const char *name, mode_t mode, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", d->folder, name);
	root_text(d->root, path, mode, "%s\n", text);
}

static void number(const struct device *d, const char *name, mode_t mode, const char *fmt,
		   unsigned value)
{
	char text[32];

	snprintf(text, sizeof(text), fmt, value);
	attribute(d, name, mode, text);
}

static void identity(const struct device *d, const struct mig_board *board, const char *bus_id)
{
	unsigned vendor = board->pci_device_id & 0xffff, device = board->pci_device_id >> 16;
	unsigned sub_vendor = board->pci_subsystem_id & 0xffff;
	unsigned sub_device = board->pci_subsystem_id >> 16;
	char alias[80], uevent[256];

	number(d, "vendor", 0444, "0x%04x", vendor);
	number(d, "device", 0444, "0x%04x", device);
	number(d, "subsystem_vendor", 0444, "0x%04x", sub_vendor);
	number(d, "subsystem_device", 0444, "0x%04x", sub_device);
	number(d, "class", 0444, "0x%06x", CLASS);
	number(d, "revision", 0444, "0x%02x", REVISION);
	snprintf(alias, sizeof(alias), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", vendor,
		 device, sub_vendor, sub_device, CLASS >> 16, CLASS >> 8 & 0xff, CLASS & 0xff);
	attribute(d, "modalias", 0444, alias);
	snprintf(uevent, sizeof(uevent),
		 "DRIVER=nvidia\nPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
		 "PCI_SLOT_NAME=%s\nMODALIAS=%s",
		 CLASS, vendor, device, sub_vendor, sub_device, bus_id, alias);
	attribute(d, "uevent", 0644, uevent);
}

static void readings(const struct device *d, const struct lab_const *con, const struct lab_gpu *gpu)
{
	const struct mig_board *board = &con->board[gpu->board];
	char list[1024], mask[512];

	cpu_texts(con, gpu->numa_node, list, sizeof(list), mask, sizeof(mask));
	attribute(d, "local_cpulist", 0444, list);
	attribute(d, "local_cpus", 0444, mask);
	snprintf(list, sizeof(list), "%d", gpu->numa_node);
	attribute(d, "numa_node", 0644, list);
	attribute(d, "max_link_speed", 0444, link_speed(board->pcie_gen));
	attribute(d, "current_link_speed", 0444, link_speed(board->pcie_gen));
	number(d, "max_link_width", 0444, "%u", board->pcie_width);
	number(d, "current_link_width", 0444, "%u", board->pcie_width);
	number(d, "irq", 0444, "%u", LAB_ROOT_IRQ);
	number(d, "enable", 0644, "%u", 1);
	number(d, "ari_enabled", 0444, "%u", 0);
	number(d, "dma_mask_bits", 0444, "%u", board->architecture >= 9 ? 52 : 47);
	number(d, "consistent_dma_mask_bits", 0444, "%u", board->architecture >= 9 ? 52 : 47);
	attribute(d, "power_state", 0444, "D0");
	attribute(d, "power/control", 0644, "on");
	attribute(d, "power/runtime_status", 0444, "active");
}

static void gpu_device(struct root *root, const struct lab_const *con, const struct lab_gpu *gpu,
		       unsigned n)
{
	const struct mig_board *board = &con->board[gpu->board];
	struct device d = { .root = root };
	char bus_id[24], path[160], target[160], text[512];
	struct window w[3];
	uint8_t config[256];

	root_bus_id(gpu, bus_id);
	snprintf(d.folder, sizeof(d.folder), "sys/devices/pci%04x:%02x/%s", gpu->pci_domain,
		 gpu->pci_bus, bus_id);
	identity(&d, board, bus_id);
	readings(&d, con, gpu);
	windows(board, n, w);
	resource_text(w, text, sizeof(text));
	snprintf(path, sizeof(path), "%s/resource", d.folder);
	root_text(root, path, 0444, "%s", text);
	config_space(board, w, config);
	snprintf(path, sizeof(path), "%s/config", d.folder);
	root_data(root, path, 0644, config, sizeof(config));
	snprintf(path, sizeof(path), "%s/driver", d.folder);
	root_link(root, path, "../../../bus/pci/drivers/nvidia");
	snprintf(path, sizeof(path), "%s/subsystem", d.folder);
	root_link(root, path, "../../../bus/pci");
	snprintf(target, sizeof(target), "../../../devices/pci%04x:%02x/%s", gpu->pci_domain,
		 gpu->pci_bus, bus_id);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", bus_id);
	root_link(root, path, target);
	snprintf(path, sizeof(path), DRIVER "/%s", bus_id);
	snprintf(text, sizeof(text), "../%s", target);
	root_link(root, path, text);
}

static void module(struct root *root, const struct lab_const *con, const char *name,
		   unsigned long size, unsigned users)
{
	struct device d = { .root = root };
	char text[32];

	snprintf(d.folder, sizeof(d.folder), "sys/module/%s", name);
	attribute(&d, "version", 0444, con->driver_version);
	attribute(&d, "initstate", 0444, "live");
	attribute(&d, "taint", 0444, con->driver_major >= 560 ? "OE" : "POE");
	number(&d, "refcnt", 0444, "%u", users);
	snprintf(text, sizeof(text), "%lu", size);
	attribute(&d, "coresize", 0444, text);
}

void root_pci(struct root *root, const struct lab_const *con, const struct lab_state *st)
{
	for (unsigned i = 0; i < st->n_gpus; i++)
		gpu_device(root, con, &st->gpu[i], i);
	root_link(root, DRIVER "/module", "../../../../module/nvidia");
	module(root, con, "nvidia", 14299136, 2);
	module(root, con, "nvidia_uvm", 1830912, 0);
	module(root, con, "nvidia_modeset", 1634304, 0);
	root_link(root, "sys/module/nvidia/drivers/pci:nvidia", "../../../bus/pci/drivers/nvidia");
	root_link(root, "sys/module/nvidia/holders/nvidia_uvm", "../../nvidia_uvm");
	root_link(root, "sys/module/nvidia/holders/nvidia_modeset", "../../nvidia_modeset");
}
