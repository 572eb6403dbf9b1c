/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>

#include "render/render.h"

/* The parts of a picture in words: what a screen reader says, and a pointer shows. */

static __attribute__((format(printf, 3, 4))) void add(char *buf, size_t size, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
}

const char *render_place(char buf[16], unsigned start, unsigned size)
{
	if (size > 1)
		snprintf(buf, 16, "%u-%u", start, start + size - 1);
	else
		snprintf(buf, 16, "%u", start);
	return buf;
}

static void add_users(char *buf, size_t size, const struct render_words *words,
		      const struct render_users *users)
{
	for (unsigned i = 0; i < users->n && i < RENDER_MAX_USERS; i++)
		add(buf, size, ", %s %u", users->user[i].name, users->user[i].pid);
	if (users->n > RENDER_MAX_USERS)
		add(buf, size, ", +%u%s", users->n - RENDER_MAX_USERS, words->more ?: " more");
}

void render_gpu_title(const struct render_gpu *gpu, const char *mode, char *buf, size_t size)
{
	buf[0] = 0;
	if (gpu->index != RENDER_NO_INDEX)
		add(buf, size, "GPU %u, ", gpu->index);
	add(buf, size, "%s%s%s", gpu->name, *mode ? ", " : "", mode);
	if (gpu->memory.full[0])
		add(buf, size, ", %s", gpu->memory.full);
	add_users(buf, size, gpu->words, &gpu->users);
}

void render_gi_title(const struct render_gpu *gpu, const struct render_gi *gi, char *buf,
		     size_t size)
{
	char place[16];

	buf[0] = 0;
	if (gi->id != RENDER_NO_ID)
		add(buf, size, "GI %u, ", gi->id);
	add(buf, size, "%s at %s", gi->name, render_place(place, gi->start, gi->size));
	if (gi->memory.full[0])
		add(buf, size, ", %s", gi->memory.full);
	if (!gi->n_ci && !gi->hidden)
		add(buf, size, ", %s", gpu->words->no_ci);
}

void render_ci_title(const struct render_gpu *gpu, const struct render_ci *ci, char *buf,
		     size_t size)
{
	buf[0] = 0;
	if (ci->id != RENDER_NO_ID)
		add(buf, size, "CI %u, ", ci->id);
	add(buf, size, "%s", ci->name);
	if (ci->in_use)
		add(buf, size, ", %s", gpu->words->in_use);
	add_users(buf, size, gpu->words, &ci->users);
}
