/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_NEAREST_H
#define MIGKIT_CLI_NEAREST_H

#include <stddef.h>

/* Which of the right words somebody may have meant. */
struct cli_nearest {
	char word[48];
	char best[48];
	unsigned distance;
};

/* word need not end at len; a word too long to be a typing error finds nothing. */
void cli_nearest_begin(struct cli_nearest *n, const char *word, size_t len);
void cli_nearest_add(struct cli_nearest *n, const char *candidate);
/* The same of the first len characters. */
void cli_nearest_add_len(struct cli_nearest *n, const char *candidate, size_t len);
/* NULL: none is near enough to be worth saying. */
const char *cli_nearest_get(const struct cli_nearest *n);

#endif
