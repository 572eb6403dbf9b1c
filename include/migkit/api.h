/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_API_H
#define MIGKIT_API_H

/**
 * Marks what libmigkit.so exports; all else stays inside.
 *
 * The rules of the interface: names begin with mig_ or MIG_; what was released keeps its meaning
 * until the number in the soname changes; no call prints, exits, starts threads or changes the
 * locale, the environment or signals; nothing is kept between calls but constant tables, so any
 * thread may call anything.
 */
#if defined(__GNUC__)
#define MIG_API __attribute__((visibility("default")))
#else
#define MIG_API
#endif

#endif
