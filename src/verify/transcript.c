/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "verify/verify.h"

/* Enough for any board by far; what a child process sends is not trusted with more. */
#define MAX_RECORDS 100000

static char *one_line(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	return copy;
}

int verify_note(struct verify_transcript *t, const char *what, const char *answer)
{
	struct verify_record *r;

	if (t->n == MAX_RECORDS)
		return -ENOMEM;
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;

		r = realloc(t->record, room * sizeof(*r));
		if (!r)
			return -ENOMEM;
		t->record = r;
		t->room = room;
	}
	r = &t->record[t->n];
	r->what = one_line(what);
	r->answer = one_line(answer);
	t->n++;
	return r->what && r->answer ? 0 : -ENOMEM;
}

const char *verify_answer(const struct verify_transcript *t, const char *what, size_t *hint)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t at = (*hint + i) % t->n;

		if (strcmp(t->record[at].what, what) != 0)
			continue;
		*hint = at + 1;
		return t->record[at].answer;
	}
	return NULL;
}

void verify_transcript_free(struct verify_transcript *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->record[i].what);
		free(t->record[i].answer);
	}
	free(t->record);
	*t = (struct verify_transcript){ 0 };
}

int verify_write(const struct verify_transcript *t, FILE *to)
{
	for (size_t i = 0; i < t->n; i++)
		fprintf(to, "%s\t%s\n", t->record[i].what, t->record[i].answer);
	fprintf(to, "end %zu %u %u\n", t->n, t->creates, t->destroys);
	return fflush(to) == 0 && !ferror(to) ? 0 : -EIO;
}

int verify_read(FILE *from, struct verify_transcript *ret)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0, n;

	while (getline(&line, &size, from) >= 0) {
		char *tab = strchr(line, '\t');

		line[strcspn(line, "\n")] = '\0';
		if (!tab)
			return sscanf(line, "end %zu %u %u", &n, &ret->creates, &ret->destroys) ==
						       3 &&
					       n == ret->n
				       ? 0
				       : -EBADMSG;
		*tab = '\0';
		if (verify_note(ret, line, tab + 1) < 0)
			return -ENOMEM;
	}
	return -EBADMSG;
}
