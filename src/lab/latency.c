/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * How long calls take. It is a property of the machine, not of one boot: a reboot leaves it. Who
 * waits holds no lock, wakes when something is ordered, and sees whether it still has to.
 */

/* What a sleep may be late by (the kernel's timer slack): the rest of a wait is spent looking. */
#define SLACK_NS UINT64_C(80000)

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Two of them are a word. */
static uint32_t call_us(const struct lab *lab, unsigned call)
{
	uint32_t us[2];

	lab_load_trouble(lab->map, offsetof(struct lab_trouble, latency.us) + call / 2 * sizeof(us),
			 sizeof(us), us);
	return us[call % 2];
}

_Static_assert(offsetof(struct lab_trouble, latency.us) % 8 == 0, "read by words");

void lab_latency_wait(const struct lab *lab, unsigned call)
{
	const size_t word = offsetof(struct lab_header, trouble_seq);
	uint64_t began = clock_ns(), boot = lab_boot(lab);
	int saved = errno;

	for (;;) {
		uint32_t seen = lab_wake_seen(lab->map, word);
		uint64_t due = (uint64_t)call_us(lab, call) * 1000u, passed = clock_ns() - began;

		/* After a reboot the answer is that the GPU is lost: nothing to wait for. */
		if (passed >= due || lab_gone(lab->map, boot))
			break;
		if (due - passed > SLACK_NS)
			lab_sleep_on(lab->map, word, seen, (due - passed - SLACK_NS) / 1000u + 1);
	}
	errno = saved;
}

static int replace(struct lab_trouble *t, void *arg)
{
	memcpy(&t->latency, arg, sizeof(t->latency));
	return 0;
}

int lab_latency_set(struct lab *lab, const struct lab_latency *latency, struct mig_error *reterr)
{
	struct lab_latency copy = *latency;

	if (!copy.name[0])
		memset(&copy, 0, sizeof(copy));
	return lab_trouble_change(lab, replace, &copy, reterr);
}

void lab_latency_read(const struct lab *lab, struct lab_latency *ret)
{
	lab_load_trouble(lab->map, offsetof(struct lab_trouble, latency), sizeof(*ret), ret);
}
