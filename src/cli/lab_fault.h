/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_FAULT_H
#define MIGKIT_CLI_LAB_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include <migkit/error.h>

struct cli_out;
struct lab;
struct lab_fault;

/* The words of an order, as they were typed; NULL: not said. */
struct lab_fault_words {
	const char *nth, *every, *probability, *seed, *times;
	const char *status, *status_after, *take, *kill, *xid;
	const char *process, *gpu;
	bool hang, permanent;
};

/*
 * Makes a fault of the words: calls are names of functions, "group:NAME" or "any". One sentence
 * about the first thing that is wrong. The lab's GPUs are counted by who orders.
 */
int lab_fault_parse(char *const *calls, int n_calls, const struct lab_fault_words *words,
		    struct lab_fault *ret, struct mig_error *reterr);

/* In words: which of the calls it strikes, and what it does to them. */
void lab_fault_when(const struct lab_fault *fault, char *ret, size_t size);
void lab_fault_does(const struct lab_fault *fault, char *ret, size_t size);

/* The faults that are in force, as a list of the command's output. */
int lab_fault_list(const struct lab *lab, struct cli_out *out, const char *title,
		   const char *empty);

#endif
