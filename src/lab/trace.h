/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_TRACE_H
#define MIGKIT_LAB_TRACE_H

#include <stdbool.h>

#include "lab/lab.h"
#include "lab/trouble.h"

/*
 * Who is told of the calls on a lab: a tracer listens on a socket in the lab's folder, and each
 * traced call is a connection with one message. A message that finds no room is dropped and
 * counted; nobody ever waits for a tracer. What says that there is one is a lease, which the tracer
 * renews: one that was killed or stopped is soon forgotten by all.
 */
#define LAB_TRACE_SOCKET   "trace.socket"
#define LAB_TRACE_LOST	   "trace.lost" /* one byte for each dropped message; locked by the tracer */
#define LAB_TRACE_LEASE_NS (uint64_t)5000000000

/* --- the traced ----------------------------------------------------------------------------- */

/* Nanoseconds of the clock that calls are measured by. */
uint64_t lab_trace_clock_ns(void);
/* Which trace there is now; 0: nobody listens. */
uint64_t lab_trace_id(const struct lab *lab);
/* Sends a message, or counts it as lost. Never waits. */
void lab_trace_send(const struct lab *lab, const void *message, size_t size);

/* --- the tracer ----------------------------------------------------------------------------- */

struct lab_tracer {
	struct lab *lab;
	uint64_t id;
	uint64_t until_ns;
	int listen_fd; /* connections to accept */
	int lost_fd;
	bool ended;
};

/* -EBUSY: another process traces it. Needs permission to change the lab. */
int lab_tracer_start(struct lab *lab, struct lab_tracer *ret, struct mig_error *reterr);
/*
 * Goes on: to be called each second. Returns for how many seconds nobody was told of calls, because
 * this process had been stopped; -ENODEV: the lab was destroyed.
 */
int lab_tracer_renew(struct lab_tracer *t, struct mig_error *reterr);
/* Messages that were dropped so far. */
uint64_t lab_tracer_lost(const struct lab_tracer *t);
/* Nobody is told any more; what was sent until now can still be taken. */
void lab_tracer_end(struct lab_tracer *t);
void lab_tracer_close(struct lab_tracer *t);

#endif
