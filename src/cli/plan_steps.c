/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/plan.h"

/*
 * A change as steps, and as lines for nvidia-smi. Everything that goes goes first: a place is free
 * only when its instance is gone, and an instance only when its compute instances are.
 */

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
		[PLAN_ENABLE_MIG] = "enable-mig", [PLAN_RESET_GPU] = "reset-gpu",
		[PLAN_DESTROY_CI] = "destroy-ci", [PLAN_DESTROY_GI] = "destroy-gi",
		[PLAN_CREATE_GI] = "create-gi",
	};

	return names[action];
}

struct steps {
	const struct cli_subject *s;
	struct plan_step *step;
	unsigned n;
};

static void push(struct steps *t, enum plan_action action, int slot)
{
	if (t->n < PLAN_MAX_STEPS)
		t->step[t->n++] = (struct plan_step){ action, slot };
}

static void push_all(struct steps *t, enum plan_action action, mig_slots slots)
{
	for (unsigned i = 0; i < mig_plan_n_slots(t->s->table); i++)
		if (slots >> i & 1)
			push(t, action, (int)i);
}

static mig_slots with_ci(const struct cli_subject *s, mig_slots slots)
{
	mig_slots ret = 0;

	for (unsigned i = 0; i < mig_plan_n_slots(s->table); i++)
		if ((slots >> i & 1) && s->state.n_ci[i])
			ret |= (mig_slots)1 << i;
	return ret;
}

/* In the order that works without starts, where there is one; else by start. */
static void push_creates(struct steps *t, mig_slots create, const struct mig_plan_order *order)
{
	for (unsigned i = 0; order && i < order->n; i++) {
		int slot = mig_plan_slot_at(t->s->table, order->profile[i], order->start[i]);

		if (slot >= 0 && (create >> slot & 1)) {
			push(t, PLAN_CREATE_GI, slot);
			create &= ~((mig_slots)1 << slot);
		}
	}
	push_all(t, PLAN_CREATE_GI, create);
}

unsigned plan_steps(const struct cli_subject *s, const struct mig_plan_change *change,
		    const struct mig_plan_order *order, struct plan_step ret[PLAN_MAX_STEPS])
{
	struct steps t = { .s = s, .step = ret };

	if (cli_subject_mode_off(s))
		push(&t, s->gpu->pending == MIG_MODE_ON ? PLAN_RESET_GPU : PLAN_ENABLE_MIG, -1);
	push_all(&t, PLAN_DESTROY_CI, with_ci(s, change->destroy));
	push_all(&t, PLAN_DESTROY_GI, change->destroy);
	push_creates(&t, change->create, order);
	return t.n;
}

const char *plan_step_text(const struct cli_subject *s, const struct plan_step *step, char *buf,
			   size_t size)
{
	const struct mig_slot *slot;
	char what[96];
	unsigned n;

	if (step->slot < 0) {
		const char *text = "reset the GPU: MIG mode waits for it";

		/* Ampere changes the mode at a reset, which the call does on an idle GPU. */
		if (step->action == PLAN_ENABLE_MIG)
			text = s->board->mode_needs_reset
				       ? "turn MIG mode on, which resets the idle GPU"
				       : "turn MIG mode on";
		snprintf(buf, size, "%s", text);
		return buf;
	}
	slot = mig_plan_slot(s->table, (unsigned)step->slot);
	if (step->action == PLAN_CREATE_GI) {
		snprintf(buf, size, "create %s at %u, with its compute instance",
			 s->board->gi[slot->profile].name, slot->start);
		return buf;
	}
	cli_instances_text(s, (mig_slots)1 << step->slot, what, sizeof(what));
	n = s->state.n_ci[step->slot];
	if (step->action == PLAN_DESTROY_GI)
		snprintf(buf, size, "destroy %s", what);
	else if (n > 1)
		snprintf(buf, size, "destroy the %u compute instances of %s", n, what);
	else
		snprintf(buf, size, "destroy the compute instance of %s", what);
	return buf;
}

