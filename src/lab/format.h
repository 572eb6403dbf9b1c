/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_FORMAT_H
#define MIGKIT_LAB_FORMAT_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/file.h"
#include "lab/lab.h"
#include "lab/root.h"
#include "lab/trouble.h"

/*
 * The lab's file: a header, the constants, two copies of the state, two of the trouble that was
 * ordered, and counts. Fixed size from its creation; after that only 8-byte words change, in the
 * order that makes a death at any instruction harmless: first the words of the copy that nobody
 * reads, then the sequence number that makes it current. The copy in use is copy[seq % 2]. Counts
 * are words by themselves.
 */
#define LAB_MAGIC	"MIGLAB\r\n"
#define LAB_FORMAT	3u
#define LAB_HEADER_SIZE 4096u

struct lab_header {
	char magic[8];
	uint32_t format;
	uint32_t header_size;
	uint64_t file_size;
	uint64_t const_offset, const_size;
	uint64_t copy_offset[2];
	uint64_t copy_size; /* of the state in it, without the leading sum */
	uint64_t const_sum;
	uint64_t trouble_offset[2];
	uint64_t trouble_size; /* of a copy, without the leading sum */
	uint64_t live_offset;  /* struct lab_live */
	uint64_t calls_sum;    /* lab_calls_sum of who made the lab */
	uint64_t header_sum;   /* of everything before it */
	uint64_t spare[1];
	/* From here on the header changes. */
	uint64_t seq;
	uint64_t destroyed;
	uint64_t root_seq;  /* the state that the files of root.h show; else: compare all */
	uint64_t root_boot; /* and the boot whose device nodes they have */
	uint64_t watch;	    /* enum lab_watch_bit: beside seq, which calls read anyway */
	uint64_t trouble_seq;
	uint64_t sleepers; /* who waits for an event; one that was killed is counted for ever */
};

_Static_assert(offsetof(struct lab_header, seq) == 128, "the changing words have their own line");

/*
 * Counts of faults, by slot: the low 48 bits, above them the low bits of the fault's id, so that
 * one who comes late does not count for the next fault of the slot.
 */
struct lab_live_fault {
	uint64_t calls, struck;
};

/*
 * Who hangs in a fault: its slot's id and the thread, and when it was last heard of. It says so ten
 * times a second, because one that was killed cannot say that it has gone.
 */
struct lab_live_hanger {
	uint64_t who; /* id of the fault << 32 | thread; 0: free */
	uint64_t at_us;
};

struct lab_live {
	struct lab_live_fault fault[LAB_MAX_FAULTS];
	struct lab_live_hanger hanger[LAB_MAX_HANGERS];
};

/* One of the things that are kept in two copies. */
struct lab_part {
	size_t seq;	  /* of its sequence number in the file */
	uint64_t copy[2]; /* where its copies lie, each with a leading sum */
	size_t size;	  /* of a copy, without the sum */
};

/* Blocks of a part, as bits: where two of its copies may differ. */
#define LAB_BLOCK 64u
struct lab_blocks {
	bool known; /* else: anywhere */
	uint64_t bit[(sizeof(struct lab_state) / LAB_BLOCK + 64) / 64];
};

/* A folder that this process has open. */
struct lab_folder {
	int fd; /* -1: not open */
	struct base_file_id id;
};

/* Device nodes that this process has found or made, by minor number; of one boot. */
struct lab_nodes {
	uint64_t boot;
	uint64_t seen[(LAB_CAP_MINORS + 63) / 64];
};

/* A file that this process has mapped; it stays mapped for the life of the process. */
struct lab_map {
	struct lab_map *next;
	struct base_file_id id;
	uint8_t *ro; /* always */
	uint8_t *rw; /* from the first change on; the same file */
	bool no_rw;  /* this process may not write to it: its counts are its own */
	struct lab_live_fault own[LAB_MAX_FAULTS];
	size_t size;
	struct lab_state *scratch;	/* for the next change; ... */
	uint64_t scratch_seq;		/* ... the state of that number */
	struct lab_blocks differ;	/* between that and the one before it */
	struct lab_header head;		/* as it was when the file was checked */
	struct lab_const *con;		/* private copy */
	unsigned users;			/* labs opened on it */
	unsigned attached;		/* of them, those that count as having the GPUs open */
	int holders_fd;			/* kept while there are users: its closing ends all locks */
	struct base_file_id holders_id; /* a host may close it and reuse the number */
	int state_fd;			/* kept.c; -1: not open */
	struct lab_folder dir, caps;	/* the same; LAB_ROOT_CAPS */
	uint64_t kept_by;		/* the process that opened them; 0: none */
	struct lab_nodes nodes;		/* the same: forgotten with the descriptors */
	uint64_t mine;			/* holder slots of this process ... */
	pid_t mine_pid;			/* ... valid in this process, not in a forked child */
};

