/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_inject.h"
#include "cli/lab_open.h"
#include "cli/out.h"
#include "lab/lab.h"

struct args {
	const char *lab;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_inject_opts[] = {
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

static const char *const words[LAB_EVENT_KINDS] = {
	[LAB_EVENT_XID] = "xid",
	[LAB_EVENT_SINGLE_BIT_ECC] = "single-bit-ecc",
	[LAB_EVENT_DOUBLE_BIT_ECC] = "double-bit-ecc",
	[LAB_EVENT_MIG_CONFIG] = "mig-config",
};

static const char *const conditions[LAB_CONDITIONS] = {
	[LAB_CONDITION_LOST] = "lost",
	[LAB_CONDITION_NEEDS_RESET] = "needs-reset",
	[LAB_CONDITION_ROW_REMAP] = "row-remap",
	[LAB_CONDITION_ROW_REMAP_FAILURE] = "row-remap-failure",
};

#define MAX_WORDS 32
#define MAX_XID	  100000

/* What is to happen: an event, or a condition. */
struct happening {
	enum lab_condition condition; /* 0: the event */
	struct lab_event event;
};

static enum lab_condition condition_of(const char *word)
{
	for (enum lab_condition c = LAB_CONDITION_LOST; c < LAB_CONDITIONS; c++)
		if (!strcmp(conditions[c], word))
			return c;
	return 0;
}

static int parse(const char *word, struct happening *ret, struct mig_error *reterr)
{
	struct lab_event *e = &ret->event;
	unsigned long n;
	char *end;

	ret->condition = condition_of(word);
	if (ret->condition && e->gi >= 0)
		return mig_fail(reterr, -EINVAL,
				"%s happens to a whole GPU: name %u and no instance of it", word,
				e->gpu);
	if (ret->condition)
		return 0;
	if (!strcmp(word, words[LAB_EVENT_SINGLE_BIT_ECC]) ||
	    !strcmp(word, words[LAB_EVENT_DOUBLE_BIT_ECC])) {
		e->kind = word[0] == 's' ? LAB_EVENT_SINGLE_BIT_ECC : LAB_EVENT_DOUBLE_BIT_ECC;
		return 0;
	}
	if (strncmp(word, "xid=", 4) != 0)
		return mig_fail(reterr, -EINVAL,
				"'%.60s' is nothing that can happen to a GPU: write xid=NUMBER, "
				"single-bit-ecc, double-bit-ecc, lost, needs-reset, row-remap or "
				"row-remap-failure",
				word);
	errno = 0;
	n = strtoul(word + 4, &end, 10);
	if (errno || word[4] < '0' || word[4] > '9' || *end || n < 1 || n > MAX_XID)
		return mig_fail(reterr, -EINVAL,
				"an Xid is a number from 1 to %d, such as xid=43, not '%.60s'",
				MAX_XID, word + 4);
	e->kind = LAB_EVENT_XID;
	e->data = n;
	return 0;
}

static int happen(struct lab *lab, const struct happening *what, struct mig_error *reterr)
{
	if (what->condition)
		return lab_befall(lab, what->event.gpu, what->condition, reterr);
	return lab_inject(lab, &what->event, reterr);
}

const char *lab_inject_word(unsigned i)
{
	const unsigned events = 3;

	if (i == 0)
		return "xid=";
	if (i < events)
		return i == 1 ? words[LAB_EVENT_SINGLE_BIT_ECC] : words[LAB_EVENT_DOUBLE_BIT_ECC];
	i += LAB_CONDITION_LOST - events;
	return i < LAB_CONDITIONS ? conditions[i] : NULL;
}

int cmd_lab_inject(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct happening what[MAX_WORDS] = { 0 };
	struct args a = { 0 };
	int where[3] = { -1, -1, -1 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_parse_instance(argv[0], where, reterr);
	if (r >= 0 && (where[1] > INT8_MAX || where[2] > INT8_MAX))
		r = mig_fail(reterr, -ENOENT, "there is no instance %s", argv[0]);
	if (r >= 0 && argc - 1 > MAX_WORDS)
		r = mig_fail(reterr, -EINVAL, "at most %d events at once", MAX_WORDS);
	for (int i = 1; i < argc && r >= 0; i++) {
		what[i - 1].event = (struct lab_event){ .gpu = (uint8_t)where[0],
							.gi = (int8_t)where[1],
							.ci = (int8_t)where[2] };
		r = parse(argv[i], &what[i - 1], reterr);
	}
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	for (int i = 1; i < argc && r >= 0; i++)
		r = happen(lab, &what[i - 1], reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

/* --- in "lab status" ------------------------------------------------------------------------ */

struct condition_row {
	uint32_t gpu, count;
	const char *what, *until;
};

#define R(f) offsetof(struct condition_row, f)
static const struct cli_field condition_fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "condition", "CONDITION", F_PTR, R(what) },
	{ "count", "COUNT", F_U32, R(count) },
	{ "until", "UNTIL", F_PTR, R(until) },
	{ NULL },
};
#undef R

/* What "lab inject" and "lab set" put GPUs into, and what ends it: lab_driver_forgets() and others.
 */
int lab_condition_list(const struct lab_state *st, struct cli_out *out)
{
	struct condition_row rows[LAB_MAX_GPUS * 6];
	size_t n = 0;

	for (unsigned i = 0; i < st->n_gpus; i++) {
		const struct lab_gpu *gpu = &st->gpu[i];
		const struct {
			int32_t count;
			const char *what, *until;
		} found[] = {
			{ gpu->lost, conditions[LAB_CONDITION_LOST], "reboot" },
			{ gpu->needs_reset, conditions[LAB_CONDITION_NEEDS_RESET], "reset" },
			{ gpu->set.remap_pending, conditions[LAB_CONDITION_ROW_REMAP], "reset" },
			{ gpu->set.remap_failure, conditions[LAB_CONDITION_ROW_REMAP_FAILURE],
			  NULL },
			{ gpu->set.ecc_volatile, words[LAB_EVENT_DOUBLE_BIT_ECC], "reset" },
			{ gpu->set.ecc_volatile_corrected, words[LAB_EVENT_SINGLE_BIT_ECC],
			  "reset" },
		};

		for (size_t f = 0; f < ARRAY_SIZE(found); f++)
			if (found[f].count > 0)
				rows[n++] = (struct condition_row){
					.gpu = i,
					.count = (uint32_t)found[f].count,
					.what = found[f].what,
					.until = found[f].until,
				};
	}
	return cli_out_list(out, "conditions", "Conditions", NULL, condition_fields, rows, n,
			    sizeof(rows[0]));
}

struct row {
	uint64_t number;
	const char *what;
	int32_t data, gpu, gi, ci;
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "number", "NUMBER", F_U64, R(number) },
	{ "event", "EVENT", F_PTR, R(what) },
	{ "xid", "XID", F_INT, R(data) },
	{ "gpu", "GPU", F_INT, R(gpu) },
	{ "gi", "GI", F_INT, R(gi) },
	{ "ci", "CI", F_INT, R(ci) },
	{ NULL },
};
#undef R

/* Changes of the layout are left out: the tables above show what they led to. */
int lab_event_list(const struct lab_state *st, struct cli_out *out)
{
	struct row rows[LAB_MAX_EVENTS];
	size_t n = 0;

	for (unsigned i = 1; i <= LAB_MAX_EVENTS; i++) {
		const struct lab_event *e = &st->event[(st->n_events + i) % LAB_MAX_EVENTS];

		if (!e->number || e->kind == LAB_EVENT_MIG_CONFIG || e->kind >= LAB_EVENT_KINDS)
			continue;
		rows[n++] = (struct row){
			.number = e->number,
			.what = words[e->kind],
			.data = e->kind == LAB_EVENT_XID ? (int32_t)e->data : CLI_NONE,
			.gpu = e->gpu,
			.gi = e->gi < 0 ? CLI_NONE : e->gi,
			.ci = e->ci < 0 ? CLI_NONE : e->ci,
		};
	}
	return cli_out_list(out, "events", "Events", NULL, fields, rows, n, sizeof(rows[0]));
}
