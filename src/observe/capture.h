/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_CAPTURE_H
#define MIGKIT_OBSERVE_CAPTURE_H

#include <migkit/error.h>
#include <migkit/snapshot.h>

#include "model/boards.h"
#include "nvml/nvml_api.h"

/*
 * A board file from what NVML says of a GPU, by reading calls alone. What NVML does not say comes
 * from our data for the same product, from a rule or is chosen, each under the source that says so,
 * which confirms nothing.
 */

/* A figure and where it is from: a code that board files may name. */
struct capture_value {
	const char *source; /* NULL: not known, and left out */
	int64_t value;
};

#define CAPTURE_NVML "NVML"

struct capture {
	const struct mig_snapshot *s;
	const struct mig_gpu *gpu;
	const struct mig_board_def *data; /* of the same product, or NULL */
	uint32_t driver;		  /* code of the version */
	char since[24];			  /* that, or the newest that a lab can have */
	struct capture_value fig[MIG_BOARD_FIGURE_MAX];
	char text[MIG_BOARD_TEXT_MAX][64];
	const char *text_source[MIG_BOARD_TEXT_MAX];
	struct capture_value bar1[MIG_MAX_GI_PROFILES]; /* MiB, of each profile */
	struct mig_gi_profile gi[MIG_MAX_GI_PROFILES];	/* with their CI profiles */
	const char *ci_source[MIG_MAX_GI_PROFILES];
};

/* The figures that NVML's calls tell. */
void capture_ask(const struct nvml_api *api, nvmlDevice_t dev, struct capture *c);

/*
 * Captures the one GPU of the snapshot (taken with OBSERVE_BOARD) as a board file's text, under
 * that key. The caller frees *ret.
 *
 * Return: 0; -ENOTSUP: it has no MIG; -EPERM: the driver does not list placements for this user;
 * -EIO: it does not answer.
 */
int observe_capture(const struct nvml_api *api, const struct mig_snapshot *s, const char *key,
		    char **ret, struct mig_error *reterr);

/* The driver that a lab with a board captured under this one is given. */
void capture_since(const char *driver, char ret[24]);

/* The text of it; NULL: out of memory. */
char *capture_write(const struct capture *c, const char *key);

#endif
