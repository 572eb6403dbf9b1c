/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"

/* "migctl history": what was changed here through migctl, by whom and when; "migctl recover". */

struct args {
	struct cli_source_args source;
	uint64_t last;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt history_opts[] = {
	OPT_U64("last", 'l', A(last), "N", "the last N only"),
	OPT_ENUM("output", 'o', A(source.format), "FORMAT", cli_formats, "how to print"),
	OPT_FLAG("no-color", 0, A(source.no_color), "no colour, also on a terminal"),
	OPT_END,
};
#undef A

struct history_row {
	uint64_t op;
	const char *time, *user, *command, *result, *why, *gpu_uuid;
	uint32_t pid, gpu;
	char from[300], to[300], change[640];
};

#define R(f) offsetof(struct history_row, f)
static const struct cli_field history_fields[] = {
	{ "op", "OP", F_U64, R(op) },
	{ "time", "TIME", F_PTR, R(time) },
	{ "user", "USER", F_PTR, R(user) },
	{ "pid", NULL, F_U32, R(pid) },
	{ "command", "COMMAND", F_PTR, R(command), CLI_WRAP },
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "gpu_uuid", NULL, F_PTR, R(gpu_uuid) },
	{ "from", NULL, F_STR, R(from) },
	{ "to", NULL, F_STR, R(to) },
	{ "", "FROM -> TO", F_STR, R(change), CLI_WRAP },
	{ "result", "RESULT", F_PTR, R(result) },
	{ "why", NULL, F_PTR, R(why) },
	{ NULL },
};
#undef R

static void fill(const struct engine_entry *e, const struct engine_gpu *gpu,
		 struct history_row *row)
{
	*row = (struct history_row){ .op = e->op->id,
				     .time = e->op->time,
				     .user = e->op->user,
				     .pid = e->op->pid,
				     .command = e->op->command,
				     .gpu = gpu->index,
				     .gpu_uuid = gpu->uuid,
				     .result = e->ended ? e->result : "cut off",
				     .why = e->why[0] ? e->why : NULL };
	if (gpu->mode != ENGINE_MODE_KEEP) {
		snprintf(row->to, sizeof(row->to), "MIG mode %s",
			 gpu->mode == ENGINE_MODE_ON ? "on" : "off");
	} else if (gpu->reset) {
		snprintf(row->to, sizeof(row->to), "reset");
	} else {
		engine_layout_text(&gpu->from, row->from, sizeof(row->from));
		engine_layout_text(&gpu->to, row->to, sizeof(row->to));
	}
	snprintf(row->change, sizeof(row->change), "%s%s%s", row->from, row->from[0] ? " -> " : "",
		 row->to);
}

static int show(struct cli_out *out, const struct engine_history *h, uint64_t last)
{
	size_t first = last && h->n > last ? h->n - last : 0, n = 0;
	_cleanup_free_ struct history_row *rows =
		calloc((h->n - first) * ENGINE_MAX_GPUS + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = first; i < h->n; i++)
		for (uint32_t g = 0; g < h->entry[i].op->n_gpu; g++)
			fill(&h->entry[i], &h->entry[i].op->gpu[g], &rows[n++]);
	return cli_out_list(out, "operations", NULL, "Nothing was changed here through migctl.",
			    history_fields, rows, n, sizeof(*rows));
}

int cmd_history(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(engine_history_free) struct engine_history h = { 0 };
	_cleanup_(act_close) struct act act = { 0 };
	const struct engine_entry *left;
	struct args a = { 0 };
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r >= 0)
		r = act_open(&act, reterr);
	if (r >= 0)
		r = engine_history_read(act.dir, &h, reterr);
	if (r >= 0)
		r = cli_out_u64(out, "unreadable_lines", NULL, h.n_bad);
	if (r >= 0)
		r = show(out, &h, a.last);
	if (r < 0)
		return r == -ENOMEM ? mig_fail(reterr, r, "out of memory") : r;
	left = engine_unfinished(&h);
	if (left)
		cli_out_say(out, RENDER_PLAIN, "The last one is half done: 'migctl recover' %s.",
			    left->op->trial ? "removes what it left"
					    : "puts it back, 'migctl recover --finish' ends it");
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
