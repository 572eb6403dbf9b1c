/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_DRIVER_H
#define MIGKIT_DRIVER_H

#include <stdint.h>

#include <migkit/api.h>
#include <migkit/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A version of NVIDIA's driver: "515.86.01" is of branch 515. */
struct mig_driver {
	unsigned major; /**< the branch: 515 */
	unsigned minor; /**< 86 */
	unsigned patch; /**< 1; 0 where the version has two parts only */
	uint32_t code;	/**< orders versions: 515086001 */
	uint32_t cuda;	/**< NVML's CUDA version of the branch: 11070 */
};

/**
 * Reads a full version ("515.86.01", "525.53") of a branch that we know.
 *
 * Return: 0, or -EINVAL with a sentence that names what is known.
 */
MIG_API int mig_driver_parse(const char *version, struct mig_driver *ret, struct mig_error *reterr);

/**
 * Reads a version, or a branch alone ("525"), as board files name them. Whether such a driver was
 * ever there isn't checked.
 *
 * Return: 0, or -EINVAL for what is no version.
 */
MIG_API int mig_driver_parse_code(const char *version, uint32_t *ret, struct mig_error *reterr);

/** Writes a version: "515.86.01", or "525" where only the branch was given. */
MIG_API void mig_driver_format(uint32_t code, char *buf, unsigned size);

/** The branch of a version; 0 for what is no version. */
MIG_API unsigned mig_driver_major(const char *version);

/** NVML's CUDA driver version (11070 for 11.7); 0 for an unknown or malformed version. */
MIG_API uint32_t mig_driver_cuda(const char *version);

/** The branches that we know, ascending; 0 past the end. */
MIG_API unsigned mig_driver_branch_at(unsigned i);

#ifdef __cplusplus
}
#endif

#endif
