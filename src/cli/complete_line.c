/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "cli/complete.h"

/*
 * bash completes parts of words: what stands behind the last of COMP_WORDBREAKS ("=", ":", "@"), or
 * behind a quote that is still open. It shows its function words that are split there, and pieces
 * cannot be put together again without the line; so the line is what it hands over.
 */

/* What has to be escaped outside of quotes, and between double ones; nothing can be between single
 * ones. */
static const char outside[] = " \t\"'\\$`;&|<>()*?[]{}~#!";
static const char doubled[] = "\"\\$`";

struct split {
	char *to;    /* where the next character of the word goes: never behind what is read */
	char *begin; /* of the word */
	char *part;  /* of what the shell completes of it */
	char quote;  /* that is open; 0: none */
	bool word;   /* we are in one */
};

static void begin_word(struct split *s)
{
	if (s->word)
		return;
	s->word = true;
	s->begin = s->part = s->to;
}

/* A character that is no quote and ends no word. */
static void take(struct split *s, char c, bool breaks)
{
	begin_word(s);
	*s->to++ = c;
	if (breaks)
		s->part = s->to;
}

/* Returns how many characters it has read. */
static unsigned step(struct split *s, const char *at, const char *breaks)
{
	char c = *at;

	if (s->quote && c == s->quote) {
		s->quote = 0;
		return 1;
	}
	if (!s->quote && (c == '\'' || c == '"')) {
		begin_word(s);
		s->quote = c;
		return 1;
	}
	if (c == '\\' && s->quote != '\'' && at[1] && (!s->quote || strchr(doubled, at[1]))) {
		take(s, at[1], false);
		return 2;
	}
	take(s, c, !s->quote && strchr(breaks, c));
	return 1;
}

unsigned cli_split_line(char *line, const char *breaks, char **words, unsigned cap,
			struct cli_escape *ret)
{
	struct split s = { .to = line };
	unsigned n = 0;
	char *opened = NULL;

	for (const char *at = line; *at;) {
		if (!s.quote && (*at == ' ' || *at == '\t')) {
			at++;
			if (!s.word)
				continue;
			s.word = false;
			/* The blank that was read leaves room for the end of the word. */
			*s.to++ = '\0';
			if (n + 1 < cap)
				words[n++] = s.begin;
			continue;
		}
		char before = s.quote;

		at += step(&s, at, breaks);
		if (s.quote && !before)
			opened = s.to;
	}
	begin_word(&s);
	*s.to = '\0';
	words[n++] = s.begin;
	if (s.quote)
		s.part = opened;
	ret->cut = (size_t)(s.part - s.begin);
	ret->special = s.quote == '\'' ? "" : s.quote ? doubled : outside;
	return n;
}
