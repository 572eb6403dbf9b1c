/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_TOPOLOGY_H
#define MIGKIT_SIM_TOPOLOGY_H

#include "sim/sim.h"

/* NVLinks that the board has: active ones, by the machine's fabric, or none of them active. */
static inline unsigned sim_links(const struct sim_dev *dev)
{
	if (dev->con->nvlink != LAB_NVLINK_NONE)
		return dev->con->nvlinks;
	if (!dev->board->is_module)
		return 0;
	return dev->board->architecture >= NVML_DEVICE_ARCH_HOPPER ? 18 : 12;
}

static inline bool sim_links_active(const struct sim_dev *dev)
{
	return dev->con->nvlink != LAB_NVLINK_NONE;
}

/* nvmlNvlinkVersion_t: measured 6, NVLink 4.0, on an H200; an A100 has NVLink 3.0. */
static inline unsigned sim_link_version(const struct sim_dev *dev)
{
	switch (dev->board->architecture) {
	case NVML_DEVICE_ARCH_AMPERE:
		return 4;
	case NVML_DEVICE_ARCH_HOPPER:
		return 6;
	default:
		return 7;
	}
}

/* MB/s of a link in each direction: measured 26562 on an H200 ("26.562 GB/s"), 25 GB/s before. */
static inline unsigned sim_link_mbps(const struct sim_dev *dev)
{
	switch (dev->board->architecture) {
	case NVML_DEVICE_ARCH_AMPERE:
		return 25000;
	case NVML_DEVICE_ARCH_HOPPER:
		return 26562;
	default:
		return 53125;
	}
}

#endif
