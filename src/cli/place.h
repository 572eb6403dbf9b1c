/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_PLACE_H
#define MIGKIT_CLI_PLACE_H

#include <migkit/snapshot.h>

/*
 * Words that name a MIG device: its UUID; GPU/GI or GPU/GI/CI by their ids; a profile, with or
 * without its start, on any GPU or on the one in front of a slash: "3g.40gb", "1g.10gb@6",
 * "0/3g.40gb@4", "1c.3g.40gb". A GPU goes by index, UUID, serial number or bus id.
 */
struct cli_place {
	const struct mig_gpu *gpu;	/* NULL: any */
	int gi, ci;			/* ids; -1: any */
	char uuid[64];			/* of the device; "": any */
	char profile[MIG_PROFILE_NAME]; /* of the device; "": any */
	int start;			/* of its GPU instance; -1: any */
	bool whole; /* the profile is one of GPU instances: the device is all of one */
};

/* Of a snapshot that was taken with OBSERVE_BOARD. -ENOENT: there is no such GPU or UUID. */
int cli_place_parse(const struct mig_snapshot *s, const char *word, struct cli_place *ret,
		    struct mig_error *reterr);
bool cli_place_takes(const struct cli_place *place, const struct mig_gpu *gpu,
		     const struct mig_gi *gi, const struct mig_ci *ci);
/* The MIG device of that UUID, in any case of letters; -ENOENT: there is none. */
int cli_place_device(const struct mig_snapshot *s, const char *uuid, const struct mig_gpu **ret_gpu,
		     const struct mig_gi **ret_gi, const struct mig_ci **ret_ci,
		     struct mig_error *reterr);
/* The GPU instance of that profile at that start; NULL: there is none. */
const struct mig_gi *cli_place_gi(const struct mig_gpu *gpu, const char *profile, int start);
/* A number up to 255, and *at behind it; -1: there is none. */
int cli_place_number(const char **at);
/* A GPU by any of its names; NULL: there is none. */
const struct mig_gpu *cli_place_gpu(const struct mig_snapshot *s, const char *word, size_t len);

#endif
