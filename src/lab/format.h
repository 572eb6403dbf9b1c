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

/*
 * The lab's file: a header, the constants, two copies of the state. Fixed size from its creation;
 * after that only 8-byte words change, in the order that makes a death at any instruction harmless:
 * first the words of the copy that nobody reads, then the sequence number that makes it current.
 * The copy in use is copy[seq % 2].
 */
#define LAB_MAGIC	"MIGLAB\r\n"
#define LAB_FORMAT	2u
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
	uint64_t header_sum; /* of everything before it */
	uint64_t spare[6];
	/* From here on the header changes. */
	uint64_t seq;
	uint64_t destroyed;
	uint64_t root_seq;  /* the state that the files of root.h show; else: compare all */
	uint64_t root_boot; /* and the boot whose device nodes they have */
};

_Static_assert(offsetof(struct lab_header, seq) == 128, "the changing words have their own line");

/* A file that this process has mapped; it stays mapped for the life of the process. */
struct lab_map {
	struct lab_map *next;
	struct base_file_id id;
	uint8_t *ro; /* always */
	uint8_t *rw; /* from the first change on; the same file */
	size_t size;
	struct lab_header head;		/* as it was when the file was checked */
	struct lab_const *con;		/* private copy */
	unsigned users;			/* labs opened on it */
	unsigned attached;		/* of them, those that count as having the GPUs open */
	int holders_fd;			/* kept while there are users: its closing ends all locks */
	struct base_file_id holders_id; /* a host may close it and reuse the number */
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
size_t lab_state_size(unsigned n_gpus);
size_t lab_const_size(unsigned n_boards);

/* store.c: one consistent copy of a part of the state; what is current at one moment. */
void lab_load(const struct lab_map *map, size_t offset, size_t size, void *ret);
/* A whole state into the idle copy, then current. Only under the lab's lock. */
void lab_publish(struct lab_map *map, struct lab_state *st);
/* 0, or -EBADMSG when the sum of the current copy is wrong. */
int lab_copy_valid(const struct lab_map *map, unsigned copy);

/* events.c: adds an event to a state that is being changed; gi and ci -1: of the whole. */
void lab_raise(struct lab_state *st, enum lab_event_kind kind, unsigned gpu, int gi, int ci,
	       uint64_t data);
/* Wakes who sleeps in lab_event_wait(), in every process. */
void lab_wake(const struct lab_map *map);

/* accounts.c: the client of a slot of a state that is being changed has come, has gone. */
void lab_account_start(struct lab_state *st, unsigned slot);
void lab_account_end(struct lab_state *st, unsigned slot);
/* Accounting of a GPU ends and what it knew is forgotten: MIG mode, the driver's start. */
void lab_account_off(struct lab_state *st, unsigned gpu);

/* change.c: fn works on a private copy; what it returns >= 0 for is published. */
typedef int (*lab_change_fn)(struct lab *lab, struct lab_state *st, void *arg);
int lab_change(struct lab *lab, lab_change_fn fn, void *arg);

/* settings.c */
/* To be called on the copy of a change before the GPU's power changes. */
void lab_count_energy(const struct mig_board *board, struct lab_gpu *gpu);
/* What a reset and a reboot have in common: the driver starts the GPU anew. */
void lab_driver_forgets(struct lab_gpu *gpu);

/* lab.c: rebooted or destroyed since it was opened. */
bool lab_gone(const struct lab_map *map, uint64_t boot);

/* map.c */
int lab_map_get(const char *dir, struct lab_map **ret, struct mig_error *reterr);
/* Undoes lab_map_get() where no lab was made of it. */
void lab_map_put(struct lab_map *map);
extern pthread_mutex_t lab_mutex;

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
/* Entries whose process is gone are emptied; called at the start of each change. */
void lab_drop_dead_clients(const struct lab *lab, struct lab_state *st);
unsigned lab_count_clients(const struct lab *lab, const struct lab_state *st, unsigned gpu, int gi,
			   int ci);

#endif
