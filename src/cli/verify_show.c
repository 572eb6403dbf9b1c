/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/goal.h"
#include "cli/verify.h"

/*
 * The report of "migctl verify". It is made to be attached to a bug that everybody can read: no
 * UUID, no serial number, no host name, and of a lab not even its name.
 */

/* A create was seen to take a fifth of a second, the end of an instance about one. */
#define CREATE_MS  200
#define DESTROY_MS 1000

/* Of those that a rule explains, as many are an example. */
#define EXAMPLES 3
#define SHOWN	 60

unsigned cli_verify_seconds(const struct cli_verify *v)
{
	return (v->creates * CREATE_MS + v->destroys * DESTROY_MS) / 1000 + 1;
}

static int heading(struct cli_out *out, const struct cli_verify *v)
{
	int r = cli_out_str(out, "migkit", "migkit:", MIGKIT_VERSION);

	if (r >= 0)
		r = cli_out_str(out, "source",
				"Machine:", v->snapshot->lab ? "a lab" : "NVIDIA's driver");
	if (r >= 0)
		r = cli_out_str(out, "driver", "Driver:", v->snapshot->driver);
	if (r >= 0)
		r = cli_out_u64(out, "gpu", NULL, v->gpu->index);
	if (r >= 0)
		r = cli_out_str(out, "name", "GPU:", v->gpu->name);
	if (r >= 0)
		r = cli_out_str(out, "board", "Board:", v->gpu->board.key);
	if (r >= 0)
		r = cli_out_str(out, "vbios", "VBIOS:", v->vbios[0] ? v->vbios : NULL);
	return r;
}

int cli_verify_show_plan(struct cli_out *out, const struct cli_verify *v)
{
	unsigned seconds = cli_verify_seconds(v);
	int r = heading(out, v);

	if (r >= 0)
		r = cli_out_bool(out, "dry_run", NULL, v->dry_run);
	if (r >= 0)
		r = cli_out_u64(out, "questions", NULL, v->questions);
	if (r >= 0)
		r = cli_out_u64(out, "creates", NULL, v->creates);
	if (r >= 0)
		r = cli_out_u64(out, "destroys", NULL, v->destroys);
	if (r >= 0)
		r = cli_out_u64(out, "seconds", NULL, seconds);
	cli_out_gap(out);
	cli_out_say(out, RENDER_PLAIN,
		    "Makes about %u instances on GPU %u, one after the other, destroys each again, "
		    "and asks about %zu questions meanwhile. On hardware that takes about %u "
		    "minute%s, in which nobody else can use the GPU. At the end it has no "
		    "instances, as now.",
		    v->creates, v->gpu->index, v->questions, (seconds + 59) / 60,
		    seconds > 60 ? "s" : "");
	return r;
}

/* --- rules ------------------------------------------------------------------------------------ */

struct rule_row {
	const char *rule, *result, *value, *assumed;
	uint32_t answers, agree;
	char text[160];
};

#define R(f) offsetof(struct rule_row, f)
static const struct cli_field rule_fields[] = {
	{ "rule", "RULE", F_PTR, R(rule) },	    { "result", NULL, F_PTR, R(result) },
	{ "value", NULL, F_PTR, R(value) },	    { "default", NULL, F_PTR, R(assumed) },
	{ "answers", NULL, F_U32, R(answers) },	    { "agree", NULL, F_U32, R(agree) },
	{ "", "RESULT", F_STR, R(text), CLI_WRAP }, { NULL },
};
#undef R

static void settled_text(const struct verify_switch *sw, const struct verify_ruling *u,
			 struct rule_row *row)
{
	row->result = "settled";
	row->value = sw->value[u->value];
	snprintf(row->text, sizeof(row->text), "settled: %s%s (%u answers)", row->value,
		 sw->of_chip ? " on this chip"
		 : u->value  ? ", which is not the default"
			     : ", the default",
		 u->asked);
}

/* How many are as with each: what is behind it may be found by that. */
static void neither_text(const struct verify_switch *sw, const struct verify_ruling *u,
			 struct rule_row *row)
{
	snprintf(row->text, sizeof(row->text), "no value fits: of %u answers", u->asked);
	for (unsigned v = 0; v < sw->n; v++)
		cli_text_add(row->text, sizeof(row->text), "%s %u are as with %s", v ? "," : "",
			     u->agree[v], sw->value[v]);
}

