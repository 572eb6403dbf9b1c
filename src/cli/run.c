/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "engine/made.h"

/* What an end waits for others who act, to destroy what was made for its program. */
#define END_SECONDS 60
#define DOOR_MS	    30000

struct args {
	const char *gpus, *wait;
	bool create;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt run_opts[] = {
	OPT_FLAG("create", 'c', A(create),
		 "make an instance where there is room, and destroy it afterwards"),
	OPT_MAYBE("wait", 'w', A(wait), "[SECONDS]",
		  "wait for a device, that long or for as long as it takes"),
	OPT_STR("id", 'i', A(gpus), "GPU,...",
		"of these GPUs only: index, UUID, serial number or PCI bus id"),
	OPT_END,
};
#undef A

static int usage(struct mig_error *reterr)
{
	return mig_fail(
		reterr, -EINVAL,
		"which program? migctl run PROFILE|DEVICE|NAME [--create] [--wait[=SECONDS]] -- "
		"COMMAND [ARGUMENT]...");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int take_wait(struct run *run, const struct args *a, struct mig_error *reterr)
{
	unsigned long long seconds;
	char *end;

	run->wait = a->wait != NULL;
	if (!run->wait || !*a->wait)
		return 0;
	errno = 0;
	seconds = strtoull(a->wait, &end, 10);
	if (errno || *end || a->wait[0] < '0' || a->wait[0] > '9' || seconds > 1000000000)
		return mig_fail(reterr, -EINVAL,
				"--wait must be a whole number of seconds, not "
				"'%.40s'",
				a->wait);
	run->until = now() + (double)seconds;
	return 0;
}

/* "--wait 1g.10gb -- ...": the profile is no number of seconds. */
static void give_back_operand(struct args *a, int *argc, char **argv)
{
	if (*argc || !a->wait || !a->wait[strspn(a->wait, "0123456789")])
		return;
	argv[0] = (char *)(uintptr_t)a->wait;
	argv[1] = NULL;
	a->wait = "";
	*argc = 1;
}

static int parse(const struct cli_cmd *cmd, int argc, char **argv, struct run *run,
		 struct mig_error *reterr)
{
	struct cli_cmd loose = *cmd;
	struct args a = { 0 };
	int r;

	/* What follows "--" is the program, with its own options. */
	for (int i = 0; i < argc && !run->program; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		run->program = argv + i + 1;
		argv[i] = NULL;
		argc = i;
	}
	loose.min_args = 0;
	r = cli_parse(&loose, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	give_back_operand(&a, &argc, argv);
	if (argc != 1 || !run->program || !*run->program)
		return usage(reterr);
	run->word = argv[0];
	run->create = a.create;
	run->args.source.gpus = a.gpus;
	return take_wait(run, &a, reterr);
}

static void begin_claim(struct run *run)
{
	struct engine_claim *c = &run->claim;

	c->waiting = true;
	c->create = run->create;
	c->pid = c->runner = (uint32_t)getpid();
	engine_now(c->since);
	engine_user(c->user, sizeof(c->user));
	for (char **word = run->program; *word; word++)
		cli_text_add(c->command, sizeof(c->command), "%s%s", c->command[0] ? " " : "",
			     *word);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Its file goes, unless processes that the program left have the device still. */
static void end_claim(struct run *run)
{
	struct engine_claim_list list = { 0 };

	if (run->fd < 0)
		return;
	if (!run->claims.inside && engine_claims_enter(&run->claims, DOOR_MS, NULL) < 0) {
		close(run->fd);
		return;
	}
	close(run->fd);
	run->fd = -1;
	/* To list them removes those that are dead. */
	(void)engine_claims_list(&run->claims, &list, NULL);
	engine_claim_list_free(&list);
	engine_claims_leave(&run->claims);
}

/*
 * What was made for this program, or for one whose migctl was killed, is destroyed. Who may not do
 * that leaves it to the next who may.
 */
static void end_made(struct run *run)
{
	struct act_args patient = { .wait = run->create ? END_SECONDS : 0 };
	struct mig_error err = { 0 };
	int r;

	if (!engine_made_any(run->act.dir))
		return;
	r = run->act.open ? 0 : act_open(&run->act, &err);
	if (r >= 0)
		r = act_lock(&run->act, &patient, &err);
	if (r < 0 && run->create)
		fprintf(stderr,
			"migctl: what was made for this is destroyed by the next command that "
			"changes something: %s\n",
			err.msg);
	if (r >= 0)
		act_unlock(&run->act);
}

int cmd_run(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	run->fd = run->claims.door = -1;
	act_command(cmd, argc, argv, run->act.command, sizeof(run->act.command));
	r = parse(cmd, argc, argv, run, reterr);
	if (r < 0)
		return r;
	begin_claim(run);
	r = act_open(&run->act, reterr);
	if (r >= 0)
		r = run_resolve(run, reterr);
	if (r >= 0)
		r = engine_claims_open(&run->claims, run->act.dir, true, reterr);
	if (r >= 0)
		r = run_take(run, reterr);
	if (r >= 0) {
		/* This process must not be in the way of who resets the GPU next. */
		act_close(&run->act);
		r = run_program(run, reterr);
	}
	if (run->claims.door >= 0) {
		end_claim(run);
		end_made(run);
	}
	act_close(&run->act);
	engine_claims_close(&run->claims);
	return r;
}
