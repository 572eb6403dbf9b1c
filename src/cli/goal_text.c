/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/goal.h"
#include "observe/observe.h"

/* What the planner says, in words. */

void cli_text_add(char *buf, size_t size, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

/* What stands between the i-th of n and the one before: "a, b and c". */
static const char *between(unsigned i, unsigned n)
{
	if (!i)
		return "";
	return i + 1 == n ? " and " : ", ";
}

const char *cli_slots_text(const struct mig_board *board, const struct mig_plan_table *table,
			   mig_slots slots, char *buf, size_t size)
{
	buf[0] = 0;
	/* A table numbers its slots by start. */
	for (unsigned i = 0; i < mig_plan_n_slots(table); i++) {
		const struct mig_slot *slot = mig_plan_slot(table, i);

		if (slots >> i & 1)
			cli_text_add(buf, size, "%s%s@%u", *buf ? " " : "",
				     board->gi[slot->profile].name, slot->start);
	}
	return buf;
}

const char *cli_counts_text(const struct mig_board *board, const struct mig_counts *counts,
			    char *buf, size_t size)
{
	buf[0] = 0;
	/* Largest first, as one would ask for them. */
	for (uint32_t i = board->n_gi; i-- > 0;) {
		if (counts->n[i] > 1)
			cli_text_add(buf, size, "%s%ux%s", *buf ? " " : "", counts->n[i],
				     board->gi[i].name);
		else if (counts->n[i])
			cli_text_add(buf, size, "%s%s", *buf ? " " : "", board->gi[i].name);
	}
	return buf;
}

const char *cli_instances_text(const struct cli_subject *s, mig_slots slots, char *buf, size_t size)
{
	unsigned n = (unsigned)__builtin_popcountll(slots), done = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < mig_plan_n_slots(s->table); i++) {
		const struct mig_slot *slot = mig_plan_slot(s->table, i);
		const char *name = s->board->gi[slot->profile].name;
		const struct mig_gi *gi;

		if (!(slots >> i & 1))
			continue;
		gi = cli_subject_gi(s, i);
		if (gi)
			cli_text_add(buf, size, "%sGI %u (%s)", between(done, n), gi->id, name);
		else
			cli_text_add(buf, size, "%s%s@%u", between(done, n), name, slot->start);
		done++;
	}
	return buf;
}

const char *cli_units_text(uint64_t units, char *buf, size_t size)
{
	unsigned n = (unsigned)__builtin_popcountll(units), done = 0;

	snprintf(buf, size, "%s", n ? "" : "none");
	for (unsigned i = 0; i < 64; i++)
		if (units >> i & 1)
			cli_text_add(buf, size, "%s%u", between(done++, n), i);
	return buf;
}

const char *cli_starts_text(uint64_t starts, char *buf, size_t size)
{
	buf[0] = 0;
	for (unsigned i = 0; i < 64; i++)
		if (starts >> i & 1)
			cli_text_add(buf, size, "%s%u", *buf ? "," : "", i);
	return buf;
}

const char *cli_units_name(const struct mig_board *board)
{
	return board->units == board->memory_slices ? "memory slices" : "placement units";
}

/* Where each profile of a board may start is in 'migctl profiles'; here only what was asked. */
static void media_reason(const struct mig_gi_profile *a, const struct mig_gi_profile *b, char *buf,
			 size_t size)
{
	const struct mig_gi_profile *all = a->media == MIG_MEDIA_ME_ALL ? a : b;

	if (a->media == MIG_MEDIA_ME_ALL || b->media == MIG_MEDIA_ME_ALL)
		cli_text_add(buf, size,
			     "%s has all media engines: only -me instances can stand beside it",
			     all->name);
	else if (a == b)
		cli_text_add(buf, size,
			     "%s can be had once: it has the board's only JPEG and OFA engines",
			     a->name);
	else if (a->media == MIG_MEDIA_ME && b->media == MIG_MEDIA_ME)
		cli_text_add(
			buf, size,
			"%s and %s both need the board's only JPEG and OFA engines: one of them can "
			"be had, as far as is known",
			a->name, b->name);
	else
		cli_text_add(buf, size,
			     "drivers before R510 refuse %s beside %s, wherever they stand",
			     a->name, b->name);
}

/* Two slots that were asked for by start. */
static void starts_reason(const struct mig_board *board, const struct mig_plan_table *table,
			  const struct mig_plan_reason *why, char *buf, size_t size)
{
	const struct mig_slot *a = mig_plan_slot(table, why->a), *b = mig_plan_slot(table, why->b);
	const char *name_a = board->gi[a->profile].name, *name_b = board->gi[b->profile].name;

	if (a->start < b->start + b->size && b->start < a->start + a->size)
		cli_text_add(buf, size, "%s@%u takes %s %u to %u, and %s@%u takes %u to %u", name_a,
			     a->start, cli_units_name(board), a->start, a->start + a->size - 1u,
			     name_b, b->start, b->start, b->start + b->size - 1u);
	else
		media_reason(&board->gi[a->profile], &board->gi[b->profile], buf, size);
}

