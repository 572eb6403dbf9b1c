/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_LATENCY_H
#define MIGKIT_CLI_LAB_LATENCY_H

#include "spec/latency_yaml.h"

struct cli_out;
struct lab;

/* The calls that a word of a file of latencies means, by the table of all calls. */
int lab_latency_find(const char *word, uint64_t ret[SPEC_LATENCY_WORDS], struct mig_error *reterr);

/* "Latency: measured" of a lab's output; nothing where calls take no time. */
int lab_latency_line(const struct lab *lab, struct cli_out *out);

#endif