static void fill_rule(const struct verify_switch *sw, const struct verify_ruling *u,
		      struct rule_row *row)
{
	*row = (struct rule_row){ .rule = sw->name,
				  .assumed = sw->value[0],
				  .answers = u->asked,
				  .agree = u->agree[u->value] };
	switch (u->finding) {
	case VERIFY_NOT_TRIED:
		row->result = "not-tried";
		snprintf(row->text, sizeof(row->text), "not settled: %s",
			 sw->of_chip ? "this board has one kind only"
				     : "it needs a change of MIG mode, which verify leaves alone");
		break;
	case VERIFY_NO_MATTER:
		row->result = "no-matter";
		snprintf(row->text, sizeof(row->text), "does not matter on this board");
		break;
	case VERIFY_NOT_REACHED:
		row->result = "not-reached";
		snprintf(row->text, sizeof(row->text),
			 "not settled: this GPU never came to where the values differ");
		break;
	case VERIFY_NEITHER:
		row->result = "neither";
		row->value = sw->value[u->value];
		neither_text(sw, u, row);
		break;
	case VERIFY_SETTLED:
		settled_text(sw, u, row);
		break;
	}
}

static int show_rules(struct cli_out *out, const struct cli_verify *v,
		      const struct verify_verdict *verdict)
{
	struct rule_row row[VERIFY_MAX_SWITCHES];
	size_t n = 0;

	for (unsigned i = 0; verdict && i < v->n_switches; i++)
		fill_rule(&v->sw[i], &verdict->ruling[i], &row[n++]);
	return cli_out_list(out, "rules", NULL, NULL, rule_fields, row, n, sizeof(row[0]));
}

/* --- differences ------------------------------------------------------------------------------ */

struct difference_row {
	const char *what, *expected, *seen, *rule;
};

#define R(f) offsetof(struct difference_row, f)
static const struct cli_field difference_fields[] = {
	{ "step", "STEP", F_PTR, R(what), CLI_WRAP },
	{ "expected", "EXPECTED", F_PTR, R(expected), CLI_WRAP },
	{ "seen", "SEEN", F_PTR, R(seen), CLI_WRAP },
	{ "rule", "RULE", F_PTR, R(rule) },
	{ NULL },
};
#undef R

static int show_differences(struct cli_out *out, const struct cli_verify *v,
			    const struct verify_verdict *verdict, bool full)
{
	size_t all = verdict ? verdict->n_differences : 0, n = 0;
	_cleanup_free_ struct difference_row *row = calloc(all + 1, sizeof(*row));
	unsigned of_rule[VERIFY_MAX_SWITCHES] = { 0 };
	bool table = cli_out_is_table(out) && !full;
	int r;

	if (!row)
		return -ENOMEM;
	for (size_t i = 0; i < all; i++) {
		const struct verify_difference *d = &verdict->difference[i];

		if (table && (n == SHOWN || (d->rule >= 0 && of_rule[d->rule]++ >= EXAMPLES)))
			continue;
		row[n++] = (struct difference_row){ d->what, d->expected, d->seen,
						    d->rule < 0 ? NULL : v->sw[d->rule].name };
	}
	r = cli_out_list(out, "differences", NULL, NULL, difference_fields, row, n, sizeof(row[0]));
	if (n < all)
		cli_out_say(out, RENDER_PLAIN,
			    "%zu more are not shown: --report FILE or -o json has all.", all - n);
	return r;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void say_end(struct cli_out *out, const struct verify_verdict *verdict)
{
	size_t unexplained = 0;

	for (size_t i = 0; i < verdict->n_differences; i++)
		unexplained += verdict->difference[i].rule < 0;
	cli_out_gap(out);
	if (!verdict->n_differences)
		cli_out_say(out, RENDER_PLAIN, "All %zu answers are those of the simulated driver.",
			    verdict->compared);
	else
		cli_out_say(
			out, RENDER_PLAIN,
			"Of %zu answers %zu differ from the simulated driver's; a rule above "
			"explains %zu of them. %zu questions came to one of the two alone, as an "
			"answer before them led elsewhere.",
			verdict->compared, verdict->n_differences,
			verdict->n_differences - unexplained, verdict->not_reached);
	cli_out_say(out, RENDER_PLAIN,
		    "The GPU has no instances, as before. This report names no machine and no "
		    "single GPU; it is welcome at migkit's bug tracker.");
}

int cli_verify_show_result(struct cli_out *out, const struct cli_verify *v, const char *result,
			   const char *why, const struct verify_verdict *verdict, bool full)
{
	int r = cli_out_str(out, "result", NULL, result);

	if (r >= 0)
		r = cli_out_str(out, "why", NULL, why);
	if (r >= 0)
		r = cli_out_u64(out, "compared", NULL, verdict ? verdict->compared : 0);
	if (r >= 0)
		r = cli_out_u64(out, "not_reached", NULL, verdict ? verdict->not_reached : 0);
	if (r >= 0)
		r = show_rules(out, v, verdict);
	if (r >= 0)
		r = show_differences(out, v, verdict, full);
	if (r >= 0 && verdict)
		say_end(out, verdict);
	return r;
}
