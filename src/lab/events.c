/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * What happens to GPUs: Xids and memory errors (injected), changes of the MIG configuration (raised
 * by the change itself and published with it). They are a ring in the state, so an event is there
 * exactly when what it tells of is, and a death at any instruction leaves both or neither.
 */

void lab_raise(struct lab_state *st, enum lab_event_kind kind, unsigned gpu, int gi, int ci,
	       uint64_t data)
{
	uint64_t number = ++st->n_events;

	st->event[number % LAB_MAX_EVENTS] = (struct lab_event){
		.number = number,
		.data = data,
		.kind = (uint8_t)kind,
		.gpu = (uint8_t)gpu,
		.gi = (int8_t)gi,
		.ci = (int8_t)ci,
	};
}

struct lab_watch lab_watch(const struct lab *lab)
{
	(void)lab_writable(lab); /* who waits says so in the file */
	return (struct lab_watch){ .map = lab->map, .boot = lab_boot(lab) };
}

uint64_t lab_event_newest(const struct lab_watch *w)
{
	uint64_t n;

	lab_load(w->map, offsetof(struct lab_state, n_events), sizeof(n), &n);
	return n;
}

/*
 * An entry whose number is another one was overwritten between the two looks: looks anew. But not
 * at a ring that did not move meanwhile, of a damaged file: nobody would ever leave.
 */
bool lab_event_after(const struct lab_watch *w, uint64_t after, struct lab_event *ret)
{
	for (;;) {
		uint64_t newest = lab_event_newest(w), n = after + 1;

		if (newest > LAB_MAX_EVENTS && n <= newest - LAB_MAX_EVENTS)
			n = newest - LAB_MAX_EVENTS + 1;
		if (n > newest)
			return false;
		lab_load(w->map,
			 offsetof(struct lab_state, event) + n % LAB_MAX_EVENTS * sizeof(*ret),
			 sizeof(*ret), ret);
		if (ret->number == n)
			return true;
		if (lab_event_newest(w) == newest)
			return false;
	}
}

/* --- waiting -------------------------------------------------------------------------------- */

/* The low half of a sequence number, which each change moves. */
static const uint32_t *wake_word(const uint8_t *base, size_t word)
{
	size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

	return (const uint32_t *)(const void *)(base + word + low);
}

uint32_t lab_wake_seen(const struct lab_map *map, size_t word)
{
	return __atomic_load_n(wake_word(map->ro, word), __ATOMIC_ACQUIRE);
}

