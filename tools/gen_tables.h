/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TOOLS_GEN_TABLES_H
#define MIGKIT_TOOLS_GEN_TABLES_H

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "model/boards.h"

/* Shared by the generators of the compiled-in tables: the files of a folder, C in and out. */

#define MAX_TABLES  64
#define MAX_SOURCES 64

struct table_paths {
	char path[MAX_TABLES][PATH_MAX];
	unsigned n;
};

static inline void put_text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s < ' ' || *s > '~')
			fprintf(f, "\\%03o", (unsigned char)*s);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

static inline void put_sources(FILE *f, const char *indent, const struct mig_source *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%s{ ", indent);
		put_text(f, s[i].code);
		fprintf(f, ", ");
		put_text(f, s[i].text);
		fprintf(f, ", %u },\n", s[i].confirms);
	}
}

static inline void put_notes(FILE *f, const char *indent, const struct mig_note *note, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "%s{ ", indent);
		put_text(f, note[i].about);
		fprintf(f, ", ");
		put_text(f, note[i].text);
		fprintf(f, " },\n");
	}
}

static inline int is_table(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".yaml") == 0 &&
	       strcmp(d->d_name, "sources.yaml") != 0;
}

/* Paths of the tables of a folder, ascending. */
static inline int list_tables(struct table_paths *ret, const char *folder, struct mig_error *reterr)
{
	struct dirent **found = NULL;
	int n, r = 0;

	n = scandir(folder, &found, is_table, alphasort);
	if (n < 0)
		return mig_fail(reterr, -errno, "%s: %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (i >= MAX_TABLES)
			r = mig_fail(reterr, -E2BIG, "%s: more than %d tables", folder, MAX_TABLES);
		else
			snprintf(ret->path[ret->n++], sizeof(ret->path[0]), "%s/%s", folder,
				 found[i]->d_name);
		free(found[i]);
	}
	free(found);
	if (r == 0 && !n)
		r = mig_fail(reterr, -ENOENT, "%s: no such file in it", folder);
	return r;
}

/* What ninja looks at: the folder too, so that adding a table is adding a file. */
static inline int write_deps(const struct table_paths *paths, const char *path, const char *out,
			     const char *sources, const char *folder, struct mig_error *reterr)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return mig_fail(reterr, -errno, "%s: %s", path, strerror(errno));
	fprintf(f, "%s: %s %s", out, folder, sources);
	for (unsigned i = 0; i < paths->n; i++)
		fprintf(f, " %s", paths->path[i]);
	fprintf(f, "\n");
	if (ferror(f) | fclose(f))
		return mig_fail(reterr, -EIO, "%s: cannot be written", path);
	return 0;
}

#endif