/* nvidia-smi of R450 takes no starts (its own help has none); later ones do. */
static bool takes_starts(const struct cli_subject *s)
{
	return strtoul(s->driver, NULL, 10) > 450;
}

/* "9:4,14:0": what -cgi takes, or the ids of GPU instances. */
static void add_object(const struct cli_subject *s, const struct plan_step *step, bool first,
		       char line[CLI_PLAN_TEXT])
{
	const struct mig_slot *slot = mig_plan_slot(s->table, (unsigned)step->slot);
	const struct mig_gi *gi = cli_subject_gi(s, (unsigned)step->slot);

	if (!first)
		cli_text_add(line, CLI_PLAN_TEXT, ",");
	if (step->action != PLAN_CREATE_GI)
		cli_text_add(line, CLI_PLAN_TEXT, "%u", gi ? gi->id : 0u);
	else if (takes_starts(s))
		cli_text_add(line, CLI_PLAN_TEXT, "%u:%u", s->board->gi[slot->profile].id,
			     slot->start);
	else
		cli_text_add(line, CLI_PLAN_TEXT, "%u", s->board->gi[slot->profile].id);
}

static void begin_line(const struct cli_subject *s, enum plan_action action, char *line)
{
	char id[16] = "";

	if (s->gpu)
		snprintf(id, sizeof(id), " -i %u", s->gpu->index);
	snprintf(line, CLI_PLAN_TEXT, "sudo nvidia-smi%s%s",
		 action == PLAN_ENABLE_MIG || action == PLAN_RESET_GPU ? "" : " mig", id);
	if (action == PLAN_ENABLE_MIG)
		cli_text_add(line, CLI_PLAN_TEXT, " -mig 1");
	else if (action == PLAN_RESET_GPU)
		cli_text_add(line, CLI_PLAN_TEXT, " --gpu-reset");
	else
		cli_text_add(line, CLI_PLAN_TEXT, action == PLAN_CREATE_GI ? " -cgi " : " -gi ");
}

static void end_line(enum plan_action action, char *line)
{
	static const char *const tail[] = { [PLAN_ENABLE_MIG] = "",
					    [PLAN_RESET_GPU] = "",
					    [PLAN_DESTROY_CI] = " -dci",
					    [PLAN_DESTROY_GI] = " -dgi",
					    [PLAN_CREATE_GI] = " -C" };

	cli_text_add(line, CLI_PLAN_TEXT, "%s", tail[action]);
}

unsigned plan_lines(const struct cli_subject *s, const struct plan_step *steps, unsigned n,
		    bool ordered, char ret[PLAN_LINES][CLI_PLAN_TEXT])
{
	unsigned lines = 0;

	for (unsigned i = 0; i < n && lines < PLAN_LINES;) {
		enum plan_action action = steps[i].action;
		unsigned first = i;

		/* Pasting something that ends elsewhere would be worse than nothing to paste. */
		if (action == PLAN_CREATE_GI && !takes_starts(s) && !ordered) {
			snprintf(
				ret[lines++], CLI_PLAN_TEXT,
				"# nvidia-smi of this driver takes no starts, and no order ends there");
			break;
		}
		begin_line(s, action, ret[lines]);
		for (; i < n && steps[i].action == action; i++)
			if (steps[i].slot >= 0)
				add_object(s, &steps[i], i == first, ret[lines]);
		end_line(action, ret[lines++]);
	}
	return lines;
}

const char *plan_order_text(const struct cli_subject *s, const struct mig_plan_order *order,
			    char *buf, size_t size)
{
	buf[0] = 0;
	for (unsigned i = 0; i < order->n; i++)
		cli_text_add(buf, size, "%s%u", i ? "," : "", s->board->gi[order->profile[i]].id);
	return buf;
}
