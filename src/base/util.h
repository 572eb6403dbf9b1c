/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_BASE_UTIL_H
#define MIGKIT_BASE_UTIL_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Helpers that every folder may use; nothing here knows about GPUs. */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Cleanup attributes: a resource is released when its variable leaves scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Hands ownership out of a cleanup variable. */
#define TAKE_PTR(p)                       \
	({                                \
		__typeof__(p) _ret = (p); \
		(p) = NULL;               \
		_ret;                     \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 _cleanup_(freep)
#define _cleanup_close_	 _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

#endif
