/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/journal.h"
#include "engine/json.h"

/* The journal read back. It may hold anything: lines that make no sense are counted. */

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return "";
	return json_object_get_string(v);
}

static struct json_object *list_of(struct json_object *o, const char *key, size_t max)
{
	struct json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_array) ||
	    json_object_array_length(v) > max)
		return NULL;
	return v;
}

static void copy(char *ret, size_t size, const char *text)
{
	snprintf(ret, size, "%s", text);
}

static bool read_ci(struct json_object *o, struct engine_ci *ret)
{
	int64_t id = int_of(o, "id", 255), profile = int_of(o, "profile_id", 255);
	int64_t start = int_of(o, "start", 255), size = int_of(o, "size", 255);

	*ret = (struct engine_ci){ .id = (uint8_t)id,
				   .profile_id = (uint8_t)profile,
				   .start = (uint8_t)start,
				   .size = (uint8_t)size };
	copy(ret->name, sizeof(ret->name), text_of(o, "profile"));
	return id >= 0 && profile >= 0 && start >= 0 && size >= 0;
}

static bool read_gi(struct json_object *o, struct engine_gi *ret)
{
	int64_t id = int_of(o, "id", 255), profile = int_of(o, "profile_id", UINT16_MAX);
	int64_t start = int_of(o, "start", 255), size = int_of(o, "size", 255);
	struct json_object *cis = list_of(o, "compute_instances", MIG_MAX_CI);

	*ret = (struct engine_gi){ .id = (uint8_t)id,
				   .profile_id = (uint16_t)profile,
				   .start = (uint8_t)start,
				   .size = (uint8_t)size };
	copy(ret->name, sizeof(ret->name), text_of(o, "profile"));
	if (!cis || id < 0 || profile < 0 || start < 0 || size < 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(cis); i++)
		if (!read_ci(json_object_array_get_idx(cis, i), &ret->ci[ret->n_ci++]))
			return false;
	return true;
}

static bool read_layout(struct json_object *o, const char *key, struct engine_layout *ret)
{
	struct json_object *list = list_of(o, key, MIG_MAX_GI);

	*ret = (struct engine_layout){ 0 };
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (!read_gi(json_object_array_get_idx(list, i), &ret->gi[ret->n_gi++]))
			return false;
	return list != NULL;
}

static bool read_gpu(struct json_object *o, struct engine_gpu *ret)
{
	int64_t index = int_of(o, "index", UINT16_MAX), mode = int_of(o, "mode", ENGINE_MODE_OFF);
	int64_t reset = int_of(o, "reset", 1);

	copy(ret->uuid, sizeof(ret->uuid), text_of(o, "uuid"));
	ret->index = (uint32_t)index;
	ret->mode = (uint8_t)mode;
	ret->reset = (uint8_t)reset;
	return ret->uuid[0] && index >= 0 && mode >= 0 && reset >= 0 &&
	       read_layout(o, "from", &ret->from) && read_layout(o, "to", &ret->to);
}

static bool read_gpus(struct json_object *o, struct engine_op *op)
{
	struct json_object *gpus = list_of(o, "gpus", ENGINE_MAX_GPUS);

	op->n_gpu = 0;
	for (size_t i = 0; gpus && i < json_object_array_length(gpus); i++)
		if (!read_gpu(json_object_array_get_idx(gpus, i), &op->gpu[op->n_gpu++]))
			return false;
	return gpus && op->n_gpu;
}

static bool read_begin(struct json_object *o, struct engine_op *op)
{
	int64_t pid = int_of(o, "pid", INT32_MAX);

	copy(op->time, sizeof(op->time), text_of(o, "time"));
	copy(op->user, sizeof(op->user), text_of(o, "user"));
	copy(op->boot, sizeof(op->boot), text_of(o, "boot"));
	copy(op->command, sizeof(op->command), text_of(o, "command"));
	op->pid = pid < 0 ? 0 : (uint32_t)pid;
	op->typed = int_of(o, "typed", 1) == 1;
	op->trial = int_of(o, "trial", 1) == 1;
	return read_gpus(o, op);
}

/* What came of an operation whose steps were not known before; of fewer GPUs than it began with. */
static void read_end(struct json_object *o, struct engine_op *op)
{
	struct engine_op *end = calloc(1, sizeof(*end));

	if (end && read_gpus(o, end) && end->n_gpu <= op->n_gpu) {
		op->n_gpu = end->n_gpu;
		memcpy(op->gpu, end->gpu, end->n_gpu * sizeof(end->gpu[0]));
	}
	free(end);
}

static bool begin(struct engine_history *h, uint64_t id, struct json_object *o)
{
	struct engine_op *op = calloc(1, sizeof(*op)), *less;
	struct engine_entry *more = op ? realloc(h->entry, (h->n + 1) * sizeof(*h->entry)) : NULL;

	if (!more) {
		free(op);
		return false;
	}
	h->entry = more;
	op->id = id;
	if (!read_begin(o, op)) {
		free(op);
		return false;
	}
	/* Most are of one GPU of the sixteen that there is room for. */
	less = realloc(op, offsetof(struct engine_op, gpu) + op->n_gpu * sizeof(op->gpu[0]));
	h->entry[h->n++] = (struct engine_entry){ .op = less ? less : op };
	return true;
}

