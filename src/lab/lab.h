/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_LAB_H
#define MIGKIT_LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/board.h>
#include <migkit/error.h>

#include "lab/rules.h"

/*
 * A lab is a simulated machine: one file of fixed size that any number of processes share. This
 * header is all that src/sim and the lab commands of src/cli see of it.
 *
 * Errors are negative errno; src/sim turns them into NVML's codes (lab_errno_to_nvml table there):
 *   -EINVAL INVALID_ARGUMENT   -ENOTSUP NOT_SUPPORTED     -EPERM NO_PERMISSION
 *   -ENOENT NOT_FOUND          -EBUSY IN_USE              -ENOSPC INSUFFICIENT_RESOURCES
 *   -ENODEV GPU_IS_LOST        -EIO UNKNOWN               -ENOTCONN DRIVER_NOT_LOADED
 *   -ENOTRECOVERABLE RESET_REQUIRED
 */

#define LAB_MAX_GPUS	 16
#define LAB_MAX_CLIENTS	 64
#define LAB_MAX_NODES	 16 /* NUMA nodes */
#define LAB_CPU_WORDS	 16 /* 64 CPUs each: up to 1024 */
#define LAB_MAX_EVENTS	 64
#define LAB_MAX_ACCOUNTS 64
#define LAB_STATE_FILE	 "state"
#define LAB_HOLDERS_FILE "holders"

#define LAB_AUTO INT32_MIN /* a reading that nobody set: the model computes it */

/* Readings that "lab set" can fix; LAB_AUTO means the board's idle value or what the model says. */
struct lab_readings {
	int32_t temperature_c;
	int32_t power_mw;
	int32_t memory_used_mib; /* of the parent, without reserve and lab clients */
	int32_t utilization_gpu; /* percent */
	int32_t utilization_memory;
	int32_t fan_percent;
	int32_t sm_mhz, mem_mhz;
	int32_t pstate;
	int32_t ecc_volatile, ecc_aggregate; /* uncorrectable errors */
	int32_t ecc_volatile_corrected, ecc_aggregate_corrected;
	int32_t remapped_correctable, remapped_uncorrectable; /* rows replaced by spare ones */
	int32_t remap_pending; /* of the rows above, those that wait for a reset */
	int32_t remap_failure; /* 0 or 1 */
};

/*
 * What programs set through NVML and the driver forgets when it is loaded anew; 0 everywhere: the
 * board's own values.
 */
struct lab_settings {
	uint32_t power_limit_mw;
	uint32_t app_mem_mhz, app_sm_mhz;  /* application clocks, set as a pair */
	uint32_t lock_sm_min, lock_sm_max; /* MHz; max 0: not locked */
	uint32_t lock_mem_min, lock_mem_max;
	uint8_t fan_percent; /* 0: by temperature */
	uint8_t pad[3];
};

struct lab_ci {
	uint8_t used;
	uint8_t id;
	uint8_t profile; /* position in the GI profile's ci[] */
	uint8_t start;
	uint8_t size;
	uint8_t pad[3];
	uint32_t generation; /* new for each create: tells stale handles */
	uint32_t pad2;
};

struct lab_gi {
	uint8_t used;
	uint8_t id;
	uint8_t profile; /* position in the board's gi[] */
	uint8_t start;
	uint8_t size;
	uint8_t next_ci; /* id after the last one given out (rule ci-id-reuse) */
	uint8_t pad[2];
	uint32_t generation;
	int32_t memory_used_mib; /* "lab set 0/GI memory-used=": LAB_AUTO or MiB */
	int32_t utilization_gpu; /* the same of its own engines, in percent; LAB_AUTO: the GPU's */
	uint32_t pad2;
	struct lab_ci ci[MIG_MAX_CI];
};

struct lab_gpu {
	uint8_t board;	   /* position in lab_const.board[] */
	uint8_t numbering; /* enum mig_numbering */
	uint8_t mig_current, mig_pending;
	uint8_t persistence;
	uint8_t compute_mode;
	uint8_t ecc_current, ecc_pending;
	uint8_t lost;	     /* fell off the bus: GPU_IS_LOST until reboot */
	uint8_t display_off; /* physical display ports disabled: see mig_board.mode_display_off */
	uint8_t pcie_switch; /* GPUs of the same number hang on the same PCIe switch; 0: on none */
	uint8_t accounting;  /* mode: on */
	uint32_t minor;
	uint32_t pci_domain, pci_bus, pci_device;
	int32_t numa_node; /* position in lab_const.node[] */
	char uuid[48];	   /* "GPU-..." */
	char serial[16];
	struct lab_readings set;
	struct lab_settings user;
	uint8_t needs_reset;	      /* nothing may be asked of it before: RESET_REQUIRED */
	uint8_t pad3[3];	      /* the state is stored in 8-byte words */
	uint64_t energy_mj;	      /* used up to energy_at_us, since the driver was loaded */
	uint64_t energy_at_us;	      /* of the epoch; since then at the power that it draws now */
	uint64_t loaded_at_us;	      /* when the driver last started the GPU */
	struct lab_gi gi[MIG_MAX_GI]; /* no order; used == 0 is free */
};

