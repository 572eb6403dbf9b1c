/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "cli/out.h"
#include "lab/lab.h"

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_list_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct row {
	char name[64];
	char driver[32];
	char boards[128];
	uint32_t n_gpus, n_clients;
	bool chosen;
	char state[480]; /* "ok", or why it cannot be used */
	char path[PATH_MAX];
};

#define R(f) offsetof(struct row, f)
static const struct cli_field list_fields[] = {
	{ "name", "NAME", F_STR, R(name) },
	{ "chosen", "CHOSEN", F_BOOL, R(chosen) },
	{ "driver", "DRIVER", F_STR, R(driver) },
	{ "gpus", "GPUS", F_U32, R(n_gpus) },
	{ "boards", "BOARDS", F_STR, R(boards) },
	{ "clients", "CLIENTS", F_U32, R(n_clients) },
	{ "state", "STATE", F_STR, R(state) },
	{ "path", NULL, F_STR, R(path) },
	{ NULL },
};
#undef R

/* "a100-80gb-pcie:2, h200" */
static void name_boards(const struct lab *lab, const struct lab_state *st, char ret[128])
{
	unsigned run = 1;
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < st->n_gpus && used < 128; i++) {
		const struct mig_board *b = lab_board(lab, &st->gpu[i]);

		if (i + 1 < st->n_gpus && st->gpu[i + 1].board == st->gpu[i].board) {
			run++;
			continue;
		}
		used += (size_t)snprintf(ret + used, 128 - used, "%s%s", used ? ", " : "", b->key);
		if (run > 1 && used < 128)
			used += (size_t)snprintf(ret + used, 128 - used, ":%u", run);
		run = 1;
	}
}

static void describe(struct row *row)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct mig_error err = { 0 };
	struct lab_state st;
	int r = lab_open(row->path, 0, &lab, &err);

	if (r >= 0) {
		r = lab_read_state(lab, &st);
		if (r < 0)
			mig_fail(&err, r, "the lab's state cannot be read");
	}
	if (r < 0) {
		snprintf(row->state, sizeof(row->state), "%s", err.msg);
		return;
	}
	snprintf(row->state, sizeof(row->state), "ok");
	snprintf(row->driver, sizeof(row->driver), "%s", lab_const(lab)->driver_version);
	row->n_gpus = st.n_gpus;
	name_boards(lab, &st, row->boards);
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		row->n_clients += lab_client_alive(lab, &st, i, NULL);
}

static void fill_row(const char *labs, const char *name, const char *chosen, struct row *row)
{
	char path[PATH_MAX + 300];

	snprintf(path, sizeof(path), "%s/%s", labs, name);
	snprintf(row->name, sizeof(row->name), "%.63s", name);
	if (!realpath(path, row->path))
		snprintf(row->path, sizeof(row->path), "%.*s", PATH_MAX - 1, path);
	row->chosen = !strcmp(row->path, chosen);
	describe(row);
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int collect(struct row **ret, size_t *ret_n, struct mig_error *reterr)
{
	struct dirent **entries;
	char labs[PATH_MAX], chosen[PATH_MAX] = "";
	struct row *rows;
	int n, r;

	*ret = NULL;
	*ret_n = 0;
	r = cli_labs_dir(false, labs, reterr);
	if (r < 0)
		return r;
	/* A choice that leads nowhere is no reason not to list what there is. */
	if (cli_lab_chosen(chosen, NULL) <= 0)
		chosen[0] = '\0';
	n = scandir(labs, &entries, visible, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return mig_fail(reterr, -errno, "cannot read %s: %s", labs, strerror(errno));
	rows = calloc((size_t)n + 1, sizeof(*rows));
	for (int i = 0; i < n; i++) {
		if (rows)
			fill_row(labs, entries[i]->d_name, chosen, &rows[i]);
		free(entries[i]);
	}
	free(entries);
	if (!rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	*ret = rows;
	*ret_n = (size_t)n;
	return 0;
}

int cmd_lab_list(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_free_ struct row *rows = NULL;
	struct args a = { 0 };
	size_t n;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = collect(&rows, &n, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	r = cli_out_list(out, "labs", NULL, "There is no lab yet: 'migctl lab create' makes one.",
			 list_fields, rows, n, sizeof(*rows));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
