/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "cli/out.h"
#include "lab/lab.h"

struct start_args {
	const char *lab, *name, *gpu, *device, *memory;
};

#define A(f) offsetof(struct start_args, f)
const struct cli_opt lab_client_start_opts[] = {
	OPT_STR("name", 'n', A(name), "NAME", "the process's name (lab-client)"),
	OPT_STR("gpu", 'g', A(gpu), "GPU",
		"hold this GPU, by index or UUID; without it all of them, or GPU 0 with --memory"),
	OPT_STR("device", 'd', A(device), "MIG-UUID|GPU/GI/CI|NAME", "hold this MIG device"),
	OPT_STR("memory", 'm', A(memory), "SIZE", "use this much memory: 2GiB, 512MiB, 512"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"),
	OPT_END
};
#undef A

struct list_args {
	const char *lab;
	int format;
};

#define A(f) offsetof(struct list_args, f)
const struct cli_opt lab_client_list_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

struct stop_args {
	const char *lab;
	bool all;
};

#define A(f) offsetof(struct stop_args, f)
const struct cli_opt lab_client_stop_opts[] = {
	OPT_FLAG("all", 'a', A(all), "end them all"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

struct row {
	const char *name, *kind;
	uint64_t memory;
	uint32_t pid;
	int32_t gpu, gi, ci;
	char device[32];
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "pid", "PID", F_U32, R(pid) },
	{ "name", "NAME", F_PTR, R(name) },
	{ "kind", "KIND", F_PTR, R(kind) },
	{ "device", "HOLDS", F_STR, R(device) },
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "memory_bytes", "MEMORY", F_MIB, R(memory) },
	{ NULL },
};
#undef R

static void fill_row(const struct lab_client *c, uint32_t pid, struct row *row)
{
	*row = (struct row){ .pid = pid,
			     .name = c->name,
			     .kind = c->kind == LAB_CLIENT_COMPUTE ? "compute" : "attached",
			     .gpu = c->all_gpus ? CLI_NONE : c->gpu,
			     .gi = c->gi < 0 ? CLI_NONE : c->gi,
			     .ci = c->ci < 0 ? CLI_NONE : c->ci,
			     .memory = c->memory };
	if (c->all_gpus)
		snprintf(row->device, sizeof(row->device), "all");
	else if (c->gi < 0)
		snprintf(row->device, sizeof(row->device), "%u", c->gpu);
	else
		snprintf(row->device, sizeof(row->device), "%u/%d/%d", c->gpu, c->gi, c->ci);
}

int lab_client_list(const struct lab *lab, const struct lab_state *st, struct cli_out *out,
		    const char *empty)
{
	struct row rows[LAB_MAX_CLIENTS];
	size_t n = 0;

	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++) {
		uint32_t pid;

		if (lab_client_alive(lab, st, i, &pid))
			fill_row(&st->client[i], pid, &rows[n++]);
	}
	return cli_out_list(out, "clients", empty ? NULL : "Clients", empty, fields, rows, n,
			    sizeof(rows[0]));
}

static int check_memory(const struct lab *lab, const struct lab_state *st,
			const struct lab_client *c, struct mig_error *reterr)
{
	const struct lab_gpu *gpu = &st->gpu[c->gpu];
	const struct mig_board *board = lab_board(lab, gpu);
	uint64_t total = (uint64_t)board->memory_total_mib << 20;
	uint64_t used = lab_memory_used(lab, c->gpu, c->gi);

	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == c->gi)
			total = (uint64_t)board->gi[gpu->gi[i].profile].memory_mb << 20;
	if (used > total || c->memory > total - used)
		return mig_fail(reterr, -ENOSPC,
				"%" PRIu64 " MiB are too much: of %" PRIu64 " MiB there %" PRIu64
				" are in use",
				c->memory >> 20, total >> 20, used >> 20);
	return 0;
}