/* A process that "lab client" keeps on a GPU or on a MIG device. */
enum lab_client_kind {
	LAB_CLIENT_ATTACHED = 1, /* has the GPU open (nvidia-persistenced): in no process list */
	LAB_CLIENT_COMPUTE = 2,
};

struct lab_client {
	uint8_t used; /* the entry is filled; the process may be dead: see lab_client_alive() */
	uint8_t kind;
	uint8_t gpu;
	int8_t gi, ci;	  /* -1: on the whole GPU */
	uint8_t all_gpus; /* attached to every GPU */
	uint8_t pad[2];
	uint32_t pid;
	uint32_t pad2;
	uint64_t memory; /* bytes */
	char name[104];
};

/* Something that happened to a GPU and that programs can wait for. */
enum lab_event_kind {
	LAB_EVENT_XID = 1,
	LAB_EVENT_SINGLE_BIT_ECC,
	LAB_EVENT_DOUBLE_BIT_ECC,
	LAB_EVENT_MIG_CONFIG,
	LAB_EVENT_KINDS
};

struct lab_event {
	uint64_t number; /* counted from 1 since the lab was made; 0: none yet */
	uint64_t data;	 /* the Xid, from 1 on; else 0 */
	uint8_t kind;	 /* enum lab_event_kind */
	uint8_t gpu;
	int8_t gi, ci; /* -1: the whole GPU, the whole GPU instance */
	uint32_t pad;
};

/* A process that was counted on a GPU in accounting mode: it runs, or it has. */
struct lab_account {
	uint8_t used;
	uint8_t gpu;
	uint8_t running;
	uint8_t slot; /* of the client, while it runs */
	uint32_t pid;
	uint64_t memory;   /* bytes, at most */
	uint64_t start_us; /* of the epoch */
	uint64_t time_ms;  /* that it ran; 0 while it does */
};

/* What changes. Everything in it is copied, checked and published as one. */
struct lab_state {
	uint64_t seq;
	uint64_t boot;		  /* counts reboots */
	uint32_t next_generation; /* of instances */
	uint32_t n_gpus;
	uint64_t clients; /* bit n: client[n] is used; lab_publish() sees to it */
	struct lab_client client[LAB_MAX_CLIENTS];
	uint64_t n_accounts;			      /* ever */
	struct lab_account account[LAB_MAX_ACCOUNTS]; /* the last ones, in a ring */
	uint64_t n_events;			      /* ever; the last ones are below ... */
	struct lab_event event[LAB_MAX_EVENTS];	      /* ... number n at [n % LAB_MAX_EVENTS] */
	struct lab_gpu gpu[LAB_MAX_GPUS];	      /* the file holds n_gpus of them */
};

/* How the GPUs of a machine reach each other beside PCIe. */
enum lab_nvlink {
	LAB_NVLINK_NONE = 0,
	LAB_NVLINK_SWITCH = 1, /* every GPU reaches every other with all its links */
	LAB_NVLINK_PAIRS = 2,  /* bridges: GPU 2n with GPU 2n + 1, by all links */
};

struct lab_node {
	uint64_t cpus[LAB_CPU_WORDS]; /* bit n % 64 of word n / 64: CPU n */
};

/* What never changes after "lab create". */
struct lab_const {
	char name[64];
	char driver_version[32]; /* "515.86.01" */
	uint32_t driver_major;	 /* 515 */
	uint32_t cuda_version;	 /* 11070 */
	uint32_t n_gpus;
	uint32_t n_boards;
	uint32_t permissions_real; /* 1: changing calls need root, as on hardware */
	uint32_t owner_uid;
	uint32_t persistenced; /* 1: a reboot starts nvidia-persistenced again */
	uint64_t seed;
	uint8_t rule[32]; /* enum lab_rule -> chosen value */
	/*
	 * The machine around the GPUs: the one that the lab was made as, or one NUMA node of 64
	 * CPUs. Never the host's own, so that a test sees the same machine everywhere.
	 */
	char machine[32]; /* "dgx-a100"; "": none was named */
	uint32_t n_cpus;
	uint32_t n_nodes;	   /* valid entries of node */
	uint32_t nodes_per_socket; /* nodes 0 to n - 1 are of the first socket, and so on */
	uint32_t nvlink;	   /* enum lab_nvlink */
	uint32_t nvlinks;	   /* active links of each GPU */
	uint32_t pad;
	struct lab_node node[LAB_MAX_NODES];
	struct mig_board board[LAB_MAX_GPUS]; /* the file holds n_boards of them */
};

