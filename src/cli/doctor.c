/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/doctor.h"
#include "model/snapshot.h"
#include "observe/container.h"
#include "observe/observe.h"

/* What is wrong with this machine and its MIG layout, and the command that mends each of it. */

struct args {
	struct cli_source_args source;
};

const struct cli_opt doctor_opts[] = {
	CLI_SOURCE_OPTS(offsetof(struct args, source)),
	OPT_END,
};

/* --- what the checks leave -------------------------------------------------------------------- */

static void set_text(struct doctor *d, char **text, const char *fmt, va_list ap)
{
	free(*text);
	if (vasprintf(text, fmt, ap) < 0) {
		*text = NULL;
		d->failed = true;
	}
}

void doctor_what(struct doctor *d, struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(d, &f->what, fmt, ap);
	va_end(ap);
}

void doctor_command(struct doctor *d, struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(d, &f->command, fmt, ap);
	va_end(ap);
}

void doctor_file(struct doctor *d, struct doctor_finding *f, const char *path)
{
	free(f->file);
	if (asprintf(&f->file, "%s%s", d->root, path) < 0) {
		f->file = NULL;
		d->failed = true;
	}
}

static void done_finding(struct doctor_finding *f)
{
	free(f->file);
	free(f->what);
	free(f->command);
}

bool doctor_leaves_out(const struct doctor *d, const struct mig_gpu *gpu)
{
	size_t n = (size_t)(gpu - d->s->gpu);

	return n < 64 && (d->left_out >> n & 1);
}

static bool leaves_out_index(const struct doctor *d, int32_t index)
{
	for (uint32_t i = 0; d->s && i < d->s->n_gpu; i++)
		if (index >= 0 && d->s->gpu[i].index == (uint32_t)index)
			return doctor_leaves_out(d, &d->s->gpu[i]);
	return false;
}

struct doctor_finding *doctor_new(struct doctor *d, enum doctor_severity severity,
				  const char *check, int32_t gpu, int32_t gi)
{
	struct doctor_finding *f = &d->spill, *more;

	if (!leaves_out_index(d, gpu)) {
		more = reallocarray(d->finding, d->n + 1, sizeof(*more));
		if (more) {
			d->finding = more;
			f = &more[d->n++];
		}
		d->failed = d->failed || !more;
	}
	if (f == &d->spill)
		done_finding(f);
	*f = (struct doctor_finding){
		.severity = severity, .check = check, .gpu = gpu, .gi = gi, .ci = CLI_NONE
	};
	return f;
}

void doctor_not_seen(struct doctor *d, int32_t gpu, const char *why, const char *fmt, ...)
{
	struct doctor_unseen *more, *u;
	va_list ap;

	if (leaves_out_index(d, gpu))
		return;
	more = reallocarray(d->unseen, d->n_unseen + 1, sizeof(*more));
	if (!more) {
		d->failed = true;
		return;
	}
	d->unseen = more;
	u = &more[d->n_unseen++];
	*u = (struct doctor_unseen){ .gpu = gpu, .why = strdup(why) };
	va_start(ap, fmt);
	set_text(d, &u->what, fmt, ap);
	va_end(ap);
}

char *doctor_quoted(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+:=,@%";
	char *text = NULL;
	size_t size;
	FILE *out;

	if (*word && !word[strspn(word, plain)])
		return strdup(word);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fputc('\'', out);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, '\0' }, out);
	fputc('\'', out);
	fclose(out);
	return text;
}

const char *doctor_why(int error)
{
	return error == EACCES || error == EPERM ? "this user may not" : strerror(error);
}

void doctor_done(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		done_finding(&d->finding[i]);
	for (size_t i = 0; i < d->n_unseen; i++) {
		free(d->unseen[i].what);
		free(d->unseen[i].why);
	}
	done_finding(&d->spill);
	free(d->finding);
	free(d->unseen);
	cli_capabilities_done(&d->caps);
	cli_source_close(&d->source);
}

/* --- the checks ------------------------------------------------------------------------------- */

