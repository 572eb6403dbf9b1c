/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_MADE_H
#define MIGKIT_ENGINE_MADE_H

#include "engine/engine.h"

/*
 * Instances that "run --create" made and that go when their program has ended. Each has a file in
 * the folder "made" beside the journal, written before the instance is made and removed after it
 * has gone; so one that outlived its migctl is known to the next command that acts. All of this
 * happens under the machine's lock.
 */

struct engine_made {
	char uuid[48]; /* of the GPU */
	char boot[40]; /* of the machine: a boot ends all instances */
	char name[MIG_PROFILE_NAME];
	uint16_t profile_id;
	uint8_t start;
	char command[256];
};

#define ENGINE_MAX_MADE (ENGINE_MAX_GPUS * MIG_MAX_GI)

int engine_made_write(const char *state, const struct engine_made *made, struct mig_error *reterr);
void engine_made_remove(const char *state, const struct engine_made *made);
/* Whether there is any: one look at one folder. */
bool engine_made_any(const char *state);
/* Removes what makes no sense, such as what a killed writer left. Returns how many there are. */
unsigned engine_made_list(const char *state, struct engine_made *ret, unsigned cap);

#endif
