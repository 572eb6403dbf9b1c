/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_VERIFY_WALK_H
#define MIGKIT_VERIFY_WALK_H

#include "verify/verify.h"

/* Only for src/verify: what the parts of the walk have in common. */

struct walk_profile {
	unsigned id, total;
	char name[MIG_PROFILE_NAME]; /* for people; "profile 19" where the driver tells none */
	unsigned n_starts, size;
	unsigned start[32];
};

/* A GPU instance that the walk has made. */
struct walk_gi {
	nvmlGpuInstance_t handle;
	const struct walk_profile *profile;
	unsigned id, start;
};

struct walk_ci {
	nvmlComputeInstance_t handle;
	unsigned profile, id, start, size;
};

struct walk {
	const struct nvml_api *api;
	nvmlDevice_t dev;
	const struct verify_hooks *hooks;
	struct verify_transcript *out;
	struct mig_error *reterr;
	int r; /* negative: it has ended, and nothing more is asked */
	char uuid[96];
	char scene[80], what[160];
	struct walk_profile profile[MIG_MAX_GI_PROFILES];
	unsigned n_profiles;
	struct walk_gi gi[MIG_MAX_GI];
	unsigned n_gi;
};

/* The part of the walk that begins here; it is in front of each question. */
void walk_scene(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The question that is asked next, and its answer. */
void walk_ask(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void walk_say(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A status that is no success as the answer; true: it was one, and nothing was said. */
bool walk_well(struct walk *w, nvmlReturn_t status);
/* The walk ends: this is no answer. */
void walk_fail(struct walk *w, const char *call, nvmlReturn_t status);
/* Whether the GPU, or the right to change it, is gone. */
bool walk_is_lost(nvmlReturn_t status);

/* Tells the hooks; false: no change is to be made. */
bool walk_before(struct walk *w, const struct verify_change *c);
void walk_after(struct walk *w, nvmlReturn_t status, int start);

/*
 * Creates, says what came of it, and adds it to w->gi. start -1: by default; wrong: a question that
 * is not meant to succeed, and may be answered in any way. NULL: refused, or the walk has ended.
 */
struct walk_gi *walk_create(struct walk *w, const struct walk_profile *p, int start, unsigned size,
			    bool wrong);
/* Destroys one of w->gi, by its position. */
void walk_destroy(struct walk *w, unsigned i);
void walk_destroy_all(struct walk *w);
/* How many more of each profile the driver says that there can be. */
void walk_remaining(struct walk *w, const char *when);

/* walk_gi.c */
void walk_profiles(struct walk *w);
void walk_gpu_instances(struct walk *w);
/* walk_ci.c */
void walk_compute_instances(struct walk *w);

#endif