static void leave_to_machine(struct doctor *d)
{
	static const char *const what[] = {
		"the versions of the kernel module and of libcuda, and its list of GPUs",
		"the conditions of the GPUs (resets, remapped rows, persistence)", "device files",
		"CDI files and Slurm's gres.conf"
	};

	for (unsigned i = 0; i < ARRAY_SIZE(what); i++)
		doctor_not_seen(d, CLI_NONE, "a recording has nothing of them", "%s", what[i]);
}

static void look_at_machine(struct doctor *d)
{
	const struct mig_snapshot *s = d->s;

	doctor_versions(d);
	for (uint32_t i = 0; i < s->n_gpu; i++) {
		doctor_condition(d, &s->gpu[i]);
		if (s->gpu[i].status)
			continue;
		doctor_mode(d, &s->gpu[i]);
		doctor_instances(d, &s->gpu[i]);
	}
	if (s->recorded) {
		leave_to_machine(d);
		return;
	}
	doctor_unlisted(d);
	doctor_device_files(d);
	doctor_cdi(d);
	doctor_slurm(d);
}

/* All GPUs are looked at, for files of this machine are about all of them. */
static int choose(struct doctor *d, const char *gpus, struct mig_error *reterr)
{
	const struct mig_snapshot *s = d->s;
	struct mig_choice choice;
	int r;

	if (!gpus)
		return 0;
	r = mig_choice_begin(&choice, gpus, reterr);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < s->n_gpu; i++)
		if (!mig_choice_takes(&choice, &s->gpu[i]) && i < 64)
			d->left_out |= 1ull << i;
	return mig_choice_end(&choice, s->n_gpu, s->n_gpu ? s->gpu[0].index : 0,
			      s->n_gpu ? s->gpu[s->n_gpu - 1].index : 0, reterr);
}

/* 0: the machine can be looked at; 1: its driver does not start, which is a finding. */
static int open_machine(struct doctor *d, const struct cli_source_args *args,
			struct mig_error *reterr)
{
	const unsigned wish = OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS;
	struct cli_source_args all = *args;
	int r;

	all.gpus = NULL;
	r = cli_source_open(&all, wish, &d->source, reterr);
	d->root = d->source.nvml.lab_dir;
	d->lab = d->root[0] != '\0';
	if (!args->snapshot)
		observe_is_container(d->root, d->container, sizeof(d->container));
	if (r < 0)
		return !args->snapshot && doctor_driver_down(d, reterr) ? 1 : r;
	d->s = d->source.snapshot;
	if (!d->s->recorded && cli_capabilities_read(d->root, &d->caps) < 0)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	return choose(d, args->gpus, reterr);
}

/* --- what is printed -------------------------------------------------------------------------- */

struct row {
	const char *severity, *check, *file, *what, *command;
	int32_t gpu, gi, ci;
};

#define R(f) offsetof(struct row, f)
static const struct cli_field finding_fields[] = {
	{ "severity", NULL, F_PTR, R(severity) },
	{ "check", NULL, F_PTR, R(check) },
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "file", NULL, F_PTR, R(file) },
	{ "what", NULL, F_PTR, R(what) },
	{ "command", NULL, F_PTR, R(command) },
	{ NULL },
};
#undef R

#define R(f) offsetof(struct doctor_unseen, f)
static const struct cli_field unseen_fields[] = {
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "what", NULL, F_PTR, R(what) },
	{ "why", NULL, F_PTR, R(why) },
	{ NULL },
};
#undef R

static const char *const severities[] = { [DOCTOR_PROBLEM] = "problem", [DOCTOR_NOTE] = "note" };

/* Problems before notes, each in the order in which they were looked for. */
static size_t sort(const struct doctor *d, struct row *rows)
{
	size_t n = 0;

	for (enum doctor_severity s = DOCTOR_PROBLEM; s <= DOCTOR_NOTE; s++) {
		for (size_t i = 0; i < d->n; i++) {
			const struct doctor_finding *f = &d->finding[i];

			if (f->severity == s)
				rows[n++] = (struct row){ severities[s], f->check, f->file, f->what,
							  f->command,	 f->gpu,   f->gi,   f->ci };
		}
	}
	return n;
}

