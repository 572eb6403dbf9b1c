/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/snapshot.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_fault.h"
#include "cli/lab_open.h"
#include "cli/out.h"
#include "lab/trouble.h"
#include "observe/observe.h"

struct add_args {
	struct lab_fault_words words;
	const char *lab;
};

#define A(f) offsetof(struct add_args, f)
const struct cli_opt lab_fault_add_opts[] = {
	OPT_STR("return", 0, A(words.status), "STATUS", "the call does nothing and returns this"),
	OPT_STR("return-after", 0, A(words.status_after), "STATUS",
		"the call does what it does and returns this"),
	OPT_STR("take", 0, A(words.take), "TIME", "the call takes this long: 250ms, 1.5s"),
	OPT_FLAG("hang", 0, A(words.hang), "the call hangs until the fault is cleared"),
	OPT_STR("kill", 0, A(words.kill), "before|after",
		"kill -9 of the caller, before or after the effect"),
	OPT_STR("xid", 0, A(words.xid), "XID", "an Xid on the call's GPU; 79: it is off the bus"),
	OPT_STR("nth", 0, A(words.nth), "N[-[M]]", "strike the N-th call, or the N-th to the M-th"),
	OPT_STR("every", 0, A(words.every), "N", "strike every N-th call"),
	OPT_STR("probability", 0, A(words.probability), "P", "strike with this chance: 0.25, 25%"),
	OPT_STR("seed", 0, A(words.seed), "SEED", "another sequence of such chances (0)"),
	OPT_STR("times", 0, A(words.times), "N", "strike at most so often"),
	OPT_STR("name", 'n', A(words.process), "PROCESS", "only calls of processes of this name"),
	OPT_STR("gpu", 'g', A(words.gpu), "GPU", "only calls about this GPU, by its index"),
	OPT_FLAG("permanent", 0, A(words.permanent), "stays over 'lab reboot'"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"),
	OPT_END
};
#undef A

struct list_args {
	const char *lab;
	int format;
};

#define A(f) offsetof(struct list_args, f)
const struct cli_opt lab_fault_list_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};

const struct cli_opt lab_fault_calls_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct clear_args {
	const char *lab;
	bool all;
};

