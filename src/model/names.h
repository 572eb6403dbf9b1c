/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_NAMES_H
#define MIGKIT_MODEL_NAMES_H

#include <stddef.h>

#include <migkit/board.h>
#include <migkit/error.h>

/*
 * NVIDIA's grammar of profile names: [<c>c.]<g>g.<memory>gb[+me|+gfx|+me.all|-me], for example
 * "3g.40gb", "1g.10gb+me", "1c.3g.40gb".
 */
struct mig_name {
	unsigned ci_slices; /* of "1c."; 0: the name of a GPU instance or of the CI that fills it */
	unsigned gi_slices;
	unsigned memory_gb;
	enum mig_media media;
};

/* Reads a name; "MIG " before it is allowed, as nvidia-smi allows it. Letters are case-sensitive.
 */
int mig_name_parse(const char *text, struct mig_name *ret, struct mig_error *reterr);

/* Writes a name; returns what snprintf returns. */
int mig_name_format(const struct mig_name *name, char *buf, size_t size);

/* "+me" and so on; "" for MIG_MEDIA_PLAIN. */
const char *mig_media_suffix(enum mig_media media);

#endif
