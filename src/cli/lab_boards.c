/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "model/boards.h"

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_boards_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct board_row {
	const char *key;
	char name[64];
	char since[24];
	uint32_t memory_mib;
	uint32_t profiles;
};

#define R(f) offsetof(struct board_row, f)
static const struct cli_field board_fields[] = {
	{ "key", "BOARD", F_PTR, R(key) },
	{ "name", "NAME", F_STR, R(name) },
	{ "memory_mib", "MIB", F_U32, R(memory_mib) },
	{ "profiles", "PROFILES", F_U32, R(profiles) },
	{ "since_driver", "SINCE DRIVER", F_STR, R(since) },
	{ NULL },
};
#undef R

/* A board as the newest driver that we know shows it. */
static void board_row(const struct mig_board_def *def, struct board_row *row)
{
	struct mig_board board;
	char newest[16] = "";

	for (unsigned i = 0; mig_driver_branch_at(i); i++)
		snprintf(newest, sizeof(newest), "%u.0", mig_driver_branch_at(i));
	row->key = def->key;
	if (def->first_driver.n)
		mig_driver_format((uint32_t)def->first_driver.v[0].value, row->since,
				  sizeof(row->since));
	if (mig_board_resolve(def, newest, &board, NULL) < 0)
		return;
	snprintf(row->name, sizeof(row->name), "%s", board.name);
	row->memory_mib = board.memory_total_mib;
	row->profiles = board.n_gi;
}

int cmd_lab_boards(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct board_row rows[64] = { 0 };
	const struct mig_board_def *def;
	struct args a = { 0 };
	unsigned n = 0;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	for (; n < ARRAY_SIZE(rows) && (def = mig_board_at(n)); n++)
		board_row(def, &rows[n]);
	r = cli_out_list(out, "boards", NULL, NULL, board_fields, rows, n, sizeof(rows[0]));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
