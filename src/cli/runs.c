/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "observe/observe.h"

/* "migctl runs": who has which device through "migctl run", and who waits, in order of arrival. */

struct args {
	struct cli_source_args source;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt runs_opts[] = {
	OPT_ENUM("output", 'o', A(source.format), "FORMAT", cli_formats, "how to print"),
	OPT_FLAG("no-color", 0, A(source.no_color), "no colour, also on a terminal"),
	OPT_END,
};
#undef A

struct run_row {
	uint64_t run;
	const char *state, *user, *profile, *uuid, *since, *command;
	char device[24];
	uint32_t pid;
	int32_t runner, gpu, gi, ci;
	bool create;
};

#define R(f) offsetof(struct run_row, f)
static const struct cli_field run_fields[] = {
	{ "run", "RUN", F_U64, R(run) },
	{ "state", "STATE", F_PTR, R(state) },
	{ "user", "USER", F_PTR, R(user) },
	{ "pid", "PID", F_U32, R(pid) },
	{ "migctl_pid", NULL, F_INT, R(runner) },
	{ "", "DEVICE", F_STR, R(device) },
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "uuid", NULL, F_PTR, R(uuid) },
	{ "profile", "PROFILE", F_PTR, R(profile) },
	{ "create", NULL, F_BOOL, R(create) },
	{ "since", "SINCE", F_PTR, R(since) },
	{ "command", "COMMAND", F_PTR, R(command), CLI_WRAP },
	{ NULL },
};
#undef R

/* Where the device lies, if it is still there. */
static void find_device(const struct mig_snapshot *s, const char *uuid, struct run_row *row)
{
	for (uint32_t g = 0; uuid[0] && g < s->n_gpu; g++)
		for (uint32_t i = 0; i < s->gpu[g].n_gi; i++)
			for (unsigned c = 0; c < s->gpu[g].gi[i].n_ci; c++) {
				const struct mig_gi *gi = &s->gpu[g].gi[i];

				if (strcmp(gi->ci[c].uuid, uuid) != 0)
					continue;
				row->gpu = (int32_t)s->gpu[g].index;
				row->gi = gi->id;
				row->ci = gi->ci[c].id;
				snprintf(row->device, sizeof(row->device), "%d/%d/%d", row->gpu,
					 row->gi, row->ci);
			}
}

static void fill(const struct mig_snapshot *s, const struct engine_claim *c, struct run_row *row)
{
	bool lives = kill((pid_t)c->runner, 0) >= 0 || errno != ESRCH;

	*row = (struct run_row){ .run = c->number,
				 .state = c->waiting ? "waiting" : "running",
				 .user = c->user,
				 .pid = c->pid,
				 .runner = lives ? (int32_t)c->runner : CLI_NONE,
				 .gpu = CLI_NONE,
				 .gi = CLI_NONE,
				 .ci = CLI_NONE,
				 .uuid = c->device[0] ? c->device : NULL,
				 .profile = c->profile[0] ? c->profile : NULL,
				 .create = c->create,
				 .since = c->since,
				 .command = c->command };
	find_device(s, c->device, row);
}

static int show(struct cli_out *out, const struct mig_snapshot *s,
		const struct engine_claim_list *list)
{
	_cleanup_free_ struct run_row *rows = calloc(list->n + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (int waiting = 0; waiting < 2; waiting++)
		for (size_t i = 0; i < list->n; i++)
			if (list->claim[i].waiting == (bool)waiting)
				fill(s, &list->claim[i], &rows[n++]);
	return cli_out_list(out, "runs", NULL, "Nothing runs through migctl, and nobody waits.",
			    run_fields, rows, n, sizeof(*rows));
}

static int list_claims(const struct act *act, struct engine_claim_list *ret,
		       struct mig_error *reterr)
{
	_cleanup_(engine_claims_close) struct engine_claims claims = { .door = -1 };
	int r = engine_claims_open(&claims, act->dir, false, reterr);

	*ret = (struct engine_claim_list){ 0 };
	/* Nobody has run anything yet. */
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : engine_claims_list(&claims, ret, reterr);
}

int cmd_runs(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(engine_claim_list_free) struct engine_claim_list list = { 0 };
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(act_close) struct act act = { 0 };
	struct args a = { 0 };
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r >= 0)
		r = act_open(&act, reterr);
	a.source.nvml = &act.nvml;
	if (r >= 0)
		r = cli_source_open(&a.source, OBSERVE_BASE, &source, reterr);
	if (r >= 0)
		r = list_claims(&act, &list, reterr);
	if (r >= 0)
		r = cli_source_heading(&source, out);
	if (r >= 0)
		r = show(out, source.snapshot, &list);
	if (r < 0)
		return r == -ENOMEM ? mig_fail(reterr, r, "out of memory") : r;
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
