/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_TRACE_MSG_H
#define MIGKIT_NVML_TRACE_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * One traced NVML call, as the simulated driver tells it to a tracer: a head, the arguments as they
 * were passed (8 bytes each), and parts: copies of the memory that arguments point to. The driver
 * sends memory and no words, so that it needs neither names nor the time to format them; who shows
 * the call knows the types. Nothing in a message is trusted.
 */
#define NVML_TRACE_MAGIC     "MKTRACE1"
#define NVML_TRACE_MAX	     24576u /* bytes of a message; what does not fit is cut */
#define NVML_TRACE_MAX_ARGS  16u
#define NVML_TRACE_MAX_PARTS 32u

enum nvml_trace_flag {
	NVML_TRACE_ARGS =
		1 << 0, /* the arguments are known; else: as for a function not declared */
	NVML_TRACE_ORDERED = 1 << 1, /* a fault made the result, or changed it */
};

struct nvml_trace_head {
	char magic[8];
	uint32_t size; /* of the whole message */
	uint32_t flags;
	uint64_t trace;	  /* which trace it is for */
	int64_t start_ns; /* of the epoch */
	uint64_t duration_ns;
	uint32_t pid, tid; /* as the process sees itself */
	uint32_t number;   /* of the process's calls in this trace, from 1 */
	int32_t status;
	uint32_t stale; /* bit n: argument n is a handle of something that is gone */
	uint16_t n_args, n_parts;
	uint32_t version; /* of the first versioned struct, as it was before the call; or 0 */
	uint32_t pad;
	char process[16]; /* the kernel's name of the process */
	char call[64];
};
_Static_assert(sizeof(struct nvml_trace_head) == 152, "a message is read by another program");

/* Followed by its bytes, padded to 8. */
struct nvml_trace_part {
	uint8_t arg;
	uint8_t is_list; /* what a struct points to, not the struct */
	uint16_t cut;	 /* it was larger */
	uint32_t size;
};

/* A message that was looked through; points into it. */
struct nvml_trace_call {
	struct nvml_trace_head head;
	uint64_t arg[NVML_TRACE_MAX_ARGS];
	struct {
		const uint8_t *data; /* not aligned */
		uint32_t size;
		uint8_t arg;
		bool is_list, cut;
	} part[NVML_TRACE_MAX_PARTS];
};

/* False: not such a message. Names are ended and printable. */
bool nvml_trace_read(const void *message, size_t size, struct nvml_trace_call *ret);

/* "nvmlDeviceGetCount_v2(deviceCount -> 1) = SUCCESS"; nothing of who and when. */
void nvml_trace_text(const struct nvml_trace_call *call, FILE *to);
/* "call", "in", "out", "status", "code" of a JSON object, without its braces. */
void nvml_trace_json(const struct nvml_trace_call *call, FILE *to);
/* A string with its quotes. */
void nvml_trace_json_string(const char *text, size_t size, FILE *to);

#endif
