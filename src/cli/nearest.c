/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/nearest.h"

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits, and swaps of neighbours, between two words of fewer than 48 characters. */
static unsigned edits(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned before[48] = { 0 }, last[48], now[48] = { 0 };

	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned swap = a[i - 1] != b[j - 1];

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + swap);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		memcpy(before, last, sizeof(last));
		memcpy(last, now, sizeof(now));
	}
	return last[nb];
}

void cli_nearest_begin(struct cli_nearest *n, const char *word, size_t len)
{
	memset(n, 0, sizeof(*n));
	if (len < sizeof(n->word))
		memcpy(n->word, word, len);
}

void cli_nearest_add_len(struct cli_nearest *n, const char *candidate, size_t nb)
{
	size_t na = strlen(n->word);
	unsigned d;

	if (!na || nb >= sizeof(n->best))
		return;
	d = edits(n->word, na, candidate, nb);
	/* A beginning is meant for the whole word, however much is missing. */
	if (na >= 2 && na < nb && !strncmp(candidate, n->word, na) && d > 1)
		d = 1;
	if (d > 1 + na / 3 || d >= na)
		return;
	if (n->best[0] && d >= n->distance)
		return;
	memcpy(n->best, candidate, nb);
	n->best[nb] = '\0';
	n->distance = d;
}

void cli_nearest_add(struct cli_nearest *n, const char *candidate)
{
	cli_nearest_add_len(n, candidate, strlen(candidate));
}

const char *cli_nearest_get(const struct cli_nearest *n)
{
	return n->best[0] ? n->best : NULL;
}