struct lab; /* an opened lab */

enum lab_open_flags {
	LAB_OPEN_ATTACH = 1 << 0, /* count as a process that has the GPUs open */
};

/*
 * Opens the lab in a folder and checks its file once. The same process may open it more often.
 * -ENOENT no lab there, -EBADMSG not a lab's file or damaged, -EPROTO of a newer migkit,
 * -ENODEV destroyed.
 */
int lab_open(const char *dir, unsigned flags, struct lab **ret, struct mig_error *reterr);
/* Ends the attachment; the mapping of the file stays for the life of the process. */
void lab_close(struct lab *lab);

const struct lab_const *lab_const(const struct lab *lab);
const struct mig_board *lab_board(const struct lab *lab, const struct lab_gpu *gpu);

/*
 * Readers: no lock, no system call; the copy is of one moment. -ENODEV when the lab was rebooted
 * or destroyed since lab_open (or the GPU is lost), -EINVAL no such GPU. Of a GPU's instances that
 * are not used the first 8 bytes alone are filled in.
 */
int lab_read_gpu(const struct lab *lab, unsigned gpu, struct lab_gpu *ret);
/* The same with one of its GPU instances, by id, or none: reading all is most of the time. */
enum { LAB_GI_ALL = -2, LAB_GI_NONE = -1 };
int lab_read_gpu_with(const struct lab *lab, unsigned gpu, int gi, struct lab_gpu *ret);
int lab_read_state(const struct lab *lab, struct lab_state *ret);

/*
 * For those who look at all GPUs, of which a whole one is fifty times as much: where each is, which
 * is the head of struct lab_gpu as it lies there. Returns how many there are; 0 where
 * lab_read_gpu() is -ENODEV of all of them.
 */
struct lab_place {
	uint8_t board;
	uint8_t modes[7]; /* what lab_gpu has there */
	uint8_t lost;
	uint8_t display_off;
	uint8_t pcie_switch;
	uint8_t accounting;
	uint32_t minor;
	uint32_t pci_domain, pci_bus, pci_device;
	int32_t numa_node;
};
unsigned lab_read_places(const struct lab *lab, struct lab_place ret[LAB_MAX_GPUS]);
/* How many GPUs there are before the first that is lost; 0 as above. */
unsigned lab_until_lost(const struct lab *lab);
/* The first GPU with that UUID or serial number, at its offset in struct lab_gpu; -1: none. */
int lab_find_gpu(const struct lab *lab, size_t offset, const char *text);

/*
 * Changes; each is all or nothing and visible to every process at once.
 * euid 0, MIGKIT_LAB_ROOT=1, or a lab without --permissions real: lab_may_change() is true.
 */
bool lab_may_change(const struct lab *lab);

/*
 * start -1: the driver's default placement. What was made is named by its id and generation: who
 * looked it up by the id afterwards could find another process's instance.
 */
struct lab_made {
	unsigned id;
	uint32_t generation;
};
int lab_gi_create(struct lab *lab, unsigned gpu, unsigned profile_id, int start, int size,
		  struct lab_made *ret_made);
int lab_gi_destroy(struct lab *lab, unsigned gpu, unsigned gi, uint32_t generation);
int lab_ci_create(struct lab *lab, unsigned gpu, unsigned gi, uint32_t gi_generation,
		  unsigned ci_profile_id, int start, int size, struct lab_made *ret_made);
int lab_ci_destroy(struct lab *lab, unsigned gpu, unsigned gi, unsigned ci, uint32_t generation);
/* Whether the GPU has a MIG mode at all; see mig_board.mode_display_off. */
bool lab_has_mig_mode(const struct mig_board *board, const struct lab_gpu *gpu);
/* 0: took effect (or was already so). 1: pending, somebody uses the GPU. -ENOTSUP, -EBUSY ... */
int lab_set_mig_mode(struct lab *lab, unsigned gpu, bool on);
int lab_set_persistence(struct lab *lab, unsigned gpu, bool on);
/* Takes effect at the next reset or reboot, as the inforom holds it. */
int lab_set_ecc_mode(struct lab *lab, unsigned gpu, bool on);
/* mode: NVML's number. -ENOTSUP in MIG mode, which knows the default alone. */
int lab_set_compute_mode(struct lab *lab, unsigned gpu, unsigned mode);
/* All settings of a GPU at once: fn changes what it wants of them; its result is returned. */
int lab_set_settings(struct lab *lab, unsigned gpu,
		     int (*fn)(struct lab_settings *user, const void *arg), const void *arg);
