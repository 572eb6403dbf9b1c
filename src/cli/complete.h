/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_COMPLETE_H
#define MIGKIT_CLI_COMPLETE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cmd.h"

/*
 * Completion: the scripts of data/completion/ ask 'migctl __complete' for what could stand at the
 * cursor, and it answers from the table of commands, the data, and the driver or lab.
 *
 * A line of the answer is a candidate for the whole word, and behind a tab what it means. A line
 * ":KIND N" leaves the rest to the shell: files from the N-th byte of the word on, or (program,
 * arguments) a command line of its own behind the first N words.
 */
struct cli_complete {
	FILE *out;
	/* What the words before the cursor say. */
	const struct cli_cmd *cmd;
	char **operands;
	unsigned n_operands;
	const char *lab, *gpus, *snapshot, *board, *driver;
	/* The word at the cursor; what is completed begins at its byte "at": "0," and "--id=" stay.
	 */
	const char *full;
	size_t at;
	const struct cli_escape *escape; /* NULL: none is needed */
};

/* How a shell's line takes a candidate in; see complete_line.c. */
struct cli_escape {
	size_t cut;	     /* bytes of the word that the shell keeps by itself */
	const char *special; /* characters that get a backslash */
};

/* Prints a candidate if it begins with what is typed of it; about may be NULL. */
void cli_candidate(const struct cli_complete *c, const char *word, const char *about);
/* The same with more words in between: "3g.40gb@4" as ("3g.40gb", "@", 4). */
void cli_candidate_fmt(const struct cli_complete *c, const char *about, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints what the kinds (enum cli_takes) offer; words: of TAKES_WORDS. */
void cli_complete_kinds(struct cli_complete *c, uint32_t takes, const char *words);
/* Commands that begin with the words: their next word. */
void cli_complete_command(const struct cli_complete *c, unsigned n, char *const *words);
/* complete_live.c: what the driver, a lab's driver or a recording knows. */
void cli_complete_live(struct cli_complete *c, uint32_t takes);
/* lab_complete.c: what the files of labs know. */
void lab_complete_kinds(const struct cli_complete *c, uint32_t takes);

/*
 * complete_line.c: the words of a line up to the cursor as a shell would split it, and of the last
 * one how it takes candidates in. Returns how many there are, at most cap; words point into the
 * line.
 */
unsigned cli_split_line(char *line, const char *breaks, char **words, unsigned cap,
			struct cli_escape *ret);

/*
 * Runs fn in a child process and copies what it prints to the standard output, until it ends or the
 * time is over: a driver that hangs must not take the user's shell with it.
 */
int cli_with_time_limit(int (*fn)(FILE *out, void *arg), void *arg, unsigned ms);

#endif
