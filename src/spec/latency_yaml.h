/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_LATENCY_YAML_H
#define MIGKIT_SPEC_LATENCY_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/error.h>

/*
 * Files that say how long calls of NVML take: "migctl lab latency FILE". A mapping of a call, or of
 * a group of calls, to its time, or to its time and where that is from:
 *
 *	nvmlGpuInstanceDestroy: 1s
 *	group:sensor: {time: 130us, source: a guess, unconfirmed: true}
 *
 * What is said of a call by its own name holds over what is said of its group.
 */
#define SPEC_LATENCY_CALLS 512
#define SPEC_LATENCY_WORDS (SPEC_LATENCY_CALLS / 64)
#define SPEC_LATENCY_MAX_S 3600

struct spec_latency_figure {
	uint32_t us;
	bool given, unconfirmed;
	bool own; /* by its own name */
	char source[160];
};

struct spec_latency {
	struct spec_latency_figure call[SPEC_LATENCY_CALLS];
};

/*
 * The calls that a word of the file means, as bits; a table of names is not this folder's. Returns
 * -ENOENT and a sentence without its place where there are none.
 */
typedef int spec_latency_find(const char *word, uint64_t ret[SPEC_LATENCY_WORDS],
			      struct mig_error *reterr);

/* Reads a file's text; every refusal is a sentence that begins with FILE:LINE:COLUMN. */
int spec_latency_parse(const char *file, const char *text, size_t size, spec_latency_find *find,
		       struct spec_latency *ret, struct mig_error *reterr);

/* The same of a file on disk. */
int spec_latency_load(const char *path, spec_latency_find *find, struct spec_latency *ret,
		      struct mig_error *reterr);

#endif