void lab_wake(const struct lab_map *map, size_t word)
{
	int saved = errno;

	(void)syscall(SYS_futex, wake_word(map->rw, word), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

/*
 * The kernel knows a futex in a shared file by file and offset, so a reader's mapping without write
 * permission and a writer's meet. Never long in one piece: a writer may be killed between its
 * change and the wake, and a file system or a sandbox may know no futex in files, where this is a
 * short sleep.
 */
void lab_sleep_on(const struct lab_map *map, size_t word, uint32_t seen, uint64_t us)
{
	struct timespec t = { .tv_nsec = (long)(us < 100000 ? us : 100000) * 1000 };

	if (!syscall(SYS_futex, wake_word(map->ro, word), FUTEX_WAIT, seen, &t, NULL, 0) ||
	    errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT)
		return;
	t.tv_nsec = (long)(us < 10000 ? us : 10000) * 1000;
	nanosleep(&t, NULL);
}

static bool gone(const struct lab_watch *w)
{
	return lab_gone(w->map, w->boot);
}

/* One more or one fewer who waits, before and after it sleeps; false: this user may not say so. */
static bool count_sleeper(const struct lab_map *map, int n)
{
	uint8_t *rw = __atomic_load_n(&map->rw, __ATOMIC_ACQUIRE);

	if (rw)
		__atomic_add_fetch((uint64_t *)(void *)(rw + offsetof(struct lab_header, sleepers)),
				   (uint64_t)(int64_t)n, __ATOMIC_SEQ_CST);
	return rw;
}

bool lab_anyone_waits(const struct lab_map *map)
{
	/* After the new sequence number: who counts itself later finds that one and does not sleep.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return lab_word_load(map->ro, offsetof(struct lab_header, sleepers)) != 0;
}

int lab_event_wait(const struct lab_watch *w, uint64_t after, unsigned ms)
{
	int saved = errno;
	const size_t word = offsetof(struct lab_header, seq);
	uint32_t seen = lab_wake_seen(w->map, word);
	uint64_t us = (uint64_t)ms * 1000;

	if (lab_event_newest(w) <= after && ms && !gone(w)) {
		bool counted = count_sleeper(w->map, 1);

		/* Nobody wakes whom nobody knows of. */
		lab_sleep_on(w->map, word, seen, counted || us < 10000 ? us : 10000);
		if (counted)
			(void)count_sleeper(w->map, -1);
	}
	errno = saved;
	return gone(w) ? -ENODEV : 0;
}

/* --- injecting ------------------------------------------------------------------------------ */

struct injection {
	const struct lab_event *what;
	struct mig_error *reterr;
};

static bool has_instance(const struct lab_gpu *gpu, int gi, int ci)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		if (!gpu->gi[i].used || gpu->gi[i].id != gi)
			continue;
		for (unsigned c = 0; ci >= 0 && c < MIG_MAX_CI; c++)
			if (gpu->gi[i].ci[c].used && gpu->gi[i].ci[c].id == ci)
				return true;
		return ci < 0;
	}
	return gi < 0;
}

static int inject(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct injection *in = arg;
	const struct lab_event *e = in->what;
	struct lab_gpu *gpu = &st->gpu[e->gpu];

	(void)lab;
	if (gpu->lost)
		return mig_fail(in->reterr, -ENOTSUP, "GPU %u is lost: reboot the lab", e->gpu);
	if (!has_instance(gpu, e->gi, e->ci)) {
		if (e->ci < 0)
			return mig_fail(in->reterr, -ENOENT, "GPU %u has no GPU instance %d",
					e->gpu, e->gi);
		return mig_fail(in->reterr, -ENOENT,
				"GPU %u has no compute instance %d in GPU instance %d", e->gpu,
				e->ci, e->gi);
	}
	if (e->kind == LAB_EVENT_DOUBLE_BIT_ECC) {
		lab_count_error(&gpu->set.ecc_volatile);
		lab_count_error(&gpu->set.ecc_aggregate);
	} else if (e->kind == LAB_EVENT_SINGLE_BIT_ECC) {
		lab_count_error(&gpu->set.ecc_volatile_corrected);
		lab_count_error(&gpu->set.ecc_aggregate_corrected);
	}
	lab_raise(st, (enum lab_event_kind)e->kind, e->gpu, e->gi, e->ci, e->data);
	if (e->kind == LAB_EVENT_DOUBLE_BIT_ECC)
		lab_raise(st, LAB_EVENT_XID, e->gpu, e->gi, e->ci, LAB_XID_DOUBLE_BIT);
	if (e->kind == LAB_EVENT_XID && e->data == LAB_XID_OFF_THE_BUS)
		gpu->lost = 1;
	return 0;
}

int lab_inject(struct lab *lab, const struct lab_event *what, struct mig_error *reterr)
{
	struct injection in = { .what = what, .reterr = reterr };

	if (reterr)
		reterr->msg[0] = '\0';
	if (what->gpu >= lab->map->con->n_gpus)
		return mig_fail(reterr, -EINVAL, "there is no GPU %u: this lab has %u", what->gpu,
				lab->map->con->n_gpus);
	if (what->kind == LAB_EVENT_XID ? !what->data : what->data != 0)
		return mig_fail(reterr, -EINVAL,
				"an Xid has a number from 1 on, and no other event has one: not "
				"%llu",
				(unsigned long long)what->data);
	return lab_why_not_changed(lab_change(lab, inject, &in), reterr);
}