/* What is told of an operation belongs to the last one that began with that number. */
static struct engine_entry *entry_of(struct engine_history *h, uint64_t id)
{
	for (size_t i = h->n; i--;)
		if (h->entry[i].op->id == id)
			return &h->entry[i];
	return NULL;
}

static void tried(struct engine_op *op, struct json_object *o)
{
	int64_t start = int_of(o, "start", ENGINE_ANYWHERE - 1);

	engine_trial_ends(op, int_of(o, "status", INT32_MAX) == 0, (int)start);
}

/* Of a trial alone what a step was is told to machines. */
static void trying(struct engine_op *op, struct json_object *o)
{
	int64_t profile = int_of(o, "profile_id", UINT16_MAX);
	int64_t start = int_of(o, "start", ENGINE_ANYWHERE);
	struct engine_step step = { .what = ENGINE_RESET };
	const char *what = text_of(o, "do");

	if (!strcmp(what, engine_do_name(ENGINE_CREATE_GI)))
		step.what = ENGINE_CREATE_GI;
	else if (!strcmp(what, engine_do_name(ENGINE_DESTROY_GI)))
		step.what = ENGINE_DESTROY_GI;
	if (profile < 0 || start < 0)
		return;
	step.gi.profile_id = (uint16_t)profile;
	step.gi.start = (uint8_t)start;
	copy(step.gi.name, sizeof(step.gi.name), text_of(o, "profile"));
	engine_trial_begins(op, &step);
}

static bool take_event(struct engine_history *h, struct json_object *o)
{
	int64_t id = int_of(o, "op", INT64_MAX);
	const char *name = text_of(o, "event");
	struct engine_entry *e;

	if (id < 0)
		return false;
	if (!strcmp(name, "begin"))
		return begin(h, (uint64_t)id, o);
	e = entry_of(h, (uint64_t)id);
	if (!e)
		return false;
	if (e->op->trial && !strcmp(name, "step"))
		trying(e->op, o);
	if (e->op->trial && !strcmp(name, "did"))
		tried(e->op, o);
	if (!strcmp(name, "did") && int_of(o, "status", INT32_MAX) == 0) {
		e->n_steps++;
	} else if (!strcmp(name, "end")) {
		e->ended = true;
		copy(e->result, sizeof(e->result), text_of(o, "result"));
		copy(e->why, sizeof(e->why), text_of(o, "why"));
		copy(e->ended_at, sizeof(e->ended_at), text_of(o, "time"));
		if (e->op->typed)
			read_end(o, e->op);
	}
	return true;
}

static bool take_line(struct engine_history *h, const char *line)
{
	_cleanup_(putp) struct json_object *o = json_tokener_parse(line);

	return o && json_object_is_type(o, json_type_object) && take_event(h, o);
}

void engine_history_parse(FILE *f, struct engine_history *ret)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;

	*ret = (struct engine_history){ 0 };
	while ((n = getline(&line, &size, f)) >= 0) {
		/* Without its end: somebody writes it now, or was killed in it. */
		if (!n || line[n - 1] != '\n')
			break;
		if (n > 1 && !take_line(ret, line))
			ret->n_bad++;
	}
}

/* 0 and *ret NULL: there is none yet. */
static int open_journal(const char *dir, FILE **ret, struct mig_error *reterr)
{
	char path[ENGINE_PATH + 16];

	snprintf(path, sizeof(path), "%s/journal", dir);
	*ret = fopen(path, "re");
	if (*ret || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return mig_fail(reterr, -errno, "cannot read %s: %s", path, strerror(errno));
}

int engine_history_read(const char *dir, struct engine_history *ret, struct mig_error *reterr)
{
	_cleanup_fclose_ FILE *f = NULL;
	int r = open_journal(dir, &f, reterr);

	*ret = (struct engine_history){ 0 };
	if (f)
		engine_history_parse(f, ret);
	return r;
}

/* From the first whole line of that many bytes at the end; true: this is all of it. */
static bool parse_end(FILE *f, off_t n, struct engine_history *ret)
{
	off_t size = fseeko(f, 0, SEEK_END) < 0 ? 0 : ftello(f);
	bool all = size <= n || fseeko(f, size - n, SEEK_SET) < 0;
	int c = 0;

	if (all)
		rewind(f);
	while (!all && c != '\n' && c != EOF)
		c = fgetc(f);
	engine_history_parse(f, ret);
	return all;
}

int engine_history_last(const char *dir, struct engine_history *ret, struct mig_error *reterr)
{
	_cleanup_fclose_ FILE *f = NULL;
	int r = open_journal(dir, &f, reterr);

	*ret = (struct engine_history){ 0 };
	/* None found is nothing to free. */
	for (off_t n = 1 << 18; f && !parse_end(f, n, ret) && !ret->n; n *= 8)
		;
	/* What belongs to one that began before is no bad line. */
	ret->n_bad = 0;
	return r;
}

void engine_history_free(struct engine_history *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->entry[i].op);
	free(h->entry);
	*h = (struct engine_history){ 0 };
}

const struct engine_entry *engine_unfinished(const struct engine_history *h)
{
	const struct engine_entry *last = h->n ? &h->entry[h->n - 1] : NULL;

	if (!last || (last->ended && strcmp(last->result, engine_result_name(ENGINE_PARTLY)) != 0))
		return NULL;
	return last;
}
