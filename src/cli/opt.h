/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_OPT_H
#define MIGKIT_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <migkit/error.h>

/*
 * Options as data over a struct on the command's own stack. Defaults are what the struct holds
 * before. Options may stand anywhere among the operands; "--" ends them.
 */

enum cli_opt_kind {
	OPT_KIND_END = 0,
	OPT_KIND_FLAG,	/* bool */
	OPT_KIND_STR,	/* const char *, points into argv */
	OPT_KIND_U64,	/* uint64_t, decimal or 0x */
	OPT_KIND_ENUM,	/* int: position in values */
	OPT_KIND_LIST,	/* struct cli_list: may be given more than once */
	OPT_KIND_MAYBE, /* const char *: a value that may be left out (""), or a number */
};

struct cli_opt {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	uint8_t kind;
	size_t off;
	const char *arg;	   /* name of the value, for help */
	const char *const *values; /* of an enum, ends with NULL */
	const char *help;
};

#define CLI_LIST_MAX 32

struct cli_list {
	unsigned n;
	const char *v[CLI_LIST_MAX];
};

#define OPT_FLAG(n, l, o, h)                          \
	{                                             \
		n, l, OPT_KIND_FLAG, o, NULL, NULL, h \
	}
#define OPT_STR(n, l, o, a, h)                    \
	{                                         \
		n, l, OPT_KIND_STR, o, a, NULL, h \
	}
#define OPT_U64(n, l, o, a, h)                    \
	{                                         \
		n, l, OPT_KIND_U64, o, a, NULL, h \
	}
#define OPT_ENUM(n, l, o, a, v, h)              \
	{                                       \
		n, l, OPT_KIND_ENUM, o, a, v, h \
	}
#define OPT_LIST(n, l, o, a, h)                    \
	{                                          \
		n, l, OPT_KIND_LIST, o, a, NULL, h \
	}
/* The next word is its value only if it begins with a digit: "--watch", "--watch 5", "-w5". */
#define OPT_MAYBE(n, l, o, a, h)                    \
	{                                           \
		n, l, OPT_KIND_MAYBE, o, a, NULL, h \
	}
#define OPT_END                                            \
	{                                                  \
		NULL, 0, OPT_KIND_END, 0, NULL, NULL, NULL \
	}

struct cli_cmd;

/*
 * Fills args and leaves the operands in argv[0..*argc-1], NULL behind them; checks how many there
 * are. -EINVAL with a sentence that names the word and the nearest right one.
 */
int cli_parse(const struct cli_cmd *cmd, void *args, int *argc, char **argv,
	      struct mig_error *reterr);

/* Whether --help (or -h) stands among the words, before any "--". */
bool cli_wants_help(int argc, char *const *argv);

#endif
