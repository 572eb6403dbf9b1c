/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NAMES_H
#define MIGKIT_NAMES_H

#include <stddef.h>

#include <migkit/api.h>
#include <migkit/board.h>
#include <migkit/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A profile's name, taken apart. NVIDIA's grammar:
 * [<c>c.]<g>g.<memory>gb[+me|+gfx|+me.all|-me], for example "3g.40gb", "1g.10gb+me",
 * "1c.3g.40gb".
 */
struct mig_name {
	unsigned ci_slices;   /**< of "1c."; 0: a GPU instance, or the CI that fills it */
	unsigned gi_slices;   /**< of "3g" */
	unsigned memory_gb;   /**< of ".40gb" */
	enum mig_media media; /**< of "+me" */
};

/**
 * Reads a name; "MIG " before it is allowed, as nvidia-smi allows it. Letters are case-sensitive.
 *
 * Return: 0, or -EINVAL with a sentence that shows the grammar.
 */
MIG_API int mig_name_parse(const char *text, struct mig_name *ret, struct mig_error *reterr);

/** Writes a name; returns what snprintf returns. */
MIG_API int mig_name_format(const struct mig_name *name, char *buf, size_t size);

/** "+me" and so on; "" for MIG_MEDIA_PLAIN. */
MIG_API const char *mig_media_suffix(enum mig_media media);

#ifdef __cplusplus
}
#endif

#endif
