/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * Every invariant of a lab's state: what no call, no death of a process and no reboot may ever
 * leave otherwise. Run when a process maps the file (so that a foreign or damaged file is a
 * sentence, never a crash), by "migctl lab check", and by the tests after each torture. The rules
 * of placements are written here a second time, in check_gpu.c, and not asked of rules_gi.c: a
 * mistake in those would else be no breach.
 */

/* A sentence is a line, and a file of any bytes sends no escape sequences to a terminal. */
static void without_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void tell(struct lab_checking *c, bool breach, const char *fmt, va_list ap)
{
	char text[400], gpu[24] = "", whole[480];

	/* cppcheck-suppress valistFromVaList; the caller's own */
	vsnprintf(text, sizeof(text), fmt, ap);
	without_controls(text);
	if (c->gpu >= 0)
		snprintf(gpu, sizeof(gpu), "GPU %d: ", c->gpu);
	snprintf(whole, sizeof(whole), "%s%s%s", c->copy ? c->copy : "", gpu, text);
	c->breaches += breach;
	c->told(c->arg, breach, whole);
}

void lab_breach(struct lab_checking *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, true, fmt, ap);
	va_end(ap);
}

void lab_note(struct lab_checking *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, false, fmt, ap);
	va_end(ap);
}

bool lab_text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

bool lab_all_zero(const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* --- events --------------------------------------------------------------------------------- */

/* The number that the ring's entry i must have: the last one up to newest that falls on it. */
static uint64_t event_number(uint64_t newest, unsigned i)
{
	uint64_t back = (newest - i) % LAB_MAX_EVENTS;

	return back < newest ? newest - back : 0;
}

static void check_event(struct lab_checking *c, const struct lab_event *e)
{
	unsigned long long n = e->number;

	if (!e->kind || e->kind >= LAB_EVENT_KINDS)
		lab_breach(c, "event %llu is of a kind that there is not, %u", n, e->kind);
	if (e->gpu >= c->st->n_gpus)
		lab_breach(c, "event %llu is of GPU %u, and the lab has %u", n, e->gpu,
			   c->st->n_gpus);
	if (e->gi < -1 || e->gi > MIG_MAX_GI_ID || e->ci < -1 || e->ci >= MIG_MAX_CI ||
	    (e->ci >= 0 && e->gi < 0))
		lab_breach(c, "event %llu is of an instance that cannot be, %d/%d", n, e->gi,
			   e->ci);
	if (e->kind == LAB_EVENT_XID ? !e->data : e->data != 0)
		lab_breach(c, "event %llu has %llu for an Xid", n, (unsigned long long)e->data);
}

static void check_events(struct lab_checking *c)
{
	for (unsigned i = 0; i < LAB_MAX_EVENTS; i++) {
		const struct lab_event *e = &c->st->event[i];
		uint64_t number = event_number(c->st->n_events, i);

		if (e->number != number)
			lab_breach(c,
				   "place %u of the events holds number %llu, and of %llu events "
				   "in all it is number %llu that belongs there",
				   i, (unsigned long long)e->number,
				   (unsigned long long)c->st->n_events, (unsigned long long)number);
		else if (!number && !lab_all_zero(e, sizeof(*e)))
			lab_breach(c, "place %u of the events is free and not empty", i);
		else if (number)
			check_event(c, e);
	}
}

/* --- accounts ------------------------------------------------------------------------------- */

static void check_running(struct lab_checking *c, unsigned i, const struct lab_account *a)
{
	const struct lab_client *client = &c->st->client[a->slot % LAB_MAX_CLIENTS];

	if (a->time_ms)
		lab_breach(c, "account %u of process %u runs and has an end already", i, a->pid);
	if (a->slot >= LAB_MAX_CLIENTS || !client->used || client->kind != LAB_CLIENT_COMPUTE ||
	    client->pid != a->pid || client->gpu != a->gpu)
		lab_breach(c,
			   "account %u counts process %u as running, and client %u is not that "
			   "process",
			   i, a->pid, a->slot);
	for (unsigned o = 0; o < i; o++)
		if (c->st->account[o].used && c->st->account[o].running &&
		    c->st->account[o].slot == a->slot)
			lab_breach(c, "accounts %u and %u count the same client as running", o, i);
}

static void check_account(struct lab_checking *c, unsigned i)
{
	const struct lab_account *a = &c->st->account[i];

	if (!a->used) {
		if (!lab_all_zero(a, sizeof(*a)))
			lab_breach(c, "account %u is free and not empty", i);
		return;
	}
	if (i >= c->st->n_accounts)
		lab_breach(c, "account %u is in use, and there were only %llu ever", i,
			   (unsigned long long)c->st->n_accounts);
	if (a->used > 1 || a->running > 1 || !a->pid)
		lab_breach(c, "account %u is of no process", i);
	if (a->gpu >= c->st->n_gpus)
		lab_breach(c, "account %u is of GPU %u, and the lab has %u", i, a->gpu,
			   c->st->n_gpus);
	else if (!c->st->gpu[a->gpu].accounting)
		lab_breach(c, "account %u is of GPU %u, whose accounting is off", i, a->gpu);
	if (a->running)
		check_running(c, i, a);
}

/* --- clients -------------------------------------------------------------------------------- */

static const struct lab_gi *gi_by_id(const struct lab_gpu *gpu, int id)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == id)
			return &gpu->gi[i];
	return NULL;
}

