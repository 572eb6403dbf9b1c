/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_CALLS_H
#define MIGKIT_LAB_CALLS_H

/*
 * What programs ask a driver, by number: NVML's functions in the order of data/nvml/symbols.txt,
 * then what nvidia-smi asks beside them. To a lab these are names, without a meaning.
 */
#define LAB_MAX_CALLS 512

struct lab_call_group {
	const char *name;
	const char *text;
};

struct lab_call {
	const char *name;
	unsigned group; /* position in lab_call_groups */
};

extern const struct lab_call lab_calls[];
extern const struct lab_call_group lab_call_groups[];
extern const unsigned lab_n_calls, lab_n_call_groups;
/* Differs where the names, and so the numbers, do. */
extern const unsigned lab_calls_sum;

#endif
