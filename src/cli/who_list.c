/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/who.h"
#include "model/stops.h"

/* --- processes -------------------------------------------------------------------------------- */

struct process_row {
	int32_t gpu, gi, ci;
	uint32_t pid;
	const char *user, *name, *command, *unit, *container, *files;
	struct mig_reading memory;
	char kind[48];
	char brief[96]; /* the container as tables have it */
};

#define R(f) offsetof(struct process_row, f)
static const struct cli_field process_fields[] = {
	{ "gpu", "GPU", F_INT, R(gpu) },
	{ "gi", "GI", F_INT, R(gi) },
	{ "ci", "CI", F_INT, R(ci) },
	{ "pid", "PID", F_U32, R(pid) },
	{ "kind", "HOLDS BY", F_STR, R(kind) },
	{ "user", "USER", F_PTR, R(user) },
	{ "memory_bytes", "MEMORY", F_READING_MIB, R(memory) },
	{ "name", NULL, F_PTR, R(name) },
	{ "command", "COMMAND", F_PTR, R(command), CLI_WRAP },
	{ "unit", "UNIT", F_PTR, R(unit), CLI_WRAP },
	{ "container", "CONTAINER", F_PTR, R(container), CLI_DROP },
	{ "files", "FILES", F_PTR, R(files), CLI_DROP },
	{ NULL },
};
#undef R

static void kind_words(uint32_t kind, char *ret, size_t size)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{ MIG_PROCESS_COMPUTE, "compute" }, { MIG_PROCESS_GRAPHICS, "graphics" },
		{ MIG_PROCESS_MPS, "mps" },	    { MIG_PROCESS_ATTACHED, "attached" },
		{ MIG_PROCESS_FILE, "files" },
	};
	size_t at = 0;

	*ret = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(words) && at < size; i++)
		if (kind & words[i].bit)
			at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? "+" : "",
					       words[i].word);
}

/* Whether a process is of the place that is asked about, or may be. */
static bool is_here(const struct who_place *place, const struct mig_process *p)
{
	const struct mig_change asked = { MIG_ACTION_DESTROY_GI, place->gi, place->ci };

	if (p->gpu == MIG_NO_GPU)
		return place->whole_machine;
	if (!place->gpu)
		return true;
	if (p->gpu != place->gpu->index)
		return false;
	if (place->gi < 0)
		return true;
	if (p->gi == place->gi)
		return place->ci < 0 || p->ci == place->ci || p->ci < 0;
	/* Its instance is not told: as for destroying, it may be any. */
	return p->gi < 0 && mig_is_in_the_way(&(struct mig_snapshot){ 0 }, place->gpu, &asked, p);
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

/* Of an id of 64 digits the twelve that "docker ps" shows. */
static void shorten(const char *container, char *ret, size_t size)
{
	const char *id = strstr(container, "://");

	id = id ? id + strlen("://") : container;
	snprintf(ret, size, "%.*s%.*s", (int)(id - container), container,
		 strlen(id) == 64 ? 12 : 64, id);
}

static void fill(const struct mig_process *p, bool table, struct process_row *row)
{
	*row = (struct process_row){
		.gpu = p->gpu == MIG_NO_GPU ? CLI_NONE : (int32_t)p->gpu,
		.gi = p->gi < 0 ? CLI_NONE : p->gi,
		.ci = p->ci < 0 ? CLI_NONE : p->ci,
		.pid = p->pid,
		.user = or_null(p->user),
		.name = or_null(p->name),
		.command = or_null(p->command[0] ? p->command : p->name),
		.unit = or_null(p->unit),
		.container = or_null(p->container),
		.files = or_null(p->files),
		.memory = p->memory,
	};
	kind_words(p->kind, row->kind, sizeof(row->kind));
	if (table && row->container) {
		shorten(p->container, row->brief, sizeof(row->brief));
		row->container = row->brief;
	}
}

int who_processes(const struct mig_snapshot *s, const struct who_place *place, struct cli_out *out)
{
	_cleanup_free_ struct process_row *rows = calloc(s->n_process + 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_process; i++)
		if (is_here(place, &s->process[i]))
			fill(&s->process[i], cli_out_is_table(out), &rows[n++]);
	return cli_out_list(out, "processes", "Processes", "No process holds it.", process_fields,
			    rows, n, sizeof(*rows));
}

/* --- what has to stop ------------------------------------------------------------------------- */

/* A change of a part of a GPU, and a process that has to stop before: one record each. */
struct stop_row {
	const char *change;
	int32_t gpu, gi, ci;
	uint32_t pid;
	char how[96];
};

#define R(f) offsetof(struct stop_row, f)
static const struct cli_field stop_fields[] = {
	{ "change", NULL, F_PTR, R(change) },
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "pid", NULL, F_U32, R(pid) },
	{ "command", NULL, F_STR, R(how) },
	{ NULL },
};
#undef R

