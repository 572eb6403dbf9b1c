/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_BOARD_FIGURES_H
#define MIGKIT_MODEL_BOARD_FIGURES_H

/*
 * What a board file says, as lists: where it stands in the file, how it is written, between which
 * values it lies and which field of the resolved board it fills. Parser, resolver, generator and
 * the printed reference all read these lists, so a new figure is one line here.
 */

/* How a figure is written in a file. */
enum mig_kind {
	MIG_KIND_UINT,	    /* 81920 */
	MIG_KIND_HEX,	    /* 0x20B510DE */
	MIG_KIND_BOOL,	    /* yes, no */
	MIG_KIND_MILLI,	    /* 122.22: kept as 122220 */
	MIG_KIND_IDS,	    /* [6, 10, 21]: kept as bits */
	MIG_KIND_NUMBERING, /* I, X, quarter */
	MIG_KIND_DRIVER,    /* 515.86.01, 515 */
	MIG_KIND_MAX
};

/* X(NAME, group, key, kind, least, most, field of struct mig_board) */
#define MIG_BOARD_FIGURES(X)                                                                     \
	X(CUDA_MAJOR, "product", "cuda-capability-major", UINT, 8, 20, cc_major)                 \
	X(CUDA_MINOR, "product", "cuda-capability-minor", UINT, 0, 9, cc_minor)                  \
	X(PCI_DEVICE_ID, "product", "pci-device-id", HEX, 1, 0xffffffff, pci_device_id)          \
	X(PCI_SUBSYSTEM_ID, "product", "pci-subsystem-id", HEX, 1, 0xffffffff, pci_subsystem_id) \
	X(PCIE_GEN, "product", "pcie-generation", UINT, 1, 7, pcie_gen)                          \
	X(PCIE_WIDTH, "product", "pcie-width", UINT, 1, 32, pcie_width)                          \
	X(DISPLAY, "product", "display", BOOL, 0, 1, has_display)                                \
	X(SM_TOTAL, "geometry", "sm-total", UINT, 1, 1024, sm_total)                             \
	X(CUDA_CORES, "geometry", "cuda-cores", UINT, 1, 1 << 20, cuda_cores)                    \
	X(COMPUTE_SLICES, "geometry", "compute-slices", UINT, 1, 8, compute_slices)              \
	X(MEMORY_SLICES, "geometry", "memory-slices", UINT, 1, 8, memory_slices)                 \
	X(UNITS, "geometry", "placement-units", UINT, 1, 16, units)                              \
	X(NUMBERING, "geometry", "numbering", NUMBERING, 0, 2, numbering)                        \
	X(NUMBERING_FIXED, "geometry", "numbering-fixed", BOOL, 0, 1, numbering_fixed)           \
	X(NEEDS_RESET, "mig-mode", "needs-reset", BOOL, 0, 1, mode_needs_reset)                  \
	X(PERSISTENT, "mig-mode", "survives-reboot", BOOL, 0, 1, mode_persistent)                \
	X(BESIDE_4G3G, "mig-mode", "4g-beside-3g", BOOL, 0, 1, gi_beside_4g3g)                   \
	X(DISPLAY_OFF, "mig-mode", "needs-display-off", BOOL, 0, 1, mode_display_off)            \
	X(MEMORY_TOTAL, "memory", "total-mib", UINT, 1024, 1 << 21, memory_total_mib)            \
	X(MEMORY_RESERVED, "memory", "reserved-kib", UINT, 0, 1 << 24, memory_reserved_kib)      \
	X(MEMORY_PER_SLICE, "memory", "idle-kib-per-slice", UINT, 0, 1000000,                    \
	  idle_gi_kib_per_slice)                                                                 \
	X(BAR1_TOTAL, "memory", "bar1-total-mib", UINT, 0, 1 << 22, bar1_total_mib)              \
	X(BAR1_USED, "memory", "bar1-used-kib", UINT, 0, 1 << 24, bar1_used_kib)                 \
	X(FAN, "temperature", "fan", BOOL, 0, 1, has_fan)                                        \
	X(IDLE_C, "temperature", "idle-c", UINT, 0, 200, idle_temperature_c)                     \
	X(SLOWDOWN_C, "temperature", "slowdown-c", UINT, 0, 200, slowdown_c)                     \
	X(SHUTDOWN_C, "temperature", "shutdown-c", UINT, 0, 200, shutdown_c)                     \
	X(IDLE_W, "power", "idle-w", MILLI, 0, 10000000, idle_power_mw)                          \
	X(LIMIT_W, "power", "limit-w", MILLI, 1000, 10000000, power_limit_mw)                    \
	X(MIN_W, "power", "min-w", MILLI, 1000, 10000000, power_min_mw)                          \
	X(MAX_W, "power", "max-w", MILLI, 1000, 10000000, power_max_mw)                          \
	X(IDLE_SM_MHZ, "clocks", "idle-sm-mhz", UINT, 1, 10000, idle_sm_mhz)                     \
	X(IDLE_MEM_MHZ, "clocks", "idle-memory-mhz", UINT, 1, 20000, idle_mem_mhz)               \
	X(IDLE_VIDEO_MHZ, "clocks", "idle-video-mhz", UINT, 1, 10000, idle_video_mhz)            \
	X(MAX_SM_MHZ, "clocks", "max-sm-mhz", UINT, 1, 10000, max_sm_mhz)                        \
	X(MAX_MEM_MHZ, "clocks", "max-memory-mhz", UINT, 1, 20000, max_mem_mhz)                  \
	X(MAX_VIDEO_MHZ, "clocks", "max-video-mhz", UINT, 1, 10000, max_video_mhz)               \
	X(IDS_NOT_SUPPORTED, "other-ids", "not-supported", IDS, 0, INT64_MAX, ids_not_supported) \
	X(IDS_EMPTY, "other-ids", "empty-list", IDS, 0, INT64_MAX, ids_empty)                    \
	X(MODULE, "nvml", "module", BOOL, 0, 1, is_module)                                       \
	X(BUS_BITS, "nvml", "memory-bus-bits", UINT, 64, 16384, memory_bus_bits)                 \
	X(REMAP_BANKS, "nvml", "remap-banks", UINT, 1, 1 << 20, remap_banks)                     \
	X(DEFAULT_SM_MHZ, "nvml", "default-sm-mhz", UINT, 1, 10000, default_sm_mhz)              \
	X(MIN_SM_MHZ, "nvml", "min-sm-mhz", UINT, 1, 10000, min_sm_mhz)                          \
	X(SECOND_MEM_MHZ, "nvml", "second-memory-mhz", UINT, 1, 20000, second_mem_mhz)           \
	X(MAX_OPERATING_C, "nvml", "max-operating-c", UINT, 1, 200, max_operating_c)             \
	X(MEMORY_MAX_C, "nvml", "memory-max-c", UINT, 1, 200, memory_max_c)                      \
	X(MEMORY_W, "nvml", "idle-memory-w", MILLI, 1, 1000000, memory_power_mw)