struct lab {
	struct lab_map *map;
	struct lab *next; /* of those that are closed */
	uint64_t boot;	  /* of the simulated machine when the lab was opened: lab_boot() */
	bool attached;
	bool root; /* MIGKIT_LAB_ROOT=1 */
	char dir[PATH_MAX];
};

/* Atomic, as a closed lab is opened again while a thread that came too late still looks at it. */
static inline uint64_t lab_boot(const struct lab *lab)
{
	return __atomic_load_n(&lab->boot, __ATOMIC_RELAXED);
}

/* Every word of the state goes through these two: see format.h's head for the order. */
static inline uint64_t lab_word_load(const uint8_t *base, size_t offset)
{
	return __atomic_load_n((const uint64_t *)(const void *)(base + offset), __ATOMIC_RELAXED);
}

void lab_word_store(uint8_t *base, size_t offset, uint64_t value);

uint64_t lab_sum(const void *data, size_t size);
/* The same of a copy of what changes. */
uint64_t lab_copy_sum(const void *data, size_t size);
size_t lab_state_size(unsigned n_gpus);
size_t lab_const_size(unsigned n_boards);

/* store.c: one consistent copy of a part of the state; what is current at one moment. */
void lab_load(const struct lab_map *map, size_t offset, size_t size, void *ret);
/* The same of one GPU, as lab_read_gpu_with() says; returns the boot of the same moment. */
uint64_t lab_load_gpu(const struct lab_map *map, unsigned gpu, int gi, struct lab_gpu *ret);
uint64_t lab_load_places(const struct lab_map *map, struct lab_place ret[LAB_MAX_GPUS]);
uint64_t lab_load_until_lost(const struct lab_map *map, unsigned *ret_n);
/* The first GPU that has these words at an offset, but for bits that no mask has; -1: none. */
int lab_find_constant(const struct lab_map *map, size_t offset, size_t n, const uint64_t *want,
		      const uint64_t *mask);
/* The clients that there are; bit n of the result: ret[n] is one of them and filled in. */
uint64_t lab_load_clients(const struct lab_map *map, struct lab_client ret[LAB_MAX_CLIENTS]);
/* Which entries of a state's table are used. */
uint64_t lab_used_clients(const struct lab_state *st);
/*
 * The current state, in place, for who has the lab's lock: it stays as it is until the lock goes,
 * also when another has become current.
 */
const struct lab_state *lab_locked_state(const struct lab_map *map);
/* Where a state that is to be published differs from the current one. */
struct lab_blocks lab_difference(const struct lab_map *map, const struct lab_state *before,
				 struct lab_state *st);
/* The same after lab_change_gpu() of a lab without clients. */
struct lab_blocks lab_difference_of_gpu(const struct lab_state *before, const struct lab_state *st,
					unsigned gpu);
/* Whether any of the bytes from "from" to "to", exclusive, may differ. */
bool lab_any_block(const struct lab_blocks *blocks, size_t from, size_t to);
/*
 * A state into the idle copy, then current; nothing where it is as before. Only under the lab's
 * lock; before: the current one, differ: lab_difference() of the two.
 */
void lab_publish(struct lab_map *map, const struct lab_state *before, struct lab_state *st,
		 const struct lab_blocks *differ);
/* The same of the trouble. */
void lab_load_trouble(const struct lab_map *map, size_t offset, size_t size, void *ret);
void lab_publish_trouble(struct lab_map *map, const struct lab_trouble *before,
			 struct lab_trouble *t);
/* Where things are kept. */
struct lab_part lab_part_state(const struct lab_map *map);
struct lab_part lab_part_trouble(const struct lab_map *map);
/* 0, or -1 when the sum of the copy is wrong. */
int lab_copy_valid(const struct lab_map *map, const struct lab_part *part, unsigned copy);
/* A count: was becomes value unless somebody was faster. */
bool lab_word_swap(uint8_t *base, size_t offset, uint64_t was, uint64_t value);

/* events.c: adds an event to a state that is being changed; gi and ci -1: of the whole. */
void lab_raise(struct lab_state *st, enum lab_event_kind kind, unsigned gpu, int gi, int ci,
	       uint64_t data);
/*
 * Sleeping on a sequence number, by its place in the file: at most a tenth of a second, until it is
 * another one than was seen. lab_wake() ends the sleep in every process.
 */
uint32_t lab_wake_seen(const struct lab_map *map, size_t word);
void lab_sleep_on(const struct lab_map *map, size_t word, uint32_t seen, uint64_t us);
void lab_wake(const struct lab_map *map, size_t word);
/* Whether a process may be in lab_event_wait(); asked after a change. */
bool lab_anyone_waits(const struct lab_map *map);

/* trouble_call.c: the tag of a fault's counts */
uint64_t lab_count_tag(uint32_t id);
/*
 * The Xids of what is injected by another name. NVIDIA's Xid catalog: 79 the GPU has fallen off the
 * bus; memory error management: 48 an uncorrectable error, 63 a row is recorded to be replaced, 64
 * it could not be recorded.
 */