struct change_row {
	const char *change, *first;
	int32_t gpu, gi, ci;
	bool blocked, unconfirmed;
	size_t stop, n_stops; /* which of the stops are its own */
	const char *words, *nothing;
	char device[32];
};

#define R(f) offsetof(struct change_row, f)
static const struct cli_field change_fields[] = {
	{ "change", NULL, F_PTR, R(change) },
	{ "gpu", NULL, F_INT, R(gpu) },
	{ "gi", NULL, F_INT, R(gi) },
	{ "ci", NULL, F_INT, R(ci) },
	{ "blocked", NULL, F_BOOL, R(blocked) },
	{ "unconfirmed", NULL, F_BOOL, R(unconfirmed) },
	{ "first", NULL, F_PTR, R(first) },
	{ NULL },
};
#undef R

/* A table has a line for each command, so that it can be copied; the first names the change. */
struct line {
	const char *words, *device;
	char stop[256];
};

#define R(f) offsetof(struct line, f)
static const struct cli_field line_fields[] = {
	{ "change", "BEFORE", F_PTR, R(words) },
	{ "device", "OF", F_PTR, R(device) },
	{ "stop", "STOP OR DO FIRST", F_STR, R(stop), CLI_WRAP },
	{ NULL },
};
#undef R

struct stops {
	const struct mig_snapshot *s;
	const struct who_place *place;
	bool table;
	struct change_row *change;
	struct stop_row *stop;
	size_t n_changes, n_stops;
	bool quiet; /* instances without anybody in the way were left out */
};

static const struct {
	const char *key, *words;
} actions[MIG_ACTIONS] = {
	[MIG_ACTION_MODE] = { "mode", "a change of MIG mode" },
	[MIG_ACTION_RESET] = { "reset", "a reset" },
	[MIG_ACTION_FIRST_GI] = { "first-gi", "the first GPU instance" },
	[MIG_ACTION_DESTROY_GI] = { "destroy-gi", "destroying it" },
	[MIG_ACTION_DESTROY_CI] = { "destroy-ci", "destroying it" },
};

/* Whether all that could be in the way was seen. */
static bool seen_all(const struct mig_snapshot *s, const struct mig_gpu *gpu)
{
	const struct mig_holders_seen *h = &s->holders;

	return !gpu->process_status && h->asked && !h->hidden && !h->namespaced && !h->n_unread &&
	       !h->lab_status;
}

static const char *needed_first(const struct mig_gpu *gpu, const struct mig_change *change)
{
	switch (change->action) {
	case MIG_ACTION_MODE:
		return gpu->mode == MIG_MODE_ON && gpu->n_gi ? "destroy its instances" : NULL;
	case MIG_ACTION_FIRST_GI:
		return gpu->mode == MIG_MODE_OFF ? "turn MIG mode on" : NULL;
	case MIG_ACTION_DESTROY_GI:
		for (uint32_t i = 0; i < gpu->n_gi; i++)
			if (gpu->gi[i].id == change->gi)
				return gpu->gi[i].n_ci ? "destroy its compute instances" : NULL;
		return NULL;
	default:
		return NULL;
	}
}