static int fill_client(const struct lab *lab, const char *dir, const struct start_args *a,
		       struct lab_client *c, struct mig_error *reterr)
{
	unsigned long long memory = 0;
	struct lab_state st;
	unsigned gpu = 0;
	int r;

	r = lab_read_state(lab, &st);
	if (r < 0)
		return mig_fail(reterr, r, "the lab was destroyed or rebooted meanwhile");
	*c = (struct lab_client){ .kind = LAB_CLIENT_ATTACHED, .gi = -1, .ci = -1 };
	snprintf(c->name, sizeof(c->name), "%s", a->name ? a->name : "lab-client");
	if (a->memory || a->device)
		c->kind = LAB_CLIENT_COMPUTE;
	if (a->memory)
		r = lab_parse_memory(a->memory, &memory, reterr);
	if (r >= 0 && a->gpu)
		r = lab_client_find_gpu(lab, &st, a->gpu, &gpu, reterr);
	if (r < 0)
		return r;
	c->memory = memory;
	c->gpu = (uint8_t)gpu;
	c->all_gpus = c->kind == LAB_CLIENT_ATTACHED && !a->gpu;
	if (a->device)
		r = lab_client_find_device(lab, dir, &st, a->device, c, reterr);
	if (r < 0 || c->kind == LAB_CLIENT_ATTACHED)
		return r;
	if (a->device && a->gpu && c->gpu != gpu)
		return mig_fail(reterr, -EINVAL, "the MIG device %s is on GPU %u, not on GPU %u",
				a->device, c->gpu, gpu);
	/* Whether the device is there, and needed, lab_hold() decides in one step with holding it.
	 */
	return check_memory(lab, &st, c, reterr);
}

int cmd_lab_client_start(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct start_args a = { 0 };
	struct lab_client client;
	char dir[PATH_MAX];
	pid_t pid;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (a.name && (!*a.name || strlen(a.name) >= sizeof(client.name)))
		return mig_fail(reterr, -EINVAL, "--name must have 1 to %zu characters",
				sizeof(client.name) - 1);
	r = cli_lab_which(a.lab, dir, reterr);
	if (r >= 0)
		r = lab_open(dir, 0, &lab, reterr);
	if (r >= 0)
		r = fill_client(lab, dir, &a, &client, reterr);
	if (r >= 0)
		r = lab_client_start(dir, &client, &pid, reterr);
	if (r < 0)
		return r;
	printf("%d\n", (int)pid);
	return CLI_EXIT_OK;
}

int cmd_lab_client_list(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct list_args a = { 0 };
	struct lab_state st;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	if (r < 0)
		return r;
	r = lab_read_state(lab, &st);
	if (r < 0)
		return mig_fail(reterr, r, "the lab was destroyed or rebooted meanwhile");
	r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	r = lab_client_list(lab, &st, out, "The lab has no clients.");
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

static int stop_one(const struct lab *lab, const char *word, struct mig_error *reterr)
{
	struct lab_client_match match = { .name = word };
	char *end;
	long pid = strtol(word, &end, 10);
	int r;

	if (*word >= '0' && *word <= '9' && !*end && pid > 0 && pid <= INT32_MAX)
		match.pid = (pid_t)pid;
	r = lab_client_signal(lab, &match, SIGTERM, LAB_END_INSIST, reterr);
	if (r == 0)
		return mig_fail(reterr, -ESRCH,
				"the lab has no client '%s': 'migctl lab client list' shows what "
				"there is",
				word);
	return r;
}

int cmd_lab_client_stop(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	const struct lab_client_match all = { .all = true };
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct stop_args a = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (a.all == (argc > 0))
		return mig_fail(
			reterr, -EINVAL,
			"either clients by pid or name, or --all: migctl lab client stop %s",
			cmd->args);
	r = lab_open_named(a.lab, &lab, reterr);
	if (r >= 0 && a.all)
		r = lab_client_signal(lab, &all, SIGTERM, LAB_END_INSIST, reterr);
	for (int i = 0; i < argc && r >= 0; i++)
		r = stop_one(lab, argv[i], reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
