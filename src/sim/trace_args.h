/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_TRACE_ARGS_H
#define MIGKIT_SIM_TRACE_ARGS_H

#include <stdint.h>

/*
 * What of a call's arguments is sent to a tracer, made by tools/gen-nvml-trace. What a call wrote
 * is looked at only if it says that it did; NVML leaves memory alone in a call that fails.
 */
enum sim_arg_role {
	SIM_ARG_SHORT, /* a number, as C passes it: unsigned int */
	SIM_ARG_WIDE,  /* 8 bytes */
	SIM_ARG_HANDLE,
	SIM_ARG_IN,	      /* a struct that the caller filled in */
	SIM_ARG_WORDS,	      /* a text of the caller's */
	SIM_ARG_OUT,	      /* sent after SUCCESS */
	SIM_ARG_INOUT,	      /* its first word always, the rest after SUCCESS */
	SIM_ARG_TEXT,	      /* a text that was written; ref: how long it may be */
	SIM_ARG_TEXT_COUNTED, /* the same, ref points to the number */
	SIM_ARG_TEXT_OPEN,    /* the same, as long as NVML's buffers for it are */
	SIM_ARG_COUNT,	      /* after SUCCESS, and after INSUFFICIENT_SIZE: what would be enough */
	SIM_ARG_LIST,	      /* after SUCCESS; ref: a COUNT */
	SIM_ARG_LIST_VALUE,   /* the same; ref: a number of entries */
	SIM_ARG_LIST_BYTES,   /* the same; ref: a number of bytes */
};

struct sim_arg {
	uint8_t role; /* enum sim_arg_role */
	uint8_t ref;
	uint8_t versioned; /* the first word has the size */
	uint32_t size;	   /* of what it points to, or of an entry */
	/* A list that the struct points to, or has at its end: where, and how many of which size.
	 */
	uint16_t list, tail;
	uint16_t list_count, list_size;
};

struct sim_arg_range {
	uint16_t first, n;
	uint16_t declared;
};

#define SIM_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Returns how many arguments a call has, -1 where it is not declared. */
int sim_args_of(unsigned call, const struct sim_arg **ret);

#endif
