/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_LAB_RULES_H
#define MIGKIT_LAB_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <migkit/board.h>

/*
 * The rules of the simulated GPUs. What hardware does is not settled in every case; each such case
 * is a switch here: name, the values by name (the first is the default), and what it decides.
 * doc/unconfirmed.md lists them; a test holds the two together and runs each value.
 */
#define LAB_RULES(X)                                                                             \
	X(DEFAULT_PLACEMENT, "default-placement", "most-room|fixed-order",                       \
	  "where a GPU instance goes when no start is given and the board is fragmented")        \
	X(PLACEMENT_1G_DOUBLE, "placement-1g-double", "middle-first|as-default",                 \
	  "first start of the 1g double-memory profile (id 15) on Hopper and later")             \
	X(DISABLE_WITH_GI, "disable-with-instances", "without-ci|refuse|allow",                  \
	  "whether Ampere leaves MIG mode while GPU instances exist")                            \
	X(CI_DEVICE_HANDLE, "ci-device-handle", "mig-device|parent",                             \
	  "whose UUID the device handle in a compute instance's info answers with")              \
	X(FREE_BEFORE_FIRST, "free-before-first", "total|zero",                                  \
	  "remaining capacity on Ampere while no GPU instance exists")                           \
	X(ME_EXCLUSIVE, "me-exclusive", "shared|separate",                                       \
	  "whether different +me profiles of one board exclude each other")                      \
	X(GFX_BESIDE_COMPUTE, "gfx-beside-compute", "allow|refuse",                              \
	  "whether +gfx instances stand beside those of compute profiles")                       \
	X(CI_SPAN_7G, "ci-span-7g", "8|7",                                                       \
	  "placement size of the compute instance that fills a 7g instance on Hopper and later") \
	X(CI_1G_DOUBLE, "ci-1g-double", "0-and-7|7",                                             \
	  "compute instances of the 1g double-memory profile on Hopper, by profile id")          \
	X(CI_ID_REUSE, "ci-id-reuse", "lowest|next",                                             \
	  "whether a destroyed compute instance's id is given out again before higher ones")     \
	X(CI_PLACEMENT, "ci-placement", "most-room|lowest",                                      \
	  "where a compute instance goes on Hopper and later when no start is given")

enum lab_rule {
#define X(id, name, values, doc) LAB_RULE_##id,
	LAB_RULES(X)
#undef X
		LAB_RULE_MAX
};

/* Name, "a|b|c" and sentence of a rule; NULL past the end. */
const char *lab_rule_name(enum lab_rule rule);
const char *lab_rule_values(enum lab_rule rule);
const char *lab_rule_doc(enum lab_rule rule);
/* Sets one by "name=value"; -EINVAL unknown name or value. */
int lab_rule_set(uint8_t rule[32], const char *assignment);

/* Takes from a board's table what a rule says that it has not. */
void lab_rules_shape_board(const uint8_t *rule, struct mig_board *board);

struct lab_gpu;
struct lab_gi;
struct lab_ci;

/* Pure questions over a copy of a GPU; all starts are logical. */

/* Position in board->gi[], -1: none. */
int lab_profile_by_id(const struct mig_board *board, unsigned profile_id);
int lab_profile_by_index(const struct mig_board *board, unsigned index);
/* GPU instance id of a placement. */
unsigned lab_gi_id(const struct mig_board *board, enum mig_numbering numbering, unsigned start,
		   unsigned size);
/* How many further GIs of the profile (position) fit now. */
unsigned lab_gi_remaining(const struct mig_board *board, const struct lab_gpu *gpu,
			  const uint8_t *rule, unsigned profile);
/* Start that the driver would choose, or -1: nothing fits. */
int lab_gi_default_start(const struct mig_board *board, const struct lab_gpu *gpu,
			 const uint8_t *rule, unsigned profile);
/* Whether the profile fits at that start now. */
bool lab_gi_fits(const struct mig_board *board, const struct lab_gpu *gpu, const uint8_t *rule,
		 unsigned profile, unsigned start);
/* Compute instances of one GI: position in the GI profile's ci[], how many more, where. */
int lab_ci_profile_by_id(const struct mig_gi_profile *gp, unsigned ci_profile_id);
unsigned lab_ci_remaining(const struct mig_board *board, const uint8_t *rule,
			  const struct lab_gi *gi, unsigned ci_profile);
/* Start that the driver would choose, or -1: nothing fits. */
int lab_ci_default_start(const struct mig_board *board, const uint8_t *rule,
			 const struct lab_gi *gi, unsigned ci_profile);
/* Size that a CI of the profile takes in -lci: the profile's span, as the rules say. */
unsigned lab_ci_span(const struct mig_board *board, const uint8_t *rule,
		     const struct mig_gi_profile *gp, unsigned ci_profile);
/* Starts that a CI profile may take in an empty GI; returns how many. */
unsigned lab_ci_starts(const struct mig_board *board, const uint8_t *rule,
		       const struct mig_gi_profile *gp, unsigned ci_profile,
		       uint8_t ret[MIG_MAX_STARTS]);
/* Bytes in use before lab clients: of a GI (0 while it has no CI), and of the whole GPU. */
uint64_t lab_gi_idle_bytes(const struct mig_board *board, const struct lab_gi *gi);
uint64_t lab_gpu_idle_bytes(const struct mig_board *board, const struct lab_gpu *gpu);

/*
 * The MIG devices of a GPU in NVML's order (GI id, then CI id). Returns how many; ret_gi[i] and
 * ret_ci[i] are positions in gpu->gi[] and gi->ci[].
 */
unsigned lab_mig_devices(const struct lab_gpu *gpu, uint8_t *ret_gi, uint8_t *ret_ci, unsigned cap);
/* Where a MIG device stands in that order, and which one stands there; false: none. */
unsigned lab_mig_index(const struct lab_gpu *gpu, const struct lab_gi *gi, const struct lab_ci *ci);
bool lab_mig_at(const struct lab_gpu *gpu, unsigned index, const struct lab_gi **ret_gi,
		const struct lab_ci **ret_ci);
/* Positions of the GIs of a profile (position; -1: all) by GI id ascending. Returns how many. */
unsigned lab_gis_of(const struct lab_gpu *gpu, int profile, uint8_t ret[MIG_MAX_GI]);
/* The same of the CIs of a GI. */
unsigned lab_cis_of(const struct lab_gi *gi, int profile, uint8_t ret[MIG_MAX_CI]);
/* "MIG-xxxxxxxx-..." of a compute instance: version 5, from the GPU's UUID, GI id and first slice.
 */
void lab_mig_uuid(const struct lab_gpu *gpu, const struct lab_gi *gi, unsigned ci_start,
		  char ret[48]);

#endif
