/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/made.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/journal.h"
#include "engine/json.h"

static void folder_of(const char *state, char ret[ENGINE_PATH + 16])
{
	snprintf(ret, ENGINE_PATH + 16, "%.*s/made", ENGINE_PATH, state);
}

/* One file for each place. */
static void path_of(const char *state, const struct engine_made *made, char ret[ENGINE_PATH + 128])
{
	snprintf(ret, ENGINE_PATH + 128, "%.*s/made/%s-%u@%u", ENGINE_PATH, state, made->uuid,
		 made->profile_id, made->start);
}

int engine_made_write(const char *state, const struct engine_made *made, struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = json_object_new_object();
	char folder[ENGINE_PATH + 16], path[ENGINE_PATH + 128];
	_cleanup_close_ int fd = -1;
	const char *text;

	folder_of(state, folder);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return mig_fail(reterr, -errno, "cannot make %s: %s; nothing was changed", folder,
				strerror(errno));
	add_text(o, "gpu", made->uuid);
	add_text(o, "boot", made->boot);
	add_text(o, "profile", made->name);
	json_object_object_add(o, "profile_id", json_object_new_int(made->profile_id));
	json_object_object_add(o, "start", json_object_new_int(made->start));
	add_text(o, "command", made->command);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	path_of(state, made, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return 0;
	return mig_fail(reterr, errno ? -errno : -ENOSPC,
			"cannot write %s: %s; nothing was changed", path, strerror(errno));
}

void engine_made_remove(const char *state, const struct engine_made *made)
{
	char path[ENGINE_PATH + 128];

	path_of(state, made, path);
	(void)unlink(path);
}

static bool read_made(const char *path, struct engine_made *ret)
{
	_cleanup_(putp) struct json_object *o = json_object_from_file(path);
	int64_t profile, start;

	*ret = (struct engine_made){ 0 };
	if (!o || !json_object_is_type(o, json_type_object))
		return false;
	profile = int_of(o, "profile_id", UINT16_MAX);
	start = int_of(o, "start", UINT8_MAX);
	ret->profile_id = (uint16_t)profile;
	ret->start = (uint8_t)start;
	return profile >= 0 && start >= 0 && take_text(o, "gpu", ret->uuid, sizeof(ret->uuid)) &&
	       take_text(o, "boot", ret->boot, sizeof(ret->boot)) &&
	       take_text(o, "profile", ret->name, sizeof(ret->name)) &&
	       take_text(o, "command", ret->command, sizeof(ret->command));
}

bool engine_made_any(const char *state)
{
	char folder[ENGINE_PATH + 16];
	bool any = false;
	struct dirent *d;
	DIR *dir;

	folder_of(state, folder);
	dir = opendir(folder);
	while (dir && !any && (d = readdir(dir)))
		any = d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return any;
}

unsigned engine_made_list(const char *state, struct engine_made *ret, unsigned cap)
{
	char folder[ENGINE_PATH + 16], path[ENGINE_PATH + 300];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	folder_of(state, folder);
	dir = opendir(folder);
	while (dir && n < cap && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		if (read_made(path, &ret[n]))
			n++;
		else
			(void)unlink(path);
	}
	if (dir)
		closedir(dir);
	return n;
}