static bool has_ci(const struct lab_gi *gi, int id)
{
	for (unsigned i = 0; gi && i < MIG_MAX_CI; i++)
		if (gi->ci[i].used && gi->ci[i].id == id)
			return true;
	return false;
}

/*
 * Where it computes. Its instance may not go while it lives, and the change in which an instance
 * goes first clears away those who are dead.
 */
static void check_place(struct lab_checking *c, unsigned i, const struct lab_client *client)
{
	const struct lab_gpu *gpu = &c->st->gpu[client->gpu];
	bool instances = false;

	for (unsigned g = 0; g < MIG_MAX_GI; g++)
		instances = instances || gpu->gi[g].used;
	if (client->gi < 0 && client->ci >= 0)
		lab_breach(c, "client %u is on a compute instance of no GPU instance", i);
	else if (client->kind == LAB_CLIENT_ATTACHED)
		return;
	else if (client->gi < 0 && instances)
		lab_breach(c, "client %u computes on all of GPU %u, which has GPU instances", i,
			   client->gpu);
	else if (client->gi >= 0 && !has_ci(gi_by_id(gpu, client->gi), client->ci))
		lab_breach(c, "client %u computes on %u/%d/%d, which is not there", i, client->gpu,
			   client->gi, client->ci);
}

static void check_client(struct lab_checking *c, unsigned i)
{
	const struct lab_client *client = &c->st->client[i];

	if (!client->used) {
		if (!lab_all_zero(client, sizeof(*client)))
			lab_breach(c, "client %u is free and not empty", i);
		return;
	}
	if (client->used > 1 || client->all_gpus > 1 || !client->pid ||
	    (client->kind != LAB_CLIENT_ATTACHED && client->kind != LAB_CLIENT_COMPUTE))
		lab_breach(c, "client %u is no process, or of no kind that there is", i);
	if (!lab_text_ends(client->name, sizeof(client->name)))
		lab_breach(c, "client %u has a name without an end", i);
	if (client->gpu >= c->st->n_gpus)
		lab_breach(c, "client %u is on GPU %u, and the lab has %u", i, client->gpu,
			   c->st->n_gpus);
	else
		check_place(c, i, client);
}

/* --- all of it ------------------------------------------------------------------------------ */

/* Nothing is counted so far that it could begin anew: what goes by numbers would be mistaken. */
static void check_counts(struct lab_checking *c)
{
	const uint64_t most = UINT64_MAX / 4;

	if (!c->st->boot)
		lab_breach(c, "the machine was never started: its boots are counted from 1");
	if (c->st->boot > most || c->st->n_events > most || c->st->n_accounts > most ||
	    c->st->next_generation == UINT32_MAX)
		lab_breach(c, "its boots, events, accounts or instances were counted to the end");
}

void lab_check_state(struct lab_checking *c)
{
	check_counts(c);
	if (c->st->clients != lab_used_clients(c->st))
		lab_breach(c, "the clients in use are not those of its word of clients");
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		check_client(c, i);
	check_events(c);
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++)
		check_account(c, i);
	lab_check_gpus(c);
}

unsigned lab_check_each(const struct lab_const *con, const struct lab_state *st, lab_told_fn told,
			void *arg)
{
	struct lab_checking c = { .con = con, .st = st, .told = told, .arg = arg, .gpu = -1 };

	if (lab_check_const(&c))
		lab_check_state(&c);
	return c.breaches;
}

void lab_keep_first(void *arg, bool breach, const char *sentence)
{
	struct mig_error *err = arg;

	if (breach && !err->code)
		(void)mig_fail(err, -EBADMSG, "%s", sentence);
}

int lab_check(const struct lab_const *con, const struct lab_state *st, struct mig_error *reterr)
{
	struct mig_error first = { 0 };

	if (!lab_check_each(con, st, lab_keep_first, &first))
		return 0;
	return mig_fail(reterr, -EBADMSG, "%s", first.msg);
}
