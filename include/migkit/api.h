/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_API_H
#define MIGKIT_API_H

/** Marks what libmigkit.so exports; all else stays inside. */
#if defined(__GNUC__)
#define MIG_API __attribute__((visibility("default")))
#else
#define MIG_API
#endif

#endif
