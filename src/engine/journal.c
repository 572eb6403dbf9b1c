/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/json.h"

/* What an operation of 16 GPUs writes behind its first line is less. */
#define ROOM (256 * 1024)

void engine_now(char ret[32])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int failed(const char *what, struct mig_error *reterr)
{
	int r = -errno;

	return mig_fail(reterr, r, "cannot %s the journal of changes: %s", what, strerror(-r));
}

/* Whoever was killed while writing left a line without its end. */
static int end_torn_line(int fd, struct mig_error *reterr)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last = '\n';

	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		return failed("read", reterr);
	if (last != '\n' && write(fd, "\n", 1) != 1)
		return failed("write", reterr);
	return 0;
}

int engine_journal_open(const char *dir, struct mig_error *reterr)
{
	_cleanup_close_ int fd = -1;
	char path[ENGINE_PATH + 16];
	int r;

	snprintf(path, sizeof(path), "%s/journal", dir);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return mig_fail(reterr, -errno, "cannot open %s: %s; nothing was changed", path,
				strerror(errno));
	r = end_torn_line(fd, reterr);
	if (r < 0)
		return r;
	r = fd;
	fd = -1;
	return r;
}

/* A line is there whole or not at all. */
static int append(int fd, struct json_object *line, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	off_t before = lseek(fd, 0, SEEK_END);
	int n = asprintf(&text, "%s\n",
			 json_object_to_json_string_ext(
				 line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	ssize_t done;

	if (n < 0) {
		text = NULL;
		return mig_fail(reterr, -ENOMEM, "out of memory");
	}
	done = write(fd, text, (size_t)n);
	if (done == n && fdatasync(fd) >= 0)
		return 0;
	if (done >= 0 && done < n)
		errno = ENOSPC;
	n = failed("write", reterr);
	if (ftruncate(fd, before) < 0)
		return n;
	return n;
}

static void add_int(struct json_object *to, const char *key, int64_t v)
{
	json_object_object_add(to, key, json_object_new_int64(v));
}

static struct json_object *event(const struct engine_op *op, const char *name)
{
	struct json_object *o = json_object_new_object();

	add_int(o, "op", (int64_t)op->id);
	add_text(o, "event", name);
	return o;
}

static struct json_object *ci_json(const struct engine_ci *ci)
{
	struct json_object *o = json_object_new_object();

	add_int(o, "id", ci->id);
	add_text(o, "profile", ci->name);
	add_int(o, "profile_id", ci->profile_id);
	add_int(o, "start", ci->start);
	add_int(o, "size", ci->size);
	return o;
}

static struct json_object *layout_json(const struct engine_layout *l)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < l->n_gi; i++) {
		const struct engine_gi *gi = &l->gi[i];
		struct json_object *o = json_object_new_object(), *cis = json_object_new_array();

		add_int(o, "id", gi->id);
		add_text(o, "profile", gi->name);
		add_int(o, "profile_id", gi->profile_id);
		add_int(o, "start", gi->start);
		add_int(o, "size", gi->size);
		for (unsigned c = 0; c < gi->n_ci; c++)
			json_object_array_add(cis, ci_json(&gi->ci[c]));
		json_object_object_add(o, "compute_instances", cis);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *gpus_json(const struct engine_op *op)
{
	struct json_object *gpus = json_object_new_array();

	for (uint32_t i = 0; i < op->n_gpu; i++) {
		const struct engine_gpu *gpu = &op->gpu[i];
		struct json_object *g = json_object_new_object();

		add_text(g, "uuid", gpu->uuid);
		add_int(g, "index", gpu->index);
		add_int(g, "mode", gpu->mode);
		add_int(g, "reset", gpu->reset);
		add_int(g, "mode_was", gpu->mode_was);
		add_int(g, "pending_was", gpu->pending_was);
		json_object_object_add(g, "from", layout_json(&gpu->from));
		json_object_object_add(g, "to", layout_json(&gpu->to));
		json_object_array_add(gpus, g);
	}
	return gpus;
}

int engine_journal_begin(int fd, const struct engine_op *op, struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "begin");

	add_text(o, "time", op->time);
	add_text(o, "user", op->user);
	add_int(o, "pid", op->pid);
	add_text(o, "boot", op->boot);
	add_text(o, "command", op->command);
	if (op->typed)
		add_int(o, "typed", 1);
	if (op->trial)
		add_int(o, "trial", 1);
	json_object_object_add(o, "gpus", gpus_json(op));
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, lseek(fd, 0, SEEK_END), ROOM) < 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return failed("make room in", reterr);
	return append(fd, o, reterr);
}

int engine_journal_step(int fd, const struct engine_op *op, const struct engine_step *step,
			struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "step");
	char text[160];

	add_text(o, "do", engine_do_name((enum engine_do)step->what));
	add_text(o, "text", engine_step_text(step, text, sizeof(text)));
	add_int(o, "gpu", op->gpu[step->gpu].index);
	if (op->trial) {
		add_text(o, "profile", step->gi.name);
		add_int(o, "profile_id", step->gi.profile_id);
		add_int(o, "start", step->gi.start);
	}
	return append(fd, o, reterr);
}

int engine_journal_did(int fd, const struct engine_op *op, int status, struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "did");

	add_int(o, "status", status);
	return append(fd, o, reterr);
}

int engine_journal_tried(int fd, const struct engine_op *op, int status, int start,
			 struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "did");

	add_int(o, "status", status);
	if (start >= 0)
		add_int(o, "start", start);
	return append(fd, o, reterr);
}

int engine_journal_recover(int fd, const struct engine_op *op, struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "recover");
	char now[32];

	engine_now(now);
	add_text(o, "time", now);
	return append(fd, o, reterr);
}

int engine_journal_end(int fd, const struct engine_op *op, const char *result, const char *why,
		       struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = event(op, "end");
	char now[32];

	engine_now(now);
	add_text(o, "time", now);
	add_text(o, "result", result);
	add_text(o, "why", why);
	/* Only now it is known what came of it. */
	if (op->typed)
		json_object_object_add(o, "gpus", gpus_json(op));
	return append(fd, o, reterr);
}
