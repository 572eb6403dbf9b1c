/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * Accounting: which processes computed on a GPU, and how long. The state keeps the last
 * LAB_MAX_ACCOUNTS of them over all GPUs, the oldest is overwritten. A client that was killed says
 * nothing when it goes; that it ended is noticed by the next change of the lab, or by a look at the
 * accounts that may write to the lab.
 */

/* A client has come: from now on it is counted, if its GPU counts. */
void lab_account_start(struct lab_state *st, unsigned slot)
{
	const struct lab_client *c = &st->client[slot];

	if (c->kind != LAB_CLIENT_COMPUTE || !st->gpu[c->gpu].accounting)
		return;
	st->account[st->n_accounts++ % LAB_MAX_ACCOUNTS] = (struct lab_account){
		.used = 1,
		.gpu = c->gpu,
		.running = 1,
		.slot = (uint8_t)slot,
		.pid = c->pid,
		.memory = c->memory,
		.start_us = lab_now_us(),
	};
}

void lab_account_end(struct lab_state *st, unsigned slot)
{
	uint64_t now = lab_now_us();

	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++) {
		struct lab_account *a = &st->account[i];

		if (!a->used || !a->running || a->slot != slot)
			continue;
		a->running = 0;
		a->time_ms = now > a->start_us ? (now - a->start_us) / 1000 : 0;
	}
}

static void forget(struct lab_state *st, unsigned gpu, bool running_too)
{
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++) {
		struct lab_account *a = &st->account[i];

		if (a->used && a->gpu == gpu && (running_too || !a->running))
			memset(a, 0, sizeof(*a));
	}
}

void lab_account_off(struct lab_state *st, unsigned gpu)
{
	st->gpu[gpu].accounting = 0;
	forget(st, gpu, true);
}

struct setting {
	unsigned gpu;
	bool on;
};

static int set_accounting(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;
	struct lab_gpu *gpu = &st->gpu[s->gpu];

	(void)lab;
	if (gpu->lost)
		return -ENODEV;
	/* On GPUs in MIG mode accounting is off and stays off (nvml.h). */
	if (gpu->mig_current)
		return -ENOTSUP;
	if (s->on)
		gpu->accounting = 1;
	else
		lab_account_off(st, s->gpu);
	return 0;
}

static int change(struct lab *lab, unsigned gpu, lab_change_fn fn, bool on)
{
	struct setting s = { .gpu = gpu, .on = on };

	if (!lab_may_change(lab))
		return -EPERM;
	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	return lab_change(lab, fn, &s);
}

int lab_set_accounting(struct lab *lab, unsigned gpu, bool on)
{
	return change(lab, gpu, set_accounting, on);
}

static int clear(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct setting *s = arg;

	(void)lab;
	forget(st, s->gpu, false);
	return 0;
}

int lab_clear_accounts(struct lab *lab, unsigned gpu)
{
	return change(lab, gpu, clear, false);
}

/* --- looking -------------------------------------------------------------------------------- */

/* A change of nothing: lab_change() clears away who has ended. */
static int notice(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)lab;
	(void)st;
	(void)arg;
	return 0;
}

static void lab_notice_ended(struct lab *lab)
{
	(void)lab_change(lab, notice, NULL);
}

static bool ended_unnoticed(const struct lab *lab, const struct lab_account *a)
{
	return a->used && a->running && !lab_slot_alive(lab, a->slot);
}

unsigned lab_accounts_of(struct lab *lab, unsigned gpu, struct lab_account ret[LAB_MAX_ACCOUNTS])
{
	struct lab_account all[LAB_MAX_ACCOUNTS];
	unsigned n = 0;
	uint64_t made;

	lab_load(lab->map, offsetof(struct lab_state, n_accounts), sizeof(made), &made);
	if (!made)
		return 0;
	lab_load(lab->map, offsetof(struct lab_state, account), sizeof(all), all);
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++) {
		if (!ended_unnoticed(lab, &all[i]))
			continue;
		lab_notice_ended(lab);
		lab_load(lab->map, offsetof(struct lab_state, account), sizeof(all), all);
		break;
	}
	lab_load(lab->map, offsetof(struct lab_state, n_accounts), sizeof(made), &made);
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++) {
		struct lab_account *a = &all[(made + i) % LAB_MAX_ACCOUNTS];

		if (!a->used || a->gpu != gpu)
			continue;
		/* Nobody may write it down here: it has ended all the same. */
		if (ended_unnoticed(lab, a)) {
			a->running = 0;
			a->time_ms = (lab_now_us() - a->start_us) / 1000;
		}
		ret[n++] = *a;
	}
	return n;
}
