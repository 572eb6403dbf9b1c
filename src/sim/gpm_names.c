/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/gpm.h"

#include <stddef.h>

/*
 * Names and units of the metrics of GPU performance monitoring, by number, as an H200 with driver
 * 580 gives them (measured: all of them). Numbers that are missing are taken all the same, answer 0
 * percent and have no name.
 */

#define RATE "MiB/s"

#define NVLINK(n)                                                              \
	[62 + 2 * (n)] = { "nvl" #n "rx", "NVLINK_L" #n "_RX_PER_SEC", RATE }, \
		  [63 + 2 * (n)] = { "nvl" #n "tx", "NVLINK_L" #n "_TX_PER_SEC", RATE }

#define C2C(n)                                                                                    \
	[104 + 4 * (n)] = { "c2c" #n "ttx", "C2C_LINK" #n "_TOTAL_TX_PER_SEC", RATE },            \
		   [105 + 4 * (n)] = { "c2c" #n "trx", "C2C_LINK" #n "_TOTAL_RX_PER_SEC", RATE }, \
		   [106 + 4 * (n)] = { "c2c" #n "dtx", "C2C_LINK" #n "_DATA_TX_PER_SEC", RATE },  \
		   [107 + 4 * (n)] = { "c2c" #n "drx", "C2C_LINK" #n "_DATA_RX_PER_SEC", RATE }

#define SWITCHES(n)                                                                               \
	[170 + 5 * (n)] = { "cs" #n "elp", "GR" #n "_CTXSW_CYCLES_ELAPSED", "#" },                \
		   [171 + 5 * (n)] = { "cs" #n "act", "GR" #n "_CTXSW_CYCLES_ACTIVE", "#" },      \
		   [172 + 5 * (n)] = { "cs" #n "req", "GR" #n "_CTXSW_REQUESTS", "#" },           \
		   [173 + 5 * (n)] = { "cs" #n "cperq", "GR" #n "_CTXSW_CYCLES_PER_REQ", "C/R" }, \
		   [174 + 5 * (n)] = { "cs" #n "actpt", "GR" #n "_CTXSW_ACTIVE_PCT", "%" }

#define ENGINE(from, n, small, large) [(from) + (n)] = { small #n, large "_" #n "_UTIL", "%" }

static const struct sim_gpm_name names[] = {
	[1] = { "gract", "GRAPHICS_UTIL", "%" },
	[2] = { "smutil", "SM_UTIL", "%" },
	[3] = { "smocc", "SM_OCCUPANCY", "%" },
	[4] = { "intutil", "INTEGER_UTIL", "%" },
	[5] = { "mmaact", "ANY_TENSOR_UTIL", "%" },
	[6] = { "dfmat", "DFMA_TENSOR_UTIL", "%" },
	[7] = { "hmmat", "HMMA_TENSOR_UTIL", "%" },
	[9] = { "immat", "IMMA_TENSOR_UTIL", "%" },
	[10] = { "dram", "DRAM_BW_UTIL", "%" },
	[11] = { "fp64", "FP64_UTIL", "%" },
	[12] = { "fp32", "FP32_UTIL", "%" },
	[13] = { "fp16", "FP16_UTIL", "%" },
	[20] = { "pcitx", "PCIE_TX_PER_SEC", RATE },
	[21] = { "pcirx", "PCIE_RX_PER_SEC", RATE },
	ENGINE(30, 0, "nvdec", "NVDEC"),
	ENGINE(30, 1, "nvdec", "NVDEC"),
	ENGINE(30, 2, "nvdec", "NVDEC"),
	ENGINE(30, 3, "nvdec", "NVDEC"),
	ENGINE(30, 4, "nvdec", "NVDEC"),
	ENGINE(30, 5, "nvdec", "NVDEC"),
	ENGINE(30, 6, "nvdec", "NVDEC"),
	ENGINE(30, 7, "nvdec", "NVDEC"),
	ENGINE(40, 0, "nvjpg", "NVJPG"),
	ENGINE(40, 1, "nvjpg", "NVJPG"),
	ENGINE(40, 2, "nvjpg", "NVJPG"),
	ENGINE(40, 3, "nvjpg", "NVJPG"),
	ENGINE(40, 4, "nvjpg", "NVJPG"),
	ENGINE(40, 5, "nvjpg", "NVJPG"),
	ENGINE(40, 6, "nvjpg", "NVJPG"),
	ENGINE(40, 7, "nvjpg", "NVJPG"),
	ENGINE(50, 0, "nvofa", "NVOFA"),
	ENGINE(50, 1, "nvofa", "NVOFA"),
	[60] = { "nvlrx", "NVLINK_TOTAL_RX_PER_SEC", RATE },
	[61] = { "nvltx", "NVLINK_TOTAL_TX_PER_SEC", RATE },
	NVLINK(0),
	NVLINK(1),
	NVLINK(2),
	NVLINK(3),
	NVLINK(4),
	NVLINK(5),
	NVLINK(6),
	NVLINK(7),
	NVLINK(8),
	NVLINK(9),
	NVLINK(10),
	NVLINK(11),
	NVLINK(12),
	NVLINK(13),
	NVLINK(14),
	NVLINK(15),
	NVLINK(16),
	NVLINK(17),
	[100] = { "c2cttx", "C2C_TOTAL_TX_PER_SEC", RATE },
	[101] = { "c2ctrx", "C2C_TOTAL_RX_PER_SEC", RATE },
	[102] = { "c2cdtx", "C2C_DATA_TX_PER_SEC", RATE },
	[103] = { "c2cdrx", "C2C_DATA_RX_PER_SEC", RATE },
	C2C(0),
	C2C(1),
	C2C(2),
	C2C(3),
	C2C(4),
	C2C(5),
	C2C(6),
	C2C(7),
	C2C(8),
	C2C(9),
	C2C(10),
	C2C(11),
	C2C(12),
	C2C(13),
	[160] = { "hmhit", "HOSTMEM_CACHE_HIT", "%" },
	[161] = { "hmmiss", "HOSTMEM_CACHE_MISS", "%" },
	[162] = { "pmhit", "PEERMEM_CACHE_HIT", "%" },
	[163] = { "pmmiss", "PEERMEM_CACHE_MISS", "%" },
	[164] = { "dmhit", "DRAM_CACHE_HIT", "%" },
	[165] = { "dmmiss", "DRAM_CACHE_MISS", "%" },
	ENGINE(166, 0, "nvenc", "NVENC"),
	ENGINE(166, 1, "nvenc", "NVENC"),
	ENGINE(166, 2, "nvenc", "NVENC"),
	ENGINE(166, 3, "nvenc", "NVENC"),
	SWITCHES(0),
	SWITCHES(1),
	SWITCHES(2),
	SWITCHES(3),
	SWITCHES(4),
	SWITCHES(5),
	SWITCHES(6),
	SWITCHES(7),
};

/* An H200 refuses 210 and above with 580; nvml.h of CUDA 12.4 ends with 97. */
unsigned sim_gpm_highest(unsigned driver)
{
	return driver >= 575 ? sizeof(names) / sizeof(names[0]) - 1 : 97;
}

struct sim_gpm_name sim_gpm_name(unsigned metric)
{
	struct sim_gpm_name none = { NULL, NULL, "%" };

	return metric < sizeof(names) / sizeof(names[0]) && names[metric].unit ? names[metric]
									       : none;
}