/* X(NAME, group, key, field of struct mig_board) */
#define MIG_BOARD_TEXTS(X)                                                \
	X(NAME, "product", "name", name)                                  \
	X(ARCHITECTURE, "product", "architecture", arch_name)             \
	X(VBIOS, "product", "vbios", vbios)                               \
	X(PART_NUMBER, "product", "board-part-number", part_number)       \
	X(GPU_PART_NUMBER, "product", "gpu-part-number", gpu_part_number) \
	X(INFOROM_IMAGE, "nvml", "inforom-image", inforom_image)          \
	X(INFOROM_OEM, "nvml", "inforom-oem", inforom_oem)                \
	X(INFOROM_ECC, "nvml", "inforom-ecc", inforom_ecc)

/* X(NAME, key, kind, least, most, field of struct mig_gi_profile, bit of .unconfirmed) */
#define MIG_PROFILE_FIGURES(X)                                          \
	X(ID, "id", UINT, 0, 255, id, ID)                               \
	X(INDEX, "index", UINT, 0, 31, index, ID)                       \
	X(SLICES, "slices", UINT, 1, 8, slices, ID)                     \
	X(SIZE, "size", UINT, 1, 16, size, PLACEMENT)                   \
	X(TOTAL, "total", UINT, 1, MIG_MAX_GI, total, TOTAL)            \
	X(MEMORY_MB, "memory-mb", UINT, 64, 1 << 21, memory_mb, MEMORY) \
	X(BAR1_MB, "bar1-mb", UINT, 0, 1 << 22, bar1_mb, BAR1)          \
	X(SM, "sm", UINT, 1, 1024, sm, SM)                              \
	X(CE, "ce", UINT, 0, 64, ce, ENGINES)                           \
	X(DEC, "dec", UINT, 0, 64, dec, ENGINES)                        \
	X(ENC, "enc", UINT, 0, 64, enc, ENGINES)                        \
	X(JPEG, "jpeg", UINT, 0, 64, jpeg, ENGINES)                     \
	X(OFA, "ofa", UINT, 0, 64, ofa, ENGINES)                        \
	X(P2P, "p2p", BOOL, 0, 1, p2p, ENGINES)

/* X(key, least, most, field of struct mig_ci_profile, bit of .unconfirmed) */
#define MIG_CI_FIGURES(X)                           \
	X("id", 0, MIG_MAX_CI_PROFILES - 1, id, ID) \
	X("slices", 1, 8, slices, ID)               \
	X("total", 1, MIG_MAX_CI, total, TOTAL)     \
	X("span", 1, 16, span, PLACEMENT)           \
	X("sm", 1, 1024, sm, SM)

enum mig_board_figure {
#define X(name, group, key, kind, least, most, field) MIG_FIG_##name,
	MIG_BOARD_FIGURES(X)
#undef X
		MIG_BOARD_FIGURE_MAX
};

enum mig_board_text {
#define X(name, group, key, field) MIG_TEXT_##name,
	MIG_BOARD_TEXTS(X)
#undef X
		MIG_BOARD_TEXT_MAX
};

enum mig_profile_figure {
#define X(name, key, kind, least, most, field, bit) MIG_PFIG_##name,
	MIG_PROFILE_FIGURES(X)
#undef X
		MIG_PROFILE_FIGURE_MAX
};

#endif