#define A(f) offsetof(struct clear_args, f)
const struct cli_opt lab_fault_clear_opts[] = {
	OPT_FLAG("all", 'a', A(all), "clear them all"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

/* --- in words ------------------------------------------------------------------------------- */

/* Goes on with the text, after a comma where there is one. */
static void __attribute__((format(printf, 3, 4))) say(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	if (len && len + 2 < size) {
		memcpy(text + len, ", ", 3);
		len += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

void lab_fault_when(const struct lab_fault *f, char *ret, size_t size)
{
	ret[0] = '\0';
	if (f->first == f->last)
		say(ret, size, "call %" PRIu64, f->first);
	else if (f->last != UINT64_MAX)
		say(ret, size, "calls %" PRIu64 " to %" PRIu64, f->first, f->last);
	else if (f->first != f->every)
		say(ret, size, "from call %" PRIu64 " on", f->first);
	if (f->every > 1)
		say(ret, size, "every %" PRIu64, f->every);
	if (f->chance)
		say(ret, size, "chance %.4g, seed %" PRIu64, (double)f->chance / 4294967296.0,
		    f->seed);
	if (f->times)
		say(ret, size, "at most %" PRIu64 " times", f->times);
	if (!ret[0])
		say(ret, size, "every call");
}

static const char *status_word(int32_t code, char buffer[16])
{
	const char *name = observe_status_name(code);

	if (strncmp(name, "NVML_", 5) != 0) {
		snprintf(buffer, 16, "%d", (int)code);
		return buffer;
	}
	return strncmp(name, "NVML_ERROR_", 11) ? name + 5 : name + 11;
}

static void say_time(char *text, size_t size, uint64_t us)
{
	if (us % 1000)
		say(text, size, "take %" PRIu64 "us", us);
	else if (us % 1000000)
		say(text, size, "take %" PRIu64 "ms", us / 1000);
	else
		say(text, size, "take %" PRIu64 "s", us / 1000000);
}

void lab_fault_does(const struct lab_fault *f, char *ret, size_t size)
{
	char number[16];

	ret[0] = '\0';
	if (f->does & LAB_FAULT_XID)
		say(ret, size, "Xid %u", f->xid);
	if (f->does & LAB_FAULT_TAKE)
		say_time(ret, size, f->take_us);
	if (f->does & LAB_FAULT_HANG)
		say(ret, size, "hang");
	if (f->does & LAB_FAULT_KILL_BEFORE)
		say(ret, size, "kill before");
	if (f->does & LAB_FAULT_KILL_AFTER)
		say(ret, size, "kill after");
	if (f->does & LAB_FAULT_RETURN)
		say(ret, size, "return %s", status_word(f->code, number));
	if (f->does & LAB_FAULT_RETURN_AFTER)
		say(ret, size, "return after %s", status_word(f->code_after, number));
}

/* --- add ------------------------------------------------------------------------------------ */

int cmd_lab_fault_add(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct add_args a = { 0 };
	char when[160], does[160];
	struct lab_fault fault = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_fault_parse(argv, argc, &a.words, &fault, reterr);
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	if (r >= 0 && fault.gpu >= (int)lab_const(lab)->n_gpus)
		r = mig_fail(reterr, -EINVAL, "there is no GPU %d: this lab has %u", fault.gpu,
			     lab_const(lab)->n_gpus);
	if (r >= 0)
		r = lab_fault_add(lab, &fault, reterr);
	if (r < 0)
		return r;
	lab_fault_when(&fault, when, sizeof(when));
	lab_fault_does(&fault, does, sizeof(does));
	printf("Fault %u: %s: %s: %s\n", fault.id, fault.what, when, does);
	return CLI_EXIT_OK;
}

/* --- list ----------------------------------------------------------------------------------- */

struct row {
	uint32_t id;
	int32_t gpu, code, code_after, xid;
	uint32_t hanging;
	uint64_t seen, struck, first, every;
	struct mig_reading last, times, take_us;
	bool permanent, hang;
	const char *kill;
	char what[64], process[16], when[160], does[160], pids[LAB_MAX_HANGERS * 11];
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "id", "ID", F_U32, R(id) },
	{ "calls", "CALLS", F_STR, R(what), CLI_WRAP },
	{ "when", "WHEN", F_STR, R(when), CLI_WRAP },
	{ "does", "DOES", F_STR, R(does), CLI_WRAP },
	{ "process", "PROCESS", F_STR, R(process) },
	{ "gpu", "GPU", F_INT, R(gpu) },
	{ "permanent", "PERMANENT", F_BOOL, R(permanent) },
	{ "seen", "SEEN", F_U64, R(seen) },
	{ "struck", "STRUCK", F_U64, R(struck) },
	{ "hanging", "HANGING", F_U32, R(hanging) },
	{ "hanging_threads", NULL, F_STR, R(pids) },
	{ "first", NULL, F_U64, R(first) },
	{ "last", NULL, F_READING, R(last) },
	{ "every", NULL, F_U64, R(every) },
	{ "times", NULL, F_READING, R(times) },
	{ "return_status", NULL, F_STATUS, R(code) },
	{ "return_after_status", NULL, F_STATUS, R(code_after) },
	{ "take_us", NULL, F_READING, R(take_us) },
	{ "hang", NULL, F_BOOL, R(hang) },
	{ "kill", NULL, F_PTR, R(kill) },
	{ "xid", NULL, F_INT, R(xid) },
	{ NULL },
};
#undef R

static struct mig_reading number_or_none(uint64_t n, uint64_t none)
{
	struct mig_reading ret = { .value = n };

	if (n == none)
		ret = (struct mig_reading){ .status = MIG_NOT_ASKED };
	return ret;
}

static void fill_row(const struct lab *lab, unsigned slot, const struct lab_fault *f,
		     struct row *row)
{
	struct lab_fault_count count;

	lab_fault_counted(lab, slot, f, &count);
	*row = (struct row){
		.id = f->id,
		.gpu = f->gpu < 0 ? CLI_NONE : f->gpu,
		.code = f->code,
		.code_after = f->code_after,
		.xid = f->does & LAB_FAULT_XID ? (int32_t)f->xid : CLI_NONE,
		.first = f->first,
		.last = number_or_none(f->last, UINT64_MAX),
		.every = f->every,
		.times = number_or_none(f->times, 0),
		.take_us = number_or_none(f->take_us, 0),
		.seen = count.calls,
		.struck = count.struck,
		.hanging = count.hanging,
		.permanent = f->permanent,
		.hang = f->does & LAB_FAULT_HANG,
		.kill = f->does & LAB_FAULT_KILL_BEFORE	 ? "before"
			: f->does & LAB_FAULT_KILL_AFTER ? "after"
							 : NULL,
	};
	memcpy(row->what, f->what, sizeof(row->what));
	memcpy(row->process, f->process, sizeof(row->process));
	lab_fault_when(f, row->when, sizeof(row->when));
	lab_fault_does(f, row->does, sizeof(row->does));
	for (unsigned i = 0; i < count.hanging; i++)
		say(row->pids, sizeof(row->pids), "%u", count.pid[i]);
}

int lab_fault_list(const struct lab *lab, struct cli_out *out, const char *title, const char *empty)
{
	_cleanup_free_ struct lab_trouble *t = calloc(1, sizeof(*t));
	_cleanup_free_ struct row *rows = calloc(LAB_MAX_FAULTS, sizeof(*rows));
	size_t n = 0;

	if (!t || !rows)
		return -ENOMEM;
	lab_trouble_read(lab, t);
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++)
		if (lab_fault_holds(lab, &t->fault[i]))
			fill_row(lab, i, &t->fault[i], &rows[n++]);
	return cli_out_list(out, "faults", title, empty, fields, rows, n, sizeof(*rows));
}

int cmd_lab_fault_list(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct list_args a = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	r = lab_fault_list(lab, out, NULL, "No faults.");
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the faults: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

/* --- clear ---------------------------------------------------------------------------------- */

int cmd_lab_fault_clear(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct clear_args a = { 0 };
	uint32_t ids[LAB_MAX_FAULTS];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0 && a.all == (argc > 0))
		r = mig_fail(reterr, -EINVAL,
			     "name faults by their ids, or all of them with --all: 'migctl lab "
			     "fault list' shows them");
	if (r >= 0 && argc > LAB_MAX_FAULTS)
		r = mig_fail(reterr, -EINVAL, "a lab has at most %d faults", LAB_MAX_FAULTS);
	for (int i = 0; i < argc && r >= 0; i++) {
		unsigned long n;
		char *end;

		errno = 0;
		n = strtoul(argv[i], &end, 10);
		if (errno || argv[i][0] < '0' || argv[i][0] > '9' || *end || !n || n > UINT32_MAX)
			r = mig_fail(reterr, -EINVAL, "a fault is named by its number, not '%.60s'",
				     argv[i]);
		ids[i] = (uint32_t)n;
	}
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	if (r >= 0)
		r = lab_fault_clear(lab, ids, (unsigned)argc, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

/* --- calls ---------------------------------------------------------------------------------- */

struct group_row {
	const char *name, *text;
	uint32_t calls;
};

struct call_row {
	const char *name, *group;
};

#define R(f) offsetof(struct group_row, f)
static const struct cli_field group_fields[] = {
	{ "group", "GROUP", F_PTR, R(name) },
	{ "calls", "CALLS", F_U32, R(calls) },
	{ "what", "WHAT", F_PTR, R(text), CLI_WRAP },
	{ NULL },
};
#undef R

#define R(f) offsetof(struct call_row, f)
static const struct cli_field call_fields[] = {
	{ "call", "CALL", F_PTR, R(name) },
	{ "group", "GROUP", F_PTR, R(group) },
	{ NULL },
};
#undef R

static int print_calls(struct cli_out *out, int only, struct mig_error *reterr)
{
	struct group_row groups[32];
	struct call_row calls[LAB_MAX_CALLS];
	size_t n = 0, n_groups = 0;
	int r;

	for (unsigned g = 0; g < lab_n_call_groups && n_groups < ARRAY_SIZE(groups); g++) {
		const struct lab_call_group *group = &lab_call_groups[g];
		size_t before = n;

		if (only >= 0 && (unsigned)only != g)
			continue;
		for (unsigned i = 0; i < lab_n_calls; i++)
			if (lab_calls[i].group == g)
				calls[n++] = (struct call_row){ lab_calls[i].name, group->name };
		groups[n_groups++] =
			(struct group_row){ group->name, group->text, (uint32_t)(n - before) };
	}
	cli_out_main_list(out, "calls");
	r = cli_out_list(out, "groups", NULL, NULL, group_fields, groups, n_groups,
			 sizeof(groups[0]));
	if (r >= 0)
		r = cli_out_list(out, "calls", "Calls", NULL, call_fields, calls, n,
				 sizeof(calls[0]));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the calls: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

int cmd_lab_fault_calls(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct list_args a = { 0 };
	int only = -1;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	for (unsigned g = 0; r >= 0 && argc && g < lab_n_call_groups; g++)
		if (!strcmp(lab_call_groups[g].name, argv[0]))
			only = (int)g;
	if (r >= 0 && argc && only < 0)
		r = mig_fail(reterr, -EINVAL,
			     "there is no group '%.60s' of calls: 'migctl lab fault calls' lists "
			     "them",
			     argv[0]);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r >= 0)
		r = print_calls(out, only, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