/* "2g.20gb at 2 as asked", "1g.10gb at 0 as asked, others at 0,1,2", "4g.40gb at 0" */
static void starts_of(const struct mig_board *board, const struct mig_plan_table *table,
		      const struct mig_plan_goal *goal, unsigned profile, char *buf, size_t size)
{
	uint64_t starts = 0, asked = 0;
	char text[64];

	for (unsigned i = 0; i < mig_plan_n_slots(table); i++) {
		const struct mig_slot *slot = mig_plan_slot(table, i);

		if (slot->profile != profile)
			continue;
		starts |= UINT64_C(1) << slot->start;
		if (goal->at >> i & 1)
			asked |= UINT64_C(1) << slot->start;
	}
	cli_text_add(buf, size, "%s", board->gi[profile].name);
	if (asked)
		cli_text_add(buf, size, " at %s as asked",
			     cli_starts_text(asked, text, sizeof(text)));
	if ((unsigned)__builtin_popcountll(asked) < goal->counts.n[profile])
		cli_text_add(buf, size, "%s at %s", asked ? ", others" : "",
			     cli_starts_text(starts, text, sizeof(text)));
}

/* Every sum is right: what is left is where each may start, and that can be tried by hand. */
static void arrangement_reason(const struct mig_board *board, const struct mig_plan_table *table,
			       const struct mig_plan_goal *goal, char *buf, size_t size)
{
	struct mig_plan_goal anywhere = { .counts = goal->counts };
	struct mig_plan_reason why;
	const char *sep = "";

	mig_plan_why_not(table, &anywhere, &why);
	cli_text_add(buf, size, "%s",
		     why.no == MIG_PLAN_NO_NONE
			     ? "there is room in sum, but not with the starts that are asked for: "
			     : "there is room in sum, but not at the starts that they have: ");
	for (unsigned i = 0; i < board->n_gi; i++) {
		if (!goal->counts.n[i])
			continue;
		cli_text_add(buf, size, "%s", sep);
		starts_of(board, table, goal, i, buf, size);
		sep = "; ";
	}
}

const char *cli_reason_text(const struct mig_board *board, const struct mig_plan_table *table,
			    const struct mig_plan_goal *goal, const struct mig_plan_reason *why,
			    char *buf, size_t size)
{
	buf[0] = 0;
	switch (why->no) {
	case MIG_PLAN_NO_TOTAL:
		cli_text_add(buf, size, "%s holds %u of %s at most, not %u",
			     cli_board_short_name(board), why->have, board->gi[why->a].name,
			     why->wanted);
		break;
	case MIG_PLAN_NO_UNITS:
		cli_text_add(buf, size, "together they need %u %s, and %s has %u", why->wanted,
			     cli_units_name(board), cli_board_short_name(board), why->have);
		break;
	case MIG_PLAN_NO_SLICES:
		cli_text_add(buf, size, "together they need %u compute slices, and %s has %u",
			     why->wanted, cli_board_short_name(board), why->have);
		break;
	case MIG_PLAN_NO_MEDIA:
		media_reason(&board->gi[why->a], &board->gi[why->b], buf, size);
		break;
	case MIG_PLAN_NO_STARTS:
		starts_reason(board, table, why, buf, size);
		break;
	case MIG_PLAN_NO_ARRANGEMENT:
		arrangement_reason(board, table, goal, buf, size);
		break;
	default:
		break;
	}
	return buf;
}

static int board_heading(const struct cli_subject *s, struct cli_out *out)
{
	char text[128];
	int r;

	snprintf(text, sizeof(text), "%s (%s)", cli_board_short_name(s->board), s->board->key);
	r = cli_out_str(out, "source", NULL, "board");
	if (r >= 0 && cli_out_is_table(out))
		return cli_out_str(out, "board", "Board:", text) < 0
			       ? -ENOMEM
			       : cli_out_str(out, "driver", "Driver:", s->driver);
	if (r >= 0)
		r = cli_out_str(out, "driver", "Driver:", s->driver);
	if (r >= 0)
		r = cli_out_str(out, "recorded", NULL, NULL);
	if (r >= 0)
		r = cli_out_str(out, "gpu", NULL, NULL);
	if (r >= 0)
		r = cli_out_str(out, "name", NULL, s->board->name);
	return r < 0 ? r : cli_out_str(out, "board", NULL, s->board->key);
}

int cli_subject_heading(const struct cli_subject *s, struct cli_out *out)
{
	char text[128];
	int r;

	if (!s->gpu)
		return board_heading(s, out);
	r = cli_source_heading(&s->source, out);
	snprintf(text, sizeof(text), "%u  %s", s->gpu->index, s->gpu->name);
	if (r >= 0 && cli_out_is_table(out))
		return cli_out_str(out, "gpu", "GPU:", text);
	if (r >= 0)
		r = cli_out_u64(out, "gpu", NULL, s->gpu->index);
	if (r >= 0)
		r = cli_out_str(out, "name", NULL, s->gpu->name[0] ? s->gpu->name : NULL);
	return r < 0 ? r : cli_out_str(out, "board", NULL, s->board->key[0] ? s->board->key : NULL);
}

