/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before each file of src/ when clang-tidy reads it, and never when it is compiled: the
 * analyzer looks at one file at a time, so it has to be told that a failure is negative.
 */
#include <migkit/error.h>

/* clang-format off */
#define TELL(fn, reterr, code, ...) \
	({ int code_ = (code); fn(reterr, code_, __VA_ARGS__); \
	   if (code_ >= 0) __builtin_unreachable(); code_; })
#define mig_fail(reterr, code, ...)	 TELL(mig_fail, reterr, code, __VA_ARGS__)
#define mig_fail_wrap(reterr, code, ...) TELL(mig_fail_wrap, reterr, code, __VA_ARGS__)
