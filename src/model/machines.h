/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_MACHINES_H
#define MIGKIT_MODEL_MACHINES_H

#include <stdint.h>

#include <migkit/error.h>

#include "model/boards.h"

/*
 * Machines that a lab can be made as: which boards, where on the PCI bus, near which CPUs, linked
 * how. From data/machines/, each part with its sources. Plain data without pointers.
 */

#define MIG_MACHINE_GPUS      16
#define MIG_MACHINE_NODES     16
#define MIG_MACHINE_CPU_WORDS 16 /* 64 CPUs each */

/* How the GPUs of a machine reach each other beside PCIe. */
enum mig_nvlink {
	MIG_NVLINK_NONE = 0,
	MIG_NVLINK_SWITCH = 1, /* each with each, by all its links */
	MIG_NVLINK_PAIRS = 2,  /* bridges: GPU 2n with GPU 2n + 1 */
};

struct mig_bus_id {
	uint32_t domain, bus, device;
};

struct mig_machine_gpu {
	char board[32];
	struct mig_bus_id bus_id;
	uint8_t node;	     /* NUMA node */
	uint8_t pcie_switch; /* 0: none that it shares */
};

/* The parts that a file describes; MIG_DEF_UNCONFIRMED in their sources as in boards. */
enum mig_machine_part {
	MIG_MACHINE_NODES_OF,	/* CPUs of each node */
	MIG_MACHINE_PER_SOCKET, /* nodes of a socket */
	MIG_MACHINE_NVLINK,
	MIG_MACHINE_LINKS,
	MIG_MACHINE_BOARDS,
	MIG_MACHINE_BUS_IDS,
	MIG_MACHINE_GPU_NODES,
	MIG_MACHINE_SWITCHES,
	MIG_MACHINE_PART_MAX
};

struct mig_machine {
	char key[32];
	char title[80];
	uint32_t n_nodes, nodes_per_socket;
	uint64_t cpus[MIG_MACHINE_NODES][MIG_MACHINE_CPU_WORDS]; /* of each node */
	uint32_t nvlink;					 /* enum mig_nvlink */
	uint32_t nvlinks;					 /* links of each GPU */
	uint32_t n_gpus;
	struct mig_machine_gpu gpu[MIG_MACHINE_GPUS];
	uint32_t part[MIG_MACHINE_PART_MAX]; /* sources */
	uint32_t n_sources;
	struct mig_source sources[MIG_DEF_SOURCES];
	uint32_t n_notes;
	struct mig_note notes[MIG_DEF_NOTES];
};

/* The compiled-in machines, in the order of their keys; NULL past the end, or for no such key. */
const struct mig_machine *mig_machine_at(unsigned i);
const struct mig_machine *mig_machine_find(const char *key);

/* The key of a part in a machine's file: "pcie-switches". */
const char *mig_machine_part_name(enum mig_machine_part part);

/* "00000001:00:00.0": domain, bus and device in hexadecimal, function 0. -EINVAL: it is none. */
int mig_bus_id_parse(const char *word, struct mig_bus_id *ret);

#endif