enum {
	LAB_XID_DOUBLE_BIT = 48,
	LAB_XID_ROW_REMAP = 63,
	LAB_XID_ROW_REMAP_FAILURE = 64,
	LAB_XID_OFF_THE_BUS = 79
};
/* One more of what "lab set" may have fixed. */
void lab_count_error(int32_t *counter);
/* The sentence of a change that was injected and failed without one of its own. */
int lab_why_not_changed(int r, struct mig_error *reterr);

/* accounts.c: the client of a slot of a state that is being changed has come, has gone. */
void lab_account_start(struct lab_state *st, unsigned slot);
void lab_account_end(struct lab_state *st, unsigned slot);
/* Accounting of a GPU ends and what it knew is forgotten: MIG mode, the driver's start. */
void lab_account_off(struct lab_state *st, unsigned gpu);

/* change.c: fn works on a private copy; what it returns >= 0 for is published. */
typedef int (*lab_change_fn)(struct lab *lab, struct lab_state *st, void *arg);
int lab_change(struct lab *lab, lab_change_fn fn, void *arg);
/*
 * The same of an fn that changes nothing but one GPU, next_generation and the events: nothing else
 * is compared, which is most of a state.
 */
int lab_change_gpu(struct lab *lab, unsigned gpu, lab_change_fn fn, void *arg);
/* Calls fn with the lab's lock held and the file mapped for writing. */
int lab_locked(struct lab *lab, int (*fn)(struct lab *lab, void *arg), void *arg);
/* Maps the file for writing if this process may; for counts, which need no lock. */
uint8_t *lab_writable(const struct lab *lab);

/* conditions.c: why the GPU cannot do what would be asked of it, or 0. */
int lab_gpu_broken(const struct lab_gpu *gpu);

/* settings.c */
/* To be called on the copy of a change before the GPU's power changes. */
void lab_count_energy(const struct mig_board *board, struct lab_gpu *gpu);
/* What a reset and a reboot have in common: the driver starts the GPU anew. */
void lab_driver_forgets(struct lab_gpu *gpu);

/* lab.c: rebooted or destroyed since it was opened. */
bool lab_gone(const struct lab_map *map, uint64_t boot);

/* map.c */
int lab_map_get(const char *dir, struct lab_map **ret, struct mig_error *reterr);
/* The map of that file in this process, or NULL; under lab_mutex. */
struct lab_map *lab_map_find(const struct base_file_id *id);
/* -EBADMSG or -EPROTO: what lies behind it must not be looked at. */
int lab_check_header(const struct lab_header *h, uint64_t file_size, const char *path,
		     struct mig_error *reterr);
/* Undoes lab_map_get() where no lab was made of it. */
void lab_map_put(struct lab_map *map);
extern pthread_mutex_t lab_mutex;

/*
 * kept.c: under lab_mutex. Descriptors for a change, not to be closed by the caller; -ENODEV: the
 * lab is gone, -EPERM: this user may not write to it.
 */
int lab_state_fd(const struct lab *lab);
/*
 * Of the folder, whose files follow the state, and of LAB_ROOT_CAPS in it (-1: not there); to be
 * used after the other.
 */
int lab_dir_fd(const struct lab *lab, int *ret_caps);
/* The same, asked again what they are: to be used where a path below one is not there. */
int lab_dir_fd_anew(const struct lab *lab, int *ret_caps);
/* What is known of the nodes is of this boot from here on. */
void lab_nodes_of_boot(struct lab_map *map, uint64_t boot);
void lab_kept_close(struct lab_map *map);
/* Maps the file for writing where it is not yet; also under lab_mutex. */
int lab_map_writable(const struct lab *lab);

/* holders.c */
enum { LAB_BYTE_ALL = 0, LAB_BYTE_GPU = 1 }; /* of the holders file; see there */
int lab_attach(struct lab *lab);
void lab_detach(struct lab *lab);
/* Whether a process holds the byte of a slot of the client table. */
bool lab_slot_alive(const struct lab *lab, unsigned slot);
/* The same, and its pid; c is the slot's entry. */
bool lab_slot_owner(const struct lab *lab, const struct lab_client *c, unsigned slot,
		    uint32_t *ret_pid);
/* Which file the holders file is, without opening it again: closing that would end all locks. */
int lab_holders_id(const struct lab *lab, struct base_file_id *ret);
/*
 * The entries of the client table that a process holds, as bits, without an opened lab. map is the
 * lab's in this process or NULL; under lab_mutex.
 */
int lab_slots_held(const char *dir, const struct lab_map *map, uint64_t *ret);
/* This process is no client of the lab any more, as after a reboot. */
void lab_no_client(struct lab_map *map);
/* Entries whose process is gone are emptied; called at the start of each change. */
void lab_drop_dead_clients(const struct lab *lab, struct lab_state *st);
unsigned lab_count_clients(const struct lab *lab, const struct lab_state *st, unsigned gpu, int gi,
			   int ci);

#endif
