/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_TRACE_H
#define MIGKIT_CLI_LAB_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <migkit/error.h>

/* lab_trace_show.c: a trace as it is written, for people or as JSON, one object in a line. */
struct lab_trace_out {
	FILE *to;
	bool json;
	uint64_t trace;	  /* messages for others are none of ours */
	const char *name; /* of the process, NULL: all */
	uint64_t calls;	  /* shown so far */
	uint64_t lost;	  /* told so far */
};

/* A message; pid: of who sent it, as the kernel says, 0: it does not say. */
void lab_trace_show(struct lab_trace_out *out, const void *message, size_t size, pid_t pid);
void lab_trace_show_begin(struct lab_trace_out *out, const char *lab);
/* How many were lost in all. */
void lab_trace_show_lost(struct lab_trace_out *out, uint64_t lost);
/* For how many seconds nobody was told of calls. */
void lab_trace_show_gap(struct lab_trace_out *out, unsigned seconds);
void lab_trace_show_end(struct lab_trace_out *out, const char *why);

/* lab_trace_child.c: the program that is traced. */
struct lab_trace_child {
	pid_t pid; /* 0: none, or ended */
	int status;
};
/* Starts it in the lab's environment; a program that cannot be run is an error here. */
int lab_trace_child_start(const char *dir, char **command, struct lab_trace_child *ret,
			  struct mig_error *reterr);
/* Whether it has ended. */
bool lab_trace_child_ended(struct lab_trace_child *child);
/* Its exit code, as a shell tells it. */
int lab_trace_child_code(const struct lab_trace_child *child);

#endif
