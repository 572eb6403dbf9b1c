/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SNAPSHOT_H
#define MIGKIT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/api.h>
#include <migkit/board.h>
#include <migkit/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A snapshot is what a machine's driver said at one moment: GPUs, boards, instances, processes. An
 * immutable value; it comes from NVML or from a file that was written from one.
 */

/** A figure that the driver may refuse: nothing is ever shown as 0 because it could not be read. */
struct mig_reading {
	int32_t status; /**< 0: value holds; NVML's code: refused; MIG_NOT_ASKED */
	uint32_t pad;
	uint64_t value;
};
#define MIG_NOT_ASKED (-1)

enum mig_mode_state { MIG_MODE_OFF = 0, MIG_MODE_ON = 1 };

#define MIG_MAX_PROCESSES 256

/** Where an instance lies is told to those who may manage the GPU; its id leaves two places. */
#define MIG_START_UNKNOWN UINT8_MAX

enum mig_process_kind {
	MIG_PROCESS_COMPUTE = 1 << 0,
	MIG_PROCESS_GRAPHICS = 1 << 1,
	MIG_PROCESS_MPS = 1 << 2,
	MIG_PROCESS_FILE = 1 << 3,     /**< has a device file open; NVML does not list it */
	MIG_PROCESS_ATTACHED = 1 << 4, /**< a lab's client that only has NVML open */
};

/** A process that has only files open that belong to no GPU, such as /dev/nvidiactl. */
#define MIG_NO_GPU UINT32_MAX

/** A process that holds a GPU or a part of it. */
struct mig_process {
	uint32_t gpu;	/**< index; MIG_NO_GPU */
	int32_t gi, ci; /**< ids; -1: the whole GPU, or not known */
	uint32_t pid;
	uint32_t kind;		   /**< enum mig_process_kind, several at once */
	uint32_t uid;		   /**< of its owner; UINT32_MAX: not known */
	struct mig_reading memory; /**< bytes */
	char name[256];		   /**< program as NVML or /proc tells it; "" unknown */
	char command[256];	   /**< command line, words separated by blanks; "" unknown */
	char user[40];		   /**< "" unknown */
	char unit[128];		   /**< systemd unit, "" none or unknown */
	char container[80];	   /**< container id, "" none or unknown */
	char files[128];	   /**< device files that it has open, separated by blanks */
};

/** How far the search for processes with device files open could see. */
struct mig_holders_seen {
	bool asked;	    /**< /proc was searched */
	bool hidden;	    /**< /proc shows this user's processes only (hidepid) */
	bool namespaced;    /**< in a pid namespace: processes outside it are not seen */
	uint32_t n_unread;  /**< processes whose open files this user may not see */
	int32_t lab_status; /**< of a lab: 0, or NVML's code for why its clients were not listed */
};

/** A compute instance, which is a MIG device to CUDA. */
struct mig_ci {
	uint8_t id;
	uint8_t profile; /**< position in the GI profile's ci[]; UINT8_MAX: the board has none such
			  */
	uint8_t start, size; /**< in the GI; start MIG_START_UNKNOWN: not told */
	int32_t mig_index;   /**< index among the GPU's MIG devices; -1: it has no device (yet) */
	char name[MIG_PROFILE_NAME]; /**< "1c.3g.40gb" */
	char uuid[64];		     /**< "MIG-..."; before R470 "MIG-GPU-.../GI/CI"; "" unknown */
	struct mig_reading memory_used, memory_total; /**< bytes; of the whole GI, as NVML has it */
	struct mig_reading sm;			      /**< multiprocessors */
};

struct mig_gi {
	uint8_t id;
	uint8_t profile;     /**< position in board.gi[]; UINT8_MAX: the board has none such */
	uint8_t start, size; /**< in placement units; start MIG_START_UNKNOWN: not told */
	uint8_t n_ci;
	int32_t ci_status;	      /**< 0: its compute instances were listed; else NVML's code */
	struct mig_ci ci[MIG_MAX_CI]; /**< ascending id */
	/** Where each CI profile may start, bit n is start n, from NVML; 0: not asked or refused.
	 */
	uint32_t ci_starts[MIG_MAX_CI_PROFILES];
};

/** Where the board's value of a GPU comes from. */
enum mig_board_origin {
	MIG_BOARD_NONE = 0,  /**< not asked, or the GPU has no MIG */
	MIG_BOARD_FROM_NVML, /**< profiles and placements as the driver lists them */
	MIG_BOARD_FROM_DATA, /**< the driver does not tell; the file of the same PCI id stands in */
};

struct mig_gpu {
	uint32_t index;
	int32_t status;	      /**< 0: answers; else NVML's code of the call that failed first */
	char failed_call[48]; /**< that call's name; "" */
	char name[96], uuid[48], bus_id[24], serial[24];
	int32_t minor;		/**< of /dev/nvidiaN; -1 unknown */
	bool mig_capable;	/**< false: MIG mode is not supported: [N/A] */
	int32_t mode_status;	/**< of GetMigMode */
	uint8_t mode, pending;	/**< enum mig_mode_state */
	uint8_t board_origin;	/**< enum mig_board_origin */
	struct mig_board board; /**< .key: that of our data for the same product, or "" */
	int32_t gi_status; /**< 0: instances were listed; else NVML's code (NO_PERMISSION ...) */
	uint32_t n_gi;
	struct mig_gi gi[MIG_MAX_GI]; /**< ascending id */
	/** Per profile of the board: how many more the driver says can be created. */
	struct mig_reading remaining[MIG_MAX_GI_PROFILES];
	struct mig_reading memory_used, memory_free, memory_total; /**< bytes, of the GPU */
	int32_t process_status; /**< 0: the process lists were read; else NVML's code */
};

struct mig_snapshot {
	bool recorded;	  /**< read from a file */
	char source[256]; /**< "driver 580.159.04", "lab NAME", or the file's name */
	char taken[32];	  /**< UTC, "2026-11-22T20:36:01Z"; "" for what is live */
	char host[64];	  /**< its name; of a simulated machine "lab NAME" */
	char driver[32], nvml[32], cuda[16]; /**< versions as the driver writes them */
	bool lab;			     /**< of a simulated machine */
	bool privileged;		     /**< taken as root or with the capability files */
	uint32_t n_gpu;
	struct mig_gpu *gpu; /**< ascending index */
	uint32_t n_process;
	struct mig_process *process; /**< by GPU, GI, CI, pid */
	struct mig_holders_seen holders;
};

/** Frees a snapshot and what it holds. NULL is fine. */
void mig_snapshot_free(struct mig_snapshot *snapshot);

#ifdef __cplusplus
}
#endif

#endif