/* "GPU 0, GI 2: " */
static const char *place(const struct row *row, char ret[48])
{
	size_t n = 0;

	ret[0] = '\0';
	if (row->gpu != CLI_NONE)
		n = (size_t)snprintf(ret, 48, ", GPU %d", row->gpu);
	if (row->gi != CLI_NONE)
		n += (size_t)snprintf(ret + n, 48 - n, ", GI %d", row->gi);
	if (row->ci != CLI_NONE)
		snprintf(ret + n, 48 - n, ", CI %d", row->ci);
	return ret;
}

static void say(struct cli_out *out, const struct doctor *d, const struct row *rows, size_t n)
{
	size_t problems = 0;
	char where[48];

	for (size_t i = 0; i < n; i++) {
		bool is_problem = !strcmp(rows[i].severity, "problem");

		problems += is_problem;
		cli_out_gap(out);
		cli_out_say(out, is_problem ? RENDER_HERE : RENDER_PLAIN, "%s%s: %s.",
			    is_problem ? "Problem" : "Note", place(&rows[i], where), rows[i].what);
		cli_out_command(out, rows[i].command);
	}
	cli_out_gap(out);
	if (n)
		cli_out_say(out, RENDER_STRONG, "%zu problem%s, %zu note%s%s.", problems,
			    problems == 1 ? "" : "s", n - problems, n - problems == 1 ? "" : "s",
			    d->n_unseen ? "; and some could not be looked at" : "");
	else
		cli_out_say(out, RENDER_STRONG, "Nothing was found%s.",
			    d->n_unseen ? " in what could be looked at" : "");
	for (size_t i = 0; i < d->n_unseen; i++)
		cli_out_say(out, RENDER_PLAIN, "Could not look at %s: %s.", d->unseen[i].what,
			    d->unseen[i].why);
}

/* Where the driver does not start there is no snapshot to name the machine. */
static int heading(const struct doctor *d, struct cli_out *out)
{
	const char *name = strrchr(d->root, '/');
	char source[128];
	int r;

	if (d->s) {
		r = cli_source_heading(&d->source, out);
	} else {
		snprintf(source, sizeof(source), "%s%.100s", name ? "lab " : "this machine",
			 name ? name + 1 : "");
		r = cli_out_str(out, "source", "Machine:", source);
		if (r >= 0)
			r = cli_out_str(out, "driver", NULL, NULL);
		if (r >= 0)
			r = cli_out_str(out, "recorded", NULL, NULL);
	}
	if (r < 0)
		return r;
	return cli_out_str(out, "container", "Container:", d->container[0] ? d->container : NULL);
}

static int print(const struct doctor *d, struct cli_out *out, struct mig_error *reterr)
{
	_cleanup_free_ struct row *rows = calloc(d->n + 1, sizeof(*rows));
	size_t n;
	int r;

	if (!rows || d->failed)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	n = sort(d, rows);
	r = heading(d, out);
	if (r >= 0 && cli_out_is_table(out))
		say(out, d, rows, n);
	else if (r >= 0)
		r = cli_out_list(out, "findings", NULL, NULL, finding_fields, rows, n,
				 sizeof(*rows));
	if (r >= 0 && !cli_out_is_table(out))
		r = cli_out_list(out, "not_looked_at", NULL, NULL, unseen_fields, d->unseen,
				 d->n_unseen, sizeof(*d->unseen));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print what was found: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

int cmd_doctor(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(doctor_done) struct doctor d = { .root = "" };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct args a = { 0 };
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r >= 0)
		r = open_machine(&d, &a.source, reterr);
	if (r == 0)
		look_at_machine(&d);
	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r >= 0)
		r = print(&d, out, reterr);
	if (r < 0)
		return r;
	return d.n ? CLI_EXIT_UNAVAILABLE : CLI_EXIT_OK;
}