static void name_device(const struct mig_gpu *gpu, const struct mig_change *c, char *ret,
			size_t size)
{
	if (c->gi < 0)
		snprintf(ret, size, "GPU %u", gpu->index);
	else if (c->ci < 0)
		snprintf(ret, size, "GI %u/%d", gpu->index, c->gi);
	else
		snprintf(ret, size, "CI %u/%d/%d", gpu->index, c->gi, c->ci);
}

static void fill_change(const struct stops *t, const struct mig_gpu *gpu,
			const struct mig_change *c, struct change_row *row)
{
	*row = (struct change_row){ .change = actions[c->action].key,
				    .words = actions[c->action].words,
				    .first = needed_first(gpu, c),
				    .gpu = (int32_t)gpu->index,
				    .gi = c->gi < 0 ? CLI_NONE : c->gi,
				    .ci = c->ci < 0 ? CLI_NONE : c->ci,
				    .unconfirmed = mig_change_unconfirmed(gpu, c) };
	name_device(gpu, c, row->device, sizeof(row->device));
	row->nothing = seen_all(t->s, gpu) ? "nothing" : "nothing that is seen";
	if (row->unconfirmed)
		row->nothing = seen_all(t->s, gpu) ? "nothing (unconfirmed)"
						   : "nothing that is seen (unconfirmed)";
}

/* A process has one record for each instance that it holds, and is stopped once. */
static void add_stops(struct stops *t, const struct mig_gpu *gpu, const struct mig_change *c,
		      struct change_row *of)
{
	of->stop = t->n_stops;
	for (uint32_t i = 0; i < t->s->n_process; i++) {
		const struct mig_process *p = &t->s->process[i];
		struct stop_row *row = &t->stop[t->n_stops];
		bool again = false;

		for (size_t k = of->stop; k < t->n_stops; k++)
			again = again || t->stop[k].pid == p->pid;
		if (again || !mig_is_in_the_way(t->s, gpu, c, p))
			continue;
		*row = (struct stop_row){ .change = of->change,
					  .gpu = of->gpu,
					  .gi = of->gi,
					  .ci = of->ci,
					  .pid = p->pid };
		mig_stop_command(p, row->how, sizeof(row->how));
		t->n_stops++;
	}
	of->n_stops = t->n_stops - of->stop;
	of->blocked = of->n_stops > 0;
}

static void add_change(struct stops *t, const struct mig_gpu *gpu, enum mig_action action, int gi,
		       int ci)
{
	const struct mig_change c = { action, gi, ci };
	struct change_row *row = &t->change[t->n_changes];

	if (!mig_action_possible(gpu, action))
		return;
	fill_change(t, gpu, &c, row);
	add_stops(t, gpu, &c, row);
	/* A table of a whole GPU tells of instances that somebody holds. */
	if (t->table && gi >= 0 && t->place->gi < 0 && !row->blocked)
		t->quiet = true;
	else
		t->n_changes++;
}

static void add_instances(struct stops *t, const struct mig_gpu *gpu)
{
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		if (t->place->gi >= 0 && t->place->gi != gi->id)
			continue;
		if (t->place->ci < 0)
			add_change(t, gpu, MIG_ACTION_DESTROY_GI, gi->id, -1);
		for (unsigned c = 0; c < gi->n_ci; c++)
			if (t->place->ci < 0 || t->place->ci == gi->ci[c].id)
				add_change(t, gpu, MIG_ACTION_DESTROY_CI, gi->id, gi->ci[c].id);
	}
}

