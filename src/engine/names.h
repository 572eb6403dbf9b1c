/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_NAMES_H
#define MIGKIT_ENGINE_NAMES_H

#include <stddef.h>
#include <stdio.h>

#include "engine/engine.h"

/*
 * Names that people give to places: "train-a" is 3g.40gb at 4 of one GPU, whether an instance is
 * there now or not. They stand in the file "names.json" beside the journal, which is written anew
 * and then put in the old one's place, under the machine's lock; anybody may read it.
 */

#define ENGINE_NAMES_FILE "names.json"
#define ENGINE_NAME_MAX	  64
#define ENGINE_MAX_NAMES  1024

struct engine_name {
	char name[ENGINE_NAME_MAX];
	char uuid[48]; /* of the GPU: an index may be another's after a reboot */
	char profile[MIG_PROFILE_NAME];
	uint8_t start;
};

struct engine_names {
	size_t n;
	struct engine_name *name; /* in the order of the file */
};

/*
 * A letter in front, then letters, digits, "-", "_" and "."; at most 63. No word that means
 * something else where a device is asked for: "all", "none", "MIG-...", "GPU-...". -EINVAL.
 */
int engine_name_check(const char *name, struct mig_error *reterr);

/* 0 names where there is no file. -EINVAL: it cannot be understood; the sentence says where. */
int engine_names_read(const char *dir, struct engine_names *ret, struct mig_error *reterr);
/* What such a file holds; path is for sentences. */
int engine_names_parse(const char *text, size_t size, const char *path, struct engine_names *ret,
		       struct mig_error *reterr);
void engine_names_free(struct engine_names *names);
/* The lock is held. The old file stays if the new one cannot be written whole. */
int engine_names_write(const char *dir, const struct engine_names *names, struct mig_error *reterr);

/* What the file holds then; false: it could not be written. */
bool engine_names_print(FILE *f, const struct engine_names *names);

/* NULL: there is no such name. */
const struct engine_name *engine_name_find(const struct engine_names *names, const char *name);
/* What a place is called; NULL: it has no name. */
const char *engine_name_of(const struct engine_names *names, const char *uuid, const char *profile,
			   unsigned start);

#endif
