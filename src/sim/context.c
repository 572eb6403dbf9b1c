/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lab/trouble.h"
#include "sim/context.h"

/*
 * The only state of the library: how often it was initialised and the lab that is open meanwhile.
 * Programs initialise it hundreds of times a run and from several threads.
 */
static struct {
	pthread_mutex_t lock; /* of init and shutdown */
	atomic_uint count;
	atomic_flag watches_forks;
	_Atomic(struct lab *) lab; /* the one opened last, also when it was closed since */
	char dir[PATH_MAX];
} ctx = { .lock = PTHREAD_MUTEX_INITIALIZER, .watches_forks = ATOMIC_FLAG_INIT };

static const uint64_t nothing_ordered;
const uint64_t *sim_watch_word = &nothing_ordered;

/* A child of a fork in the middle of an init must not inherit the lock as taken. */
static void fork_prepare(void)
{
	pthread_mutex_lock(&ctx.lock);
}

static void fork_done(void)
{
	pthread_mutex_unlock(&ctx.lock);
}

/* What lab_open() fails with, before there is a GPU to speak of. */
static nvmlReturn_t open_status(int r)
{
	switch (r) {
	case -EPROTO:
	case -EBADMSG:
		return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
	case -EACCES:
	case -EPERM:
		return NVML_ERROR_NO_PERMISSION;
	case -ENOMEM:
		return NVML_ERROR_MEMORY;
	default:
		return NVML_ERROR_DRIVER_NOT_LOADED;
	}
}

static nvmlReturn_t open_lab(unsigned flags)
{
	const char *dir = secure_getenv("MIGKIT_LAB");
	size_t len = dir ? strlen(dir) : 0;
	struct lab *lab;
	int r;

	/* Without a lab this is a machine without a driver: never anybody's real GPU. */
	if (len == 0 || len >= sizeof(ctx.dir))
		return NVML_ERROR_DRIVER_NOT_LOADED;
	r = lab_open(dir, flags & NVML_INIT_FLAG_NO_ATTACH ? 0 : LAB_OPEN_ATTACH, &lab, NULL);
	if (r < 0)
		return open_status(r);
	atomic_store(&ctx.lab, lab);
	__atomic_store_n(&sim_watch_word, lab_watch_word(lab), __ATOMIC_RELEASE);
	if (strcmp(ctx.dir, dir) != 0)
		memcpy(ctx.dir, dir, len + 1);
	return NVML_SUCCESS;
}

nvmlReturn_t sim_init(unsigned flags)
{
	nvmlReturn_t status = NVML_SUCCESS;

	if (!atomic_flag_test_and_set(&ctx.watches_forks))
		pthread_atfork(fork_prepare, fork_done, fork_done);
	pthread_mutex_lock(&ctx.lock);
	if (atomic_load(&ctx.count) == 0) {
		sim_log_start();
		status = open_lab(flags);
	}
	if (status == NVML_SUCCESS)
		atomic_fetch_add(&ctx.count, 1);
	pthread_mutex_unlock(&ctx.lock);
	return status;
}

nvmlReturn_t sim_shutdown(void)
{
	nvmlReturn_t status = NVML_SUCCESS;

	pthread_mutex_lock(&ctx.lock);
	if (atomic_load(&ctx.count) == 0) {
		status = NVML_ERROR_UNINITIALIZED;
	} else if (atomic_fetch_sub(&ctx.count, 1) == 1) {
		/* A call that began before it ends on the closed lab, which stays readable. */
		lab_close(atomic_load(&ctx.lab));
	}
	pthread_mutex_unlock(&ctx.lock);
	return status;
}

nvmlReturn_t sim_enter(unsigned since)
{
	if (atomic_load_explicit(&ctx.count, memory_order_acquire) == 0)
		return NVML_ERROR_UNINITIALIZED;
	if (sim_const()->driver_major < since)
		return NVML_ERROR_FUNCTION_NOT_FOUND;
	return NVML_SUCCESS;
}

bool sim_running(void)
{
	return atomic_load_explicit(&ctx.count, memory_order_acquire) != 0;
}

struct lab *sim_lab(void)
{
	/* A call in which the lab is closed and opened anew may find one that was just made. */
	return atomic_load_explicit(&ctx.lab, memory_order_acquire);
}

const struct lab_const *sim_const(void)
{
	return lab_const(sim_lab());
}

const char *sim_lab_dir(void)
{
	return atomic_load(&ctx.count) ? ctx.dir : NULL;
}
