/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_DRIVER_H
#define MIGKIT_MODEL_DRIVER_H

#include <stdint.h>

#include <migkit/error.h>

/* Versions of NVIDIA's driver: "515.86.01" is branch 515. */

struct mig_driver {
	unsigned major; /* the branch: 515 */
	unsigned minor;
	unsigned patch; /* 0 where the version has two parts only */
	uint32_t code;	/* orders versions: 515086001 */
	uint32_t cuda;	/* NVML's CUDA version of the branch: 11070 */
};

/* A full version ("515.86.01", "525.53") of a branch that we know. */
int mig_driver_parse(const char *version, struct mig_driver *ret, struct mig_error *reterr);

/* A version, or a branch alone ("525"), as board files name them. No check that it is known. */
int mig_driver_parse_code(const char *version, uint32_t *ret, struct mig_error *reterr);

/* "515.86.01", or "525" where only the branch was given. */
void mig_driver_format(uint32_t code, char *buf, unsigned size);

/* The branch, or 0 for what is no version. */
unsigned mig_driver_major(const char *version);

/* NVML's CUDA driver version (11070 for 11.7), or 0 for an unknown or malformed version. */
uint32_t mig_driver_cuda(const char *version);

/* The branches that we know, ascending; 0 past the end. */
unsigned mig_driver_branch_at(unsigned i);

#endif
