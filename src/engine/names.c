/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/journal.h"
#include "engine/json.h"

#define MAX_FILE (1 << 20)
/* {"names": [{...}]} */
#define MAX_DEPTH 4

int engine_name_check(const char *name, struct mig_error *reterr)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	size_t len = strlen(name);

	if (!strcasecmp(name, "all") || !strcasecmp(name, "none") ||
	    !strncasecmp(name, "MIG-", 4) || !strncasecmp(name, "GPU-", 4))
		return mig_fail(reterr, -EINVAL,
				"'%.60s' cannot be a name: it means something else already", name);
	if (!isalpha((unsigned char)*name) || strspn(name, letters) != len ||
	    len >= ENGINE_NAME_MAX)
		return mig_fail(reterr, -EINVAL,
				"'%.60s' cannot be a name: one has a letter in front, then "
				"letters, digits, '-', '_' and '.', at most %d in all",
				name, ENGINE_NAME_MAX - 1);
	return 0;
}

void engine_names_free(struct engine_names *names)
{
	free(names->name);
	*names = (struct engine_names){ 0 };
}

const struct engine_name *engine_name_find(const struct engine_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->name[i].name, name))
			return &names->name[i];
	return NULL;
}

const char *engine_name_of(const struct engine_names *names, const char *uuid, const char *profile,
			   unsigned start)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct engine_name *e = &names->name[i];

		if (e->start == start && !strcmp(e->uuid, uuid) && !strcmp(e->profile, profile))
			return e->name;
	}
	return NULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int bad_entry(const char *path, size_t i, const char *what, struct mig_error *reterr)
{
	return mig_fail(reterr, -EINVAL,
			"%s: entry %zu %s; an entry is {\"name\": \"train-a\", \"gpu\": "
			"\"GPU-...\", \"profile\": \"3g.40gb\", \"start\": 4}",
			path, i + 1, what);
}

static int take_entry(struct json_object *o, size_t i, const char *path, struct engine_names *names,
		      struct mig_error *reterr)
{
	struct engine_name *e = &names->name[names->n];
	int64_t start;

	*e = (struct engine_name){ 0 };
	if (!json_object_is_type(o, json_type_object))
		return bad_entry(path, i, "is no object", reterr);
	if (!take_text(o, "name", e->name, sizeof(e->name)) || engine_name_check(e->name, NULL) < 0)
		return bad_entry(path, i, "has no good name", reterr);
	if (!take_text(o, "gpu", e->uuid, sizeof(e->uuid)) || strncmp(e->uuid, "GPU-", 4) != 0)
		return bad_entry(path, i, "names no GPU by its UUID", reterr);
	if (!take_text(o, "profile", e->profile, sizeof(e->profile)) || !e->profile[0] ||
	    strpbrk(e->profile, "/@"))
		return bad_entry(path, i, "names no profile", reterr);
	start = int_of(o, "start", UINT8_MAX);
	if (start < 0)
		return bad_entry(path, i, "has no start", reterr);
	e->start = (uint8_t)start;
	if (engine_name_find(names, e->name))
		return bad_entry(path, i, "has the name of one before it", reterr);
	names->n++;
	return 0;
}

static int take_all(struct json_object *o, const char *path, struct engine_names *ret,
		    struct mig_error *reterr)
{
	struct json_object *list = NULL;
	size_t n;
	int r = 0;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "names", &list) ||
	    !json_object_is_type(list, json_type_array))
		return mig_fail(reterr, -EINVAL, "%s: this is no list of names: {\"names\": [...]}",
				path);
	n = json_object_array_length(list);
	if (n > ENGINE_MAX_NAMES)
		return mig_fail(reterr, -EINVAL, "%s: more than %d names", path, ENGINE_MAX_NAMES);
	ret->name = calloc(n + 1, sizeof(*ret->name));
	if (!ret->name)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && r >= 0; i++)
		r = take_entry(json_object_array_get_idx(list, i), i, path, ret, reterr);
	return r;
}

static int bad_json(const char *text, size_t at, const char *path, const char *why,
		    struct mig_error *reterr)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	return mig_fail(reterr, -EINVAL, "%s:%zu:%zu: this is not JSON: %s", path, line, column,
			why);
}

