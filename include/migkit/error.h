/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ERROR_H
#define MIGKIT_ERROR_H

/*
 * One law for the whole library: a function returns 0 (or a count) on success and a negative errno
 * on failure; on failure it also leaves one sentence for a person in *reterr, if the caller gave
 * one. On success *reterr is untouched. Only programs print; the library never does.
 */

#include <migkit/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What went wrong: for programs (code), for people (msg), and the driver's own word (nvml). */
struct mig_error {
	int code;      /**< negative errno */
	int nvml;      /**< NVML status of the failing driver call, 0 if none was involved */
	char msg[480]; /**< one sentence: what, where, what would be right; no newline */
};

/**
 * Fills an error and returns its code, so that callers write "return mig_fail(...)".
 *
 * @param reterr  where to leave it, may be NULL
 * @param code    negative errno
 * @param fmt     printf format of the sentence; it is cut, never overrun
 * Return: code.
 */
MIG_API int mig_fail(struct mig_error *reterr, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Puts context before the sentence that is already in *reterr ("context: sentence").
 *
 * Return: code, unchanged.
 */
MIG_API int mig_fail_wrap(struct mig_error *reterr, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif
