/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_CHECK_H
#define MIGKIT_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A unit test is a plain program: it returns 0 when all holds, stops with 1 at the first thing that
 * doesn't, and with 77 (CHECK_SKIP) where the machine can't run it.
 */

#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, \
				#cond);                                                          \
			exit(1);                                                                 \
		}                                                                                \
	} while (0)

/* Whole numbers of any type: both values are shown. */
#define CHECK_EQ(got, want)                                                                      \
	do {                                                                                     \
		long long got_ = (long long)(got), want_ = (long long)(want);                    \
		if (got_ != want_) {                                                             \
			fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, \
				__func__, #got, got_, want_);                                    \
			exit(1);                                                                 \
		}                                                                                \
	} while (0)

#define CHECK_STR(got, want)                                                               \
	do {                                                                               \
		const char *got_ = (got), *want_ = (want);                                 \
		if (strcmp(got_, want_) != 0) {                                            \
			fprintf(stderr, "%s:%d: %s: %s is \"%s\", not \"%s\"\n", __FILE__, \
				__LINE__, __func__, #got, got_, want_);                    \
			exit(1);                                                           \
		}                                                                          \
	} while (0)

#define CHECK_SKIP(reason)                       \
	do {                                     \
		printf("skipped: %s\n", reason); \
		exit(77);                        \
	} while (0)

#endif