int engine_names_parse(const char *text, size_t size, const char *path, struct engine_names *ret,
		       struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = NULL;
	struct json_tokener *tok = json_tokener_new_ex(MAX_DEPTH);
	size_t at, rest;
	int r;

	*ret = (struct engine_names){ 0 };
	if (!tok)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	o = json_tokener_parse_ex(tok, text, (int)size);
	at = json_tokener_get_parse_end(tok);
	rest = at;
	while (rest < size && isspace((unsigned char)text[rest]))
		rest++;
	if (json_tokener_get_error(tok) == json_tokener_continue)
		r = bad_json(text, size, path, "it ends too early", reterr);
	else if (!o)
		r = bad_json(text, at, path, json_tokener_error_desc(json_tokener_get_error(tok)),
			     reterr);
	else if (rest < size)
		r = bad_json(text, rest, path, "something follows its end", reterr);
	else
		r = take_all(o, path, ret, reterr);
	json_tokener_free(tok);
	if (r < 0)
		engine_names_free(ret);
	return r;
}

static int read_text(const char *path, char *buf, size_t *ret_n, struct mig_error *reterr)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT
				       : mig_fail(reterr, -errno, "cannot read %s: %s", path,
						  strerror(errno));
	while ((got = read(fd, buf + n, MAX_FILE - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		return mig_fail(reterr, -errno, "cannot read %s: %s", path, strerror(errno));
	if (n == MAX_FILE)
		return mig_fail(reterr, -EFBIG, "%s is too large for a list of names", path);
	*ret_n = n;
	return 0;
}

int engine_names_read(const char *dir, struct engine_names *ret, struct mig_error *reterr)
{
	_cleanup_free_ char *text = malloc(MAX_FILE);
	char path[ENGINE_PATH + 32];
	size_t n = 0;
	int r;

	*ret = (struct engine_names){ 0 };
	if (!text)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	snprintf(path, sizeof(path), "%.*s/" ENGINE_NAMES_FILE, ENGINE_PATH, dir);
	r = read_text(path, text, &n, reterr);
	/* Nobody has given a name yet. */
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : engine_names_parse(text, n, path, ret, reterr);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* A line for each, for people who look into the file. */
bool engine_names_print(FILE *f, const struct engine_names *names)
{
	fputs("{\"names\": [", f);
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_(putp) struct json_object *o = json_object_new_object();

		add_text(o, "name", names->name[i].name);
		add_text(o, "gpu", names->name[i].uuid);
		add_text(o, "profile", names->name[i].profile);
		json_object_object_add(o, "start", json_object_new_int(names->name[i].start));
		fprintf(f, "%s\n%s", i ? "," : "",
			json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED));
	}
	fputs("\n]}\n", f);
	return !ferror(f);
}

static int write_new(const char *path, const struct engine_names *names)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool ok;
	int error;

	if (!f) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return -error;
	}
	errno = 0;
	/* Readable for all whatever the umask of who names first. */
	ok = engine_names_print(f, names) && fflush(f) == 0 && fchmod(fd, 0644) == 0 &&
	     fsync(fd) == 0;
	error = errno ? errno : EIO;
	if (fclose(f) != 0 && ok) {
		ok = false;
		error = errno;
	}
	return ok ? 0 : -error;
}

int engine_names_write(const char *dir, const struct engine_names *names, struct mig_error *reterr)
{
	char path[ENGINE_PATH + 32], beside[ENGINE_PATH + 32];
	int r;

	snprintf(path, sizeof(path), "%.*s/" ENGINE_NAMES_FILE, ENGINE_PATH, dir);
	snprintf(beside, sizeof(beside), "%.*s/" ENGINE_NAMES_FILE ".new", ENGINE_PATH, dir);
	r = write_new(beside, names);
	if (r >= 0 && rename(beside, path) < 0)
		r = -errno;
	if (r >= 0)
		return 0;
	(void)unlink(beside);
	return mig_fail(reterr, r, "cannot write %s: %s; nothing was changed", path, strerror(-r));
}
