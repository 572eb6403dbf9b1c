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

#define MAX_WORDS 32
#define MAX_XID	  100000

static int parse(const char *word, struct lab_event *e, struct mig_error *reterr)
{
	unsigned long n;
	char *end;

	if (!strcmp(word, words[LAB_EVENT_SINGLE_BIT_ECC]) ||
	    !strcmp(word, words[LAB_EVENT_DOUBLE_BIT_ECC])) {
		e->kind = word[0] == 's' ? LAB_EVENT_SINGLE_BIT_ECC : LAB_EVENT_DOUBLE_BIT_ECC;
		return 0;
	}
	if (strncmp(word, "xid=", 4) != 0)
		return mig_fail(reterr, -EINVAL,
				"'%.60s' is nothing that can happen to a GPU: write xid=NUMBER, "
				"single-bit-ecc or double-bit-ecc",
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

int cmd_lab_inject(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct lab_event events[MAX_WORDS] = { 0 };
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
		events[i - 1].gpu = (uint8_t)where[0];
		events[i - 1].gi = (int8_t)where[1];
		events[i - 1].ci = (int8_t)where[2];
		r = parse(argv[i], &events[i - 1], reterr);
	}
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	for (int i = 1; i < argc && r >= 0; i++)
		r = lab_inject(lab, &events[i - 1], reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

/* --- in "lab status" ------------------------------------------------------------------------ */

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
