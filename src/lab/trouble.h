/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_TROUBLE_H
#define MIGKIT_LAB_TROUBLE_H

#include "lab/calls.h"
#include "lab/lab.h"

/*
 * Trouble that was ordered for a lab: faults of NVML calls, the time that calls take, and who
 * traces them. It is a part of the lab's file by itself, kept as the state is (two copies, a
 * sequence number, a sum), so that a change of it costs the state's readers nothing. While there is
 * none, a call costs one look at the word of lab_watch_word().
 */
#define LAB_MAX_FAULTS	64
#define LAB_MAX_HANGERS 64

enum lab_watch_bit {
	LAB_WATCH_FAULTS = 1 << 0,
	LAB_WATCH_LATENCY = 1 << 1,
	LAB_WATCH_TRACE = 1 << 2,
};

enum lab_fault_does {
	LAB_FAULT_RETURN = 1 << 0,	 /* the call does nothing and returns code */
	LAB_FAULT_RETURN_AFTER = 1 << 1, /* it does what it does and returns code_after */
	LAB_FAULT_TAKE = 1 << 2,
	LAB_FAULT_HANG = 1 << 3,
	LAB_FAULT_KILL_BEFORE = 1 << 4,
	LAB_FAULT_KILL_AFTER = 1 << 5,
	LAB_FAULT_XID = 1 << 6,
};

/* Of nvml.h: NVML_ERROR_UNKNOWN. Not all before it have a name. */
#define LAB_LAST_STATUS 999

/* What happens to which calls. */
struct lab_fault {
	uint32_t id;		  /* counted from 1; 0: the slot is free */
	uint32_t does;		  /* enum lab_fault_does */
	int32_t code, code_after; /* NVML's status, 0 to LAB_LAST_STATUS */
	uint32_t xid;
	int16_t gpu;	   /* of the call's handle; -1: any, also none */
	uint8_t permanent; /* stays over a reboot */
	uint8_t pad;
	uint64_t boot; /* in which it was ordered: without permanent it is over with the next */
	/* Of the calls that it is about, counted from 1, those from first to last, each every-th.
	 */
	uint64_t first, last, every;
	uint64_t times;	 /* at most so many; 0: no limit */
	uint64_t chance; /* of 2^32; 0: always */
	uint64_t seed;
	uint64_t take_us;
	char process[16];		    /* the kernel's name of the process; "": any */
	char what[64];			    /* the calls in the words of the order */
	uint64_t calls[LAB_MAX_CALLS / 64]; /* bit n % 64 of word n / 64: call n */
};

/* Microseconds that a call takes at least, by its number. */
struct lab_latency {
	char name[64]; /* of the table; "": none */
	uint32_t us[LAB_MAX_CALLS];
};

/* Who is told of calls: see trace.h. */
struct lab_trace {
	uint64_t id;	   /* 0: nobody */
	uint64_t until_ns; /* by the clock of lab_trace_clock_ns() */
	uint32_t pid, pad; /* of the tracer */
	uint64_t spare[28];
};

struct lab_trouble {
	uint64_t seq;
	uint32_t last_id; /* that was given to a fault */
	uint32_t n_slots; /* of fault, up to the last one in use */
	struct lab_fault fault[LAB_MAX_FAULTS];
	struct lab_latency latency;
	struct lab_trace trace;
};

/* --- reading and changing ------------------------------------------------------------------- */

/* The bits of what is ordered; the word itself stays valid for the life of the process. */
const uint64_t *lab_watch_word(const struct lab *lab);
/* A copy of one moment. */
void lab_trouble_read(const struct lab *lab, struct lab_trouble *ret);
/* A part of it: offset and size are multiples of 8. */
void lab_trouble_load(const struct lab *lab, size_t offset, size_t size, void *ret);
/*
 * fn changes a private copy, under the lab's lock; what it returns >= 0 for is published. The other
 * results are errors of opening the lab's file, with a sentence.
 */
typedef int (*lab_trouble_fn)(struct lab_trouble *t, void *arg);
int lab_trouble_change(struct lab *lab, lab_trouble_fn fn, void *arg, struct mig_error *reterr);
/* Forgets what a reboot ended; part of lab_reboot(). */
void lab_trouble_rebooted(struct lab *lab);
/* The bits of lab_watch_word() that its orders need. */
uint64_t lab_trouble_watch(const struct lab_trouble *t);
/* -EBADMSG and a sentence: what no order could have made. */
int lab_trouble_check(const struct lab_trouble *t, struct mig_error *reterr);

/* --- faults --------------------------------------------------------------------------------- */

/* Fills in id and boot. -ENOSPC: there are LAB_MAX_FAULTS. */
int lab_fault_add(struct lab *lab, struct lab_fault *fault, struct mig_error *reterr);
/* Ends the faults of these ids, all without any; who hangs in one goes on. -ENOENT: no such one. */
int lab_fault_clear(struct lab *lab, const uint32_t *ids, unsigned n, struct mig_error *reterr);
/* Whether it is in force: not of an earlier boot. */
bool lab_fault_holds(const struct lab *lab, const struct lab_fault *fault);

/* What a fault has done so far. */
struct lab_fault_count {
	uint64_t calls, struck; /* calls that it was about, and those of them that it struck */
	unsigned hanging;	/* callers that hang in it now */
	uint32_t pid[LAB_MAX_HANGERS];
};
void lab_fault_counted(const struct lab *lab, unsigned slot, const struct lab_fault *fault,
		       struct lab_fault_count *ret);

/* --- latency -------------------------------------------------------------------------------- */

/* Replaces the times that calls take; without a name: none. A reboot leaves them. */
int lab_latency_set(struct lab *lab, const struct lab_latency *latency, struct mig_error *reterr);
void lab_latency_read(const struct lab *lab, struct lab_latency *ret);
/*
 * Waits as long as the call takes. Ends early where that changes meanwhile, or the lab is rebooted
 * or destroyed. Holds no lock.
 */
void lab_latency_wait(const struct lab *lab, unsigned call);

/* --- one call ------------------------------------------------------------------------------- */

/* The fault in a slot, if it is in force and about that call. */
bool lab_fault_of_call(const struct lab *lab, unsigned slot, unsigned call, struct lab_fault *ret);
/* Counts one call that the fault is about: whether it strikes this one. */
bool lab_fault_strikes(const struct lab *lab, unsigned slot, const struct lab_fault *fault);
/*
 * Sleeps until the fault is cleared, the lab is rebooted or destroyed, or us have passed
 * (UINT64_MAX: never). Holds no lock. The caller is counted as hanging if hangs.
 */
void lab_fault_sleep(const struct lab *lab, unsigned slot, const struct lab_fault *fault,
		     uint64_t us, bool hangs);

#endif
