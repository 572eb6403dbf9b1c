/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_CLAIMS_H
#define MIGKIT_ENGINE_CLAIMS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <migkit/board.h>
#include <migkit/error.h>

/*
 * Who has which MIG device, and who waits for one, without a daemon. Each run has a file in the
 * folder "runs" beside the journal, on which it keeps a flock. The program that it starts inherits
 * the descriptor; so the kernel ends the claim when the last of them is gone, however they end. A
 * file that nobody has locked is of the dead, and means nothing.
 *
 * Files are numbered in the order of arrival. Who arrives, takes a device, or removes the files of
 * the dead holds the folder's door meanwhile: a flock that is kept for moments only.
 */

#define CLAIM_DEVICE 64

struct engine_claim {
	uint64_t number;	   /* order of arrival */
	bool waiting;		   /* false: has .device */
	bool create;		   /* may make an instance */
	uint32_t pid;		   /* of the program; of migctl while it waits */
	uint32_t runner;	   /* of migctl */
	uint32_t uid;		   /* whose file it is */
	char device[CLAIM_DEVICE]; /* UUID; of one who waits: the only one that will do, or "" */
	char profile[MIG_PROFILE_NAME]; /* of the device: "1g.10gb", "1c.3g.40gb" */
	char user[40];
	char since[32]; /* UTC: since when it waits, or has the device */
	char command[256];
};

struct engine_claims {
	char dir[PATH_MAX];
	int door;
	bool inside;
};

struct engine_claim_list {
	size_t n;
	struct engine_claim *claim; /* by number */
};

/*
 * state: the journal's folder. Makes the folders that are not there, if make; without that -ENOENT.
 * Everybody may have files in "runs", as in /tmp.
 */
int engine_claims_open(struct engine_claims *claims, const char *state, bool make,
		       struct mig_error *reterr);
void engine_claims_close(struct engine_claims *claims);

/* -EBUSY: others went through the door for all that time. */
int engine_claims_enter(struct engine_claims *claims, unsigned ms, struct mig_error *reterr);
void engine_claims_leave(struct engine_claims *claims);

/* Those that live. Inside the door the files of the dead go, as far as this user may. */
int engine_claims_list(const struct engine_claims *claims, struct engine_claim_list *ret,
		       struct mig_error *reterr);
void engine_claim_list_free(struct engine_claim_list *list);

/*
 * A new file, behind all that there are; inside the door. Fills the number. Returns the locked
 * descriptor, which is closed on exec.
 */
int engine_claim_arrive(const struct engine_claims *claims, struct engine_claim *claim,
			struct mig_error *reterr);
/* Says anew what a claim is; whoever takes a device is inside the door. */
int engine_claim_write(int fd, const struct engine_claim *claim, struct mig_error *reterr);
/* Whether that one still waits. Cheap: one look at one file. */
bool engine_claim_waits(const struct engine_claims *claims, uint64_t number);

/* Who has the device; NULL: nobody. */
const struct engine_claim *engine_claim_of(const struct engine_claim_list *list,
					   const char *device);
/*
 * The last one who came before that number, waits, and wants what this one wants: it is served
 * first. NULL: it is this one's turn.
 */
const struct engine_claim *engine_claim_before(const struct engine_claim_list *list,
					       const struct engine_claim *claim);

/* What a claim's file says; false: no sense. Any bytes may be in it. */
bool engine_claim_parse(const char *text, size_t size, struct engine_claim *ret);

#endif
