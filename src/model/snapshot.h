/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_SNAPSHOT_H
#define MIGKIT_MODEL_SNAPSHOT_H

#include <migkit/snapshot.h>

/* What can be asked of a snapshot's value wherever it came from. */

/*
 * Which GPUs a list of nvidia-smi's -i means: index, UUID, serial number or PCI bus id, separated
 * by commas. It is looked at GPU by GPU, as each becomes known; words that met none are named in
 * the end.
 */
struct mig_choice {
	const char *list; /* NULL: all */
	uint64_t met;	  /* bit n: word n meant a GPU */
};

#define MIG_MAX_WORDS 64

/* -EINVAL: an empty list, an empty word, or too many. */
int mig_choice_begin(struct mig_choice *ret, const char *list, struct mig_error *reterr);
/* Whether an index alone decides it: no word can mean that GPU by another name. */
bool mig_choice_excludes(const struct mig_choice *choice, uint32_t index);
bool mig_choice_takes(struct mig_choice *choice, const struct mig_gpu *gpu);
/* -ENOENT: a word that meant no GPU; of n GPUs, from the first index to the last. */
int mig_choice_end(const struct mig_choice *choice, uint32_t n, uint32_t first, uint32_t last,
		   struct mig_error *reterr);

#endif
