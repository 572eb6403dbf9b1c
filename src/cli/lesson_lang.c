/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/lesson.h"

static bool wants_chinese(const char *locale)
{
	return strncmp(locale, "zh", 2) == 0 &&
	       (!locale[2] || locale[2] == '_' || locale[2] == '-' || locale[2] == '.');
}

/*
 * What the environment asks for, installed or not: a small container that has no zh_TW locale still
 * has a reader who set it. On a terminal that is not UTF-8 our texts would be noise; it gets
 * English.
 */
static const char *from_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	if (!render_locale_is_utf8())
		return "en";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return wants_chinese(value) ? "zh-TW" : "en";
	}
	return "en";
}

int lesson_find_language(const char *name)
{
	if (!name)
		name = from_environment();
	for (int i = 0; lesson_language_names[i]; i++)
		if (strcmp(lesson_language_names[i], name) == 0)
			return i;
	return -1;
}