/* Forgets the counted errors, of this driver's life (volatile) or of the board's. */
int lab_clear_ecc(struct lab *lab, unsigned gpu, bool aggregate);
/* Microseconds of the epoch: the lab's clock is the host's. */
uint64_t lab_now_us(void);
/* Milliwatts that the GPU draws now, and millijoules it drew since the driver was loaded. */
uint32_t lab_power_mw(const struct mig_board *board, const struct lab_gpu *gpu);
uint64_t lab_energy_mj(const struct mig_board *board, const struct lab_gpu *gpu, uint64_t now_us);
/* -EBUSY: somebody else has the GPU open. */
int lab_gpu_reset(struct lab *lab, unsigned gpu);
/* Ends all lab clients and does what a reboot of the machine does to every GPU. */
int lab_reboot(struct lab *lab, struct mig_error *reterr);
/* Fixes readings: key as in "lab set" ("temperature", "power", ...); gi -1: the GPU's. */
int lab_set_reading(struct lab *lab, unsigned gpu, int gi, const char *key, const char *value,
		    struct mig_error *reterr);

/* The i-th key that it takes; NULL past the end. */
const char *lab_reading_key(unsigned i);

/* The same without setting it: whether lab_set_reading() would take the words. */
int lab_check_reading(const struct lab *lab, unsigned gpu, int gi, const char *key,
		      const char *value, struct mig_error *reterr);

/* The key of a reading whose value "lab set" would not take; NULL: all are possible. */
const char *lab_reading_wrong(const struct lab_readings *set);

/*
 * Accounting. -ENOTSUP in MIG mode. lab_accounts_of() returns how many it filled in, oldest first;
 * clearing forgets those that have ended.
 */
int lab_set_accounting(struct lab *lab, unsigned gpu, bool on);
int lab_clear_accounts(struct lab *lab, unsigned gpu);
unsigned lab_accounts_of(struct lab *lab, unsigned gpu, struct lab_account ret[LAB_MAX_ACCOUNTS]);

/*
 * Events. The state keeps the last LAB_MAX_EVENTS of them; whoever comes too late for older ones
 * misses them. An Xid of a GPU that has instances may name one: -ENOENT where it is not there.
 * -EINVAL: a GPU that is not there, an Xid of no number, a number of what is no Xid.
 */
int lab_inject(struct lab *lab, const struct lab_event *what, struct mig_error *reterr);

/* What a GPU stays in until something ends it; events come with those that have an Xid. */
enum lab_condition {
	LAB_CONDITION_LOST = 1,		 /* fell off the bus; until a reboot */
	LAB_CONDITION_NEEDS_RESET,	 /* until a reset, which a reboot is as well */
	LAB_CONDITION_ROW_REMAP,	 /* a row waits to be replaced; until a reset */
	LAB_CONDITION_ROW_REMAP_FAILURE, /* no spare row was left; for ever */
	LAB_CONDITIONS
};

/* Puts a GPU into a condition; -ENODEV where it is lost, and nothing can happen to it any more. */
int lab_befall(struct lab *lab, unsigned gpu, enum lab_condition what, struct mig_error *reterr);

/* A look at a lab's events. A value: it stays valid when the lab is closed in another thread. */
struct lab_watch {
	const struct lab_map *map;
	uint64_t boot;
};
struct lab_watch lab_watch(const struct lab *lab);
/* Number of the newest event. */
uint64_t lab_event_newest(const struct lab_watch *w);
/* The oldest event kept whose number is above after; false: there is none. */
bool lab_event_after(const struct lab_watch *w, uint64_t after, struct lab_event *ret);
/*
 * Sleeps until an event above after is there, the lab is rebooted or destroyed (-ENODEV), or ms
 * have passed; may also return 0 for no reason. Needs no permission to write to the lab.
 */
int lab_event_wait(const struct lab_watch *w, uint64_t after, unsigned ms);

/*
 * Clients. lab_hold() is called by the process that is to be the client: it takes its byte of the
 * holders file and keeps it until it ends, however it ends.
 */
int lab_hold(struct lab *lab, const struct lab_client *what, struct mig_error *reterr);
/* Whether entry i of a state is a live process (F_GETLK on its byte); ret_pid may be NULL. */
bool lab_client_alive(const struct lab *lab, const struct lab_state *st, unsigned i,
		      uint32_t *ret_pid);