static void add_gpu(struct stops *t, const struct mig_gpu *gpu)
{
	if (t->place->gi < 0) {
		add_change(t, gpu, MIG_ACTION_MODE, -1, -1);
		add_change(t, gpu, MIG_ACTION_RESET, -1, -1);
		add_change(t, gpu, MIG_ACTION_FIRST_GI, -1, -1);
	}
	add_instances(t, gpu);
}

/* Whether two stops can stand in one line: they are one command, or "kill" of two. */
static bool in_line(const struct stop_row *a, const struct stop_row *b)
{
	return !strcmp(a->how, b->how) ||
	       (!strncmp(a->how, "kill ", 5) && !strncmp(b->how, "kill ", 5));
}

static size_t add_lines(const struct stops *t, const struct change_row *c, struct line *lines)
{
	const struct stop_row *stop = &t->stop[c->stop];
	size_t n = 0;

	for (size_t i = 0; i < c->n_stops; i++) {
		struct line *line = &lines[n];
		size_t at, k = 0;

		while (k < i && !in_line(&stop[k], &stop[i]))
			k++;
		if (k < i)
			continue;
		*line = (struct line){ .words = " ", .device = " " };
		at = (size_t)snprintf(line->stop, sizeof(line->stop), "%s", stop[i].how);
		for (k = i + 1; k < c->n_stops && at + 16 < sizeof(line->stop); k++)
			if (in_line(&stop[i], &stop[k]) && strcmp(stop[i].how, stop[k].how) != 0)
				at += (size_t)snprintf(line->stop + at, sizeof(line->stop) - at,
						       " %u", stop[k].pid);
		if (k < c->n_stops)
			snprintf(line->stop + at, sizeof(line->stop) - at, " ...");
		n++;
	}
	if (c->first || !n) {
		lines[n] = (struct line){ .words = " ", .device = " " };
		snprintf(lines[n++].stop, sizeof(lines->stop), "%s",
			 c->first ? c->first : c->nothing);
	}
	lines[0].words = c->words;
	lines[0].device = c->device;
	return n;
}

static int print_lines(const struct stops *t, struct cli_out *out)
{
	_cleanup_free_ struct line *lines =
		calloc(2 * t->n_changes + t->n_stops + 1, sizeof(*lines));
	size_t n = 0;
	int r;

	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_changes; i++)
		n += add_lines(t, &t->change[i], lines + n);
	r = cli_out_list(out, "changes", "What has to stop", NULL, line_fields, lines, n,
			 sizeof(*lines));
	if (r >= 0 && t->quiet)
		cli_out_say(out, RENDER_PLAIN, "Nobody holds the instances that are not named.");
	return r;
}

static int print_records(const struct stops *t, struct cli_out *out)
{
	int r = cli_out_list(out, "changes", NULL, NULL, change_fields, t->change, t->n_changes,
			     sizeof(*t->change));

	return r < 0 ? r
		     : cli_out_list(out, "stops", NULL, NULL, stop_fields, t->stop, t->n_stops,
				    sizeof(*t->stop));
}

int who_stops(const struct mig_snapshot *s, const struct who_place *place, struct cli_out *out)
{
	const size_t changes = (size_t)s->n_gpu * (3 + MIG_MAX_GI * (1 + MIG_MAX_CI)) + 1;
	_cleanup_free_ struct change_row *change = calloc(changes, sizeof(*change));
	_cleanup_free_ struct stop_row *stop = calloc(
		((size_t)s->n_process + 1) * (3 + MIG_MAX_GI * (1 + MIG_MAX_CI)), sizeof(*stop));
	struct stops t = { .s = s,
			   .place = place,
			   .table = cli_out_is_table(out),
			   .change = change,
			   .stop = stop };

	if (!change || !stop)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_gpu; i++)
		if (!place->gpu || place->gpu == &s->gpu[i])
			add_gpu(&t, &s->gpu[i]);
	return t.table ? print_lines(&t, out) : print_records(&t, out);
}
