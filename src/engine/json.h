/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_JSON_H
#define MIGKIT_ENGINE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Only for src/engine: what its files have in common. They are read as if anybody had written them.
 */

static inline void putp(struct json_object **o)
{
	json_object_put(*o);
}

static inline void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

/* false: it is not there, no text, or too long */
static inline bool take_text(struct json_object *o, const char *key, char *ret, size_t size)
{
	struct json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) >= size)
		return false;
	snprintf(ret, size, "%s", json_object_get_string(v));
	return true;
}

/* -1: it is not there, or out of range */
static inline int64_t int_of(struct json_object *o, const char *key, int64_t max)
{
	struct json_object *v = NULL;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return -1;
	n = json_object_get_int64(v);
	return n < 0 || n > max ? -1 : n;
}

#endif
