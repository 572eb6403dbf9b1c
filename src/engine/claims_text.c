/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/claims.h"
#include "engine/json.h"

/*
 * A claim's file: one JSON object, padded with blanks to a size that all of them have, and written
 * in one call. Other users' files are read: they may hold anything.
 */

#define RECORD 4096

int engine_claim_write(int fd, const struct engine_claim *claim, struct mig_error *reterr)
{
	_cleanup_(putp) struct json_object *o = json_object_new_object();
	char record[RECORD];
	const char *text;
	int n;

	json_object_object_add(o, "waiting", json_object_new_boolean(claim->waiting));
	json_object_object_add(o, "create", json_object_new_boolean(claim->create));
	json_object_object_add(o, "pid", json_object_new_int64(claim->pid));
	json_object_object_add(o, "runner", json_object_new_int64(claim->runner));
	add_text(o, "device", claim->device);
	add_text(o, "profile", claim->profile);
	add_text(o, "user", claim->user);
	add_text(o, "since", claim->since);
	add_text(o, "command", claim->command);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	n = snprintf(record, sizeof(record), "%s", text);
	if (n < 0 || (size_t)n >= sizeof(record))
		return mig_fail(reterr, -E2BIG, "the command is too long to be written down");
	memset(record + n, ' ', sizeof(record) - (size_t)n);
	record[sizeof(record) - 1] = '\n';
	if (pwrite(fd, record, sizeof(record), 0) != (ssize_t)sizeof(record))
		return mig_fail(reterr, errno ? -errno : -ENOSPC,
				"cannot write down who has which device: %s", strerror(errno));
	return 0;
}

static bool take_bool(struct json_object *o, const char *key, bool *ret)
{
	struct json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_boolean))
		return false;
	*ret = json_object_get_boolean(v);
	return true;
}

static bool take_pid(struct json_object *o, const char *key, uint32_t *ret)
{
	struct json_object *v = NULL;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return false;
	n = json_object_get_int64(v);
	*ret = (uint32_t)n;
	/* One that is sent a signal must never be a group, or everybody. */
	return n > 1 && n <= INT32_MAX;
}

static bool take_all(struct json_object *o, struct engine_claim *c)
{
	return take_bool(o, "waiting", &c->waiting) && take_bool(o, "create", &c->create) &&
	       take_pid(o, "pid", &c->pid) && take_pid(o, "runner", &c->runner) &&
	       take_text(o, "device", c->device, sizeof(c->device)) &&
	       take_text(o, "profile", c->profile, sizeof(c->profile)) &&
	       take_text(o, "user", c->user, sizeof(c->user)) &&
	       take_text(o, "since", c->since, sizeof(c->since)) &&
	       take_text(o, "command", c->command, sizeof(c->command)) &&
	       (c->waiting || c->device[0]);
}

bool engine_claim_parse(const char *text, size_t size, struct engine_claim *ret)
{
	_cleanup_(putp) struct json_object *o = NULL;
	struct json_tokener *tok;

	*ret = (struct engine_claim){ 0 };
	if (size > RECORD)
		return false;
	tok = json_tokener_new_ex(4);
	if (!tok)
		return false;
	o = json_tokener_parse_ex(tok, text, (int)size);
	json_tokener_free(tok);
	return o && json_object_is_type(o, json_type_object) && take_all(o, ret);
}