/* The live compute clients of a GPU, a GI or a CI (-1: any); returns how many, fills up to cap. */
int lab_clients_of(const struct lab *lab, unsigned gpu, int gi, int ci, struct lab_client *ret,
		   unsigned cap);

/* Bytes in use on a GPU (gi -1) or in a GI (its id): idle use or what "lab set" says, and clients.
 */
uint64_t lab_memory_used(const struct lab *lab, unsigned gpu, int gi);
/* The same for those who have read the GPU. */
uint64_t lab_memory_of(const struct lab *lab, unsigned gpu, const struct lab_gpu *g, int gi);
/* Whether another process has the GPU open (attached, or a client of any kind). */
bool lab_gpu_in_use(const struct lab *lab, unsigned gpu);

/* One that has GPUs of the lab open: a client, or another process with NVML initialised. */
struct lab_holder {
	uint32_t pid;
	uint8_t kind;  /* enum lab_client_kind */
	int8_t gi, ci; /* -1: on the whole GPU */
	uint8_t pad;
	int16_t gpu; /* -1: all of them */
	uint16_t pad2;
	uint32_t pad3;
	uint64_t memory; /* bytes */
	char name[104];	 /* of a client; "" of another process */
};
/*
 * All of them but this process. Returns how many there are, fills up to cap; -errno where the
 * kernel does not list the locks.
 */
int lab_holders(const struct lab *lab, struct lab_holder *ret, unsigned cap);

/* One sentence of a check; breach: something is wrong, else it is worth knowing. */
typedef void (*lab_told_fn)(void *arg, bool breach, const char *sentence);

/*
 * Holds a state against every invariant (check.c): placements, ids, limits, generations, modes,
 * clients, events, accounts, and the constants themselves. Tells each breach, returns how many.
 */
unsigned lab_check_each(const struct lab_const *con, const struct lab_state *st, lab_told_fn told,
			void *arg);
/* The same: -EBADMSG and the first sentence. */
int lab_check(const struct lab_const *con, const struct lab_state *st, struct mig_error *reterr);

/* What lab_check_file() has looked at. */
struct lab_look {
	char name[64];	  /* of the lab; "": it could not be read */
	uint64_t changes; /* of its state since it was made */
	bool folder;	  /* a lab's folder: with its clients and the files of its machine */
};

/*
 * The same of any state file, or of a lab's folder with all that belongs to the lab: the header,
 * the sums, both copies of the state and of the trouble, clients, files. Only reads, repairs
 * nothing; holds the lab's lock, which other readers and looks share, for one look. Returns how
 * many breaches it told. -ENOENT no such file, -EPROTO of another migkit, -ENODEV destroyed, -EBUSY
 * somebody holds the lock all the time.
 */
int lab_check_file(const char *path, lab_told_fn told, void *arg, struct lab_look *ret,
		   struct mig_error *reterr);

/* --- making and removing -------------------------------------------------------------------- */

struct lab_gpu_spec {
	struct mig_board board; /* resolved for the lab's driver */
	uint8_t numbering;
	uint8_t has_bus_id;
	uint8_t pcie_switch;
	uint32_t pci_domain, pci_bus, pci_device;
	int32_t numa_node;
};

/* The machine around the GPUs; all zero: one NUMA node of 64 CPUs, no NVLink. */
struct lab_machine {
	char name[32];
	uint32_t n_cpus, n_nodes, nodes_per_socket;
	uint32_t nvlink; /* enum lab_nvlink */
	uint32_t nvlinks;
	struct lab_node node[LAB_MAX_NODES];
};

struct lab_spec {
	const char *dir; /* the lab's folder; must not exist */
	const char *name;
	const char *driver_version;
	uint32_t cuda_version;
	bool permissions_real;
	bool persistenced;
	uint64_t seed;
	uint8_t rule[32];
	struct lab_machine machine;
	const char *library, *program; /* of the simulated driver and migctl, for links; or NULL */
	unsigned n_gpus;
	struct lab_gpu_spec gpu[LAB_MAX_GPUS];
};

/*
 * The lab's folder is also the root of its machine: /proc/driver/nvidia, /dev and so on lie in it
 * and follow the layout (root.h). This brings them in step after a process that died in a change;
 * a lab that may not be written to is left as it is.
 */
void lab_root_sync(struct lab *lab);

int lab_create(const struct lab_spec *spec, struct mig_error *reterr);
int lab_destroy(const char *dir, struct mig_error *reterr);

#endif
