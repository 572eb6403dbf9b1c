/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "lab/check.h"
#include "lab/format.h"

/* What was ordered, and cannot have been by any command. */

static bool no_call(const struct lab_fault *f)
{
	return lab_all_zero(f->calls, sizeof(f->calls));
}

static bool unknown_call(const struct lab_fault *f)
{
	for (unsigned i = lab_n_calls; i < LAB_MAX_CALLS; i++)
		if (f->calls[i / 64] >> i % 64 & 1)
			return true;
	return false;
}

static bool no_status(int32_t code)
{
	return code < 0 || code > LAB_LAST_STATUS;
}

static void check_fault(struct lab_checking *c, const struct lab_trouble *t, unsigned slot)
{
	const uint32_t known = (LAB_FAULT_XID << 1) - 1;
	const struct lab_fault *f = &t->fault[slot];

	if (!lab_text_ends(f->process, sizeof(f->process)) ||
	    !lab_text_ends(f->what, sizeof(f->what)))
		lab_breach(c, "the fault in slot %u has a text without an end", slot);
	if (!f->does || (f->does & ~known))
		lab_breach(c, "fault %u does nothing that is known", f->id);
	if (!f->first || f->last < f->first || !f->every)
		lab_breach(c, "fault %u strikes no call", f->id);
	if (no_call(f) || unknown_call(f))
		lab_breach(c, "fault %u is about no call, or one that there is not", f->id);
	if (f->gpu < -1 || f->gpu >= LAB_MAX_GPUS || (c->st && f->gpu >= (int)c->st->n_gpus))
		lab_breach(c, "fault %u is on GPU %d, which is not there", f->id, f->gpu);
	if (no_status(f->code) || no_status(f->code_after))
		lab_breach(c, "fault %u returns %d, and statuses go from 0 to %d", f->id,
			   no_status(f->code) ? f->code : f->code_after, LAB_LAST_STATUS);
	if (f->permanent > 1)
		lab_breach(c, "fault %u is neither permanent nor not", f->id);
	if (f->id > t->last_id)
		lab_breach(c, "there is a fault %u, and the last id given out is %u", f->id,
			   t->last_id);
	if (c->st && f->boot > c->st->boot)
		lab_breach(c, "fault %u was ordered in boot %llu, and this is boot %llu", f->id,
			   (unsigned long long)f->boot, (unsigned long long)c->st->boot);
}

static void check_faults(struct lab_checking *c, const struct lab_trouble *t)
{
	unsigned end = 0;

	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++) {
		const struct lab_fault *f = &t->fault[i];

		if (!f->id) {
			if (!lab_all_zero(f, sizeof(*f)))
				lab_breach(c, "slot %u of the faults is free and not empty", i);
			continue;
		}
		end = i + 1;
		check_fault(c, t, i);
		for (unsigned o = 0; o < i; o++)
			if (t->fault[o].id == f->id)
				lab_breach(c, "two faults have id %u", f->id);
	}
	if (t->last_id == UINT32_MAX)
		lab_breach(c, "faults were counted to the end");
	if (t->n_slots != end)
		lab_breach(c, "calls look at %u slots for faults, and %u are in use", t->n_slots,
			   end);
}

void lab_check_trouble(struct lab_checking *c, const struct lab_trouble *t)
{
	check_faults(c, t);
	if (!lab_text_ends(t->latency.name, sizeof(t->latency.name)))
		lab_breach(c, "the table of latencies has a name without an end");
	else if (!t->latency.name[0] && !lab_all_zero(t->latency.us, sizeof(t->latency.us)))
		lab_breach(c, "there are latencies of no table");
	if (!t->trace.id != !t->trace.pid || (!t->trace.id && t->trace.until_ns))
		lab_breach(c, "calls are told of to nobody, by a trace that there is");
}

int lab_trouble_check(const struct lab_trouble *t, struct mig_error *reterr)
{
	struct mig_error first = { 0 };
	struct lab_checking c = { .told = lab_keep_first, .arg = &first, .gpu = -1 };

	lab_check_trouble(&c, t);
	return c.breaches ? mig_fail(reterr, -EBADMSG, "%s", first.msg) : 0;
}