/* The first remark stands apart from the heading. */
static __attribute__((format(printf, 3, 4))) void remark(struct cli_out *out, bool *said,
							 const char *fmt, ...)
{
	char text[2 * CLI_PLAN_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!*said)
		cli_out_gap(out);
	*said = true;
	cli_out_say(out, RENDER_PLAIN, "%s", text);
}

/* Profiles whose starts no output of hardware confirms. A driver's own list needs no other source.
 */
static mig_profiles unconfirmed(const struct cli_subject *s)
{
	mig_profiles ret = 0;

	for (unsigned i = 0; i < s->board->n_gi; i++)
		if (s->board->gi[i].unconfirmed &
		    (MIG_UNCONFIRMED_PLACEMENT | MIG_UNCONFIRMED_TOTAL))
			ret |= (mig_profiles)1 << i;
	return s->gpu && s->gpu->board_origin == MIG_BOARD_FROM_NVML ? 0 : ret;
}

bool cli_subject_unconfirmed(const struct cli_subject *s)
{
	return unconfirmed(s) != 0;
}

static void say_doubts(const struct cli_subject *s, struct cli_out *out, bool *said)
{
	mig_profiles doubt = unconfirmed(s);
	char text[CLI_PLAN_TEXT] = "";

	if (s->gpu && s->gpu->board_origin == MIG_BOARD_FROM_DATA)
		remark(out, said,
		       "The driver does not tell this GPU's places: they are those of the board "
		       "file %s.",
		       s->board->key);
	if (s->gpu && !s->driver[0])
		remark(out, said,
		       "The driver's version could not be read: where rules depend on it (a 4g "
		       "beside a 3g), those of the oldest are taken.");
	if (!doubt)
		return;
	if (doubt == mig_profiles_all(s->board)) {
		remark(out, said,
		       "No output of hardware confirms where the profiles of this board start.");
		return;
	}
	for (unsigned i = 0; i < s->board->n_gi; i++)
		if (doubt >> i & 1)
			cli_text_add(text, sizeof(text), "%s%s", *text ? ", " : "",
				     s->board->gi[i].name);
	remark(out, said, "No output of hardware confirms where these start: %s.", text);
}

void cli_subject_doubts(const struct cli_subject *s, struct cli_out *out)
{
	bool said = false;

	say_doubts(s, out, &said);
}

/*
 * Processes on the GPU as a whole: with one of them alive the driver refuses the first GPU instance
 * ("In use by another client", as NVIDIA's open kernel modules check it).
 */
static unsigned on_whole_gpu(const struct cli_subject *s)
{
	const struct mig_snapshot *m = s->source.snapshot;
	unsigned n = 0;

	for (uint32_t i = 0; i < m->n_process; i++)
		n += m->process[i].gpu == s->gpu->index && m->process[i].gi < 0 &&
		     (m->process[i].kind &
		      (MIG_PROCESS_COMPUTE | MIG_PROCESS_GRAPHICS | MIG_PROCESS_MPS)) != 0;
	return n;
}

static void say_mode(const struct cli_subject *s, struct cli_out *out, bool *said)
{
	unsigned n = s->state.now ? 0 : on_whole_gpu(s);

	if (cli_subject_mode_off(s))
		remark(out, said, "%s",
		       s->gpu->pending == MIG_MODE_ON
			       ? "MIG mode is off and waits for a reset of the GPU to be on."
			       : "MIG mode is off: it has to be turned on first.");
	else if (s->gpu->pending != MIG_MODE_ON)
		remark(out, said,
		       "MIG mode waits for a reset of the GPU to be off: that ends every "
		       "instance.");
	if (n)
		remark(out, said,
		       "%u process%s run%s on the whole GPU: no GPU instance can be created before %s "
		       "('migctl who').",
		       n, n == 1 ? "" : "es", n == 1 ? "s" : "", n == 1 ? "it ends" : "they end");
}

void cli_subject_remarks(const struct cli_subject *s, struct cli_out *out)
{
	char text[CLI_PLAN_TEXT];
	bool said = false;

	say_doubts(s, out, &said);
	if (!s->gpu)
		return;
	say_mode(s, out, &said);
	if (s->gpu->process_status)
		remark(out, &said,
		       "Which processes run on the GPU is not known (%s): nothing is taken as in "
		       "use.",
		       observe_status_name(s->gpu->process_status));
	if (s->busy)
		remark(out, &said, "In use, and therefore kept: %s.",
		       cli_instances_text(s, s->busy, text, sizeof(text)));
}

void cli_must_go_text(const struct cli_subject *s, mig_slots slots, char *buf, size_t size)
{
	char who[CLI_PLAN_TEXT];
	const char *why = "in use, or told to stay";

	if (!(slots & ~s->busy))
		why = "in use";
	else if (!(slots & s->busy))
		why = "told to stay";
	snprintf(buf, size, "%s would have to go, and must not (%s)",
		 cli_instances_text(s, slots, who, sizeof(who)), why);
}
