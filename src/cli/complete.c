/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/takes.h"
#include "cli/topics.h"
#include "model/boards.h"
#include "model/machines.h"
#include "observe/observe.h"

/* A shell that waits is worse than one that offers less; MIGKIT_COMPLETION_MS says otherwise. */
#define LIMIT_MS  1500
#define MAX_MS	  600000
#define MAX_WORDS 256

/* --- candidates ----------------------------------------------------------------------------- */

void cli_candidate(const struct cli_complete *c, const char *word, const char *about)
{
	const char *typed = c->full + c->at;
	size_t cut = c->escape ? c->escape->cut : 0;

	if (strncmp(word, typed, strlen(typed)) != 0)
		return;
	/* Names of processes and of files may hold anything; a line is a candidate. */
	for (const char *p = word; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return;
	for (size_t i = cut; i < c->at; i++)
		fputc(c->full[i], c->out);
	for (const char *p = word + (cut > c->at ? cut - c->at : 0); *p; p++) {
		if (c->escape && strchr(c->escape->special, *p))
			fputc('\\', c->out);
		fputc(*p, c->out);
	}
	fprintf(c->out, "\t%s\n", about ? about : "");
}

void cli_candidate_fmt(const struct cli_complete *c, const char *about, const char *fmt, ...)
{
	char word[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(word, sizeof(word), fmt, ap);
	va_end(ap);
	cli_candidate(c, word, about);
}

static void offer_words(const struct cli_complete *c, const char *words)
{
	for (size_t len; words && *words; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		cli_candidate_fmt(c, NULL, "%.*s", (int)len, words);
	}
}

void cli_complete_command(const struct cli_complete *c, unsigned n, char *const *words)
{
	const char *last = "";

	for (const struct cli_cmd *cmd = cli_commands; cmd->name; cmd++) {
		const char *rest = cli_behind(cmd->name, (int)n, words);
		size_t len = rest ? strcspn(rest, " ") : 0;

		if (!rest || cmd->flags & CMD_HIDDEN)
			continue;
		/* "lab client" is one word to go on with, and stands for three commands. */
		if (strcspn(last, " ") == len && !strncmp(last, rest, len))
			continue;
		last = rest;
		cli_candidate_fmt(c, rest[len] ? cmd->group : cmd->summary, "%.*s", (int)len, rest);
	}
}

static void offer_data(const struct cli_complete *c, uint32_t takes)
{
	const struct mig_board_def *board;

	for (unsigned i = 0; takes & TAKES_BOARD && (board = mig_board_at(i)); i++)
		cli_candidate(c, board->key, "board");
	for (unsigned i = 0; takes & TAKES_MACHINE && mig_machine_at(i); i++)
		cli_candidate(c, mig_machine_at(i)->key, mig_machine_at(i)->title);
	for (unsigned i = 0; takes & TAKES_DRIVER && mig_driver_branch_at(i); i++)
		cli_candidate_fmt(c, "driver branch", "%u", mig_driver_branch_at(i));
	for (int i = 1; takes & TAKES_STATUS && i < 31; i++)
		cli_candidate(c, observe_status_name(i) + strlen("NVML_ERROR_"), NULL);
	for (const struct cli_topic *t = cli_topics; takes & TAKES_TOPIC && t->name; t++)
		if (!c->n_operands)
			cli_candidate(c, t->name, t->title);
}

void cli_complete_kinds(struct cli_complete *c, uint32_t takes, const char *words)
{
	const char *comma = takes & TAKES_MANY ? strrchr(c->full + c->at, ',') : NULL;

	if (comma)
		c->at = (size_t)(comma + 1 - c->full);
	offer_words(c, takes & TAKES_WORDS ? words : NULL);
	offer_data(c, takes);
	if (takes & TAKES_COMMAND)
		cli_complete_command(c, c->n_operands, c->operands);
	if (takes & TAKES_FILE)
		fprintf(c->out, ":file %zu\n", c->at);
	/* What can be slow comes last: the rest is out by then. */
	fflush(c->out);
	lab_complete_kinds(c, takes);
	if (takes & TAKES_LIVE)
		cli_complete_live(c, takes);
}

/* --- where the cursor is -------------------------------------------------------------------- */

static const struct cli_opt no_opts[] = { OPT_END };

static const struct cli_opt *opts_of(const struct cli_cmd *cmd)
{
	return cmd->opts ? cmd->opts : no_opts;
}

/* What later words are asked about. */
static void learn(struct cli_complete *c, const struct cli_opt *o, const char *value)
{
	static const struct {
		const char *option;
		size_t off;
	} kept[] = {
		{ "lab", offsetof(struct cli_complete, lab) },
		{ "id", offsetof(struct cli_complete, gpus) },
		{ "snapshot", offsetof(struct cli_complete, snapshot) },
		{ "board", offsetof(struct cli_complete, board) },
		{ "driver", offsetof(struct cli_complete, driver) },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		if (!strcmp(kept[i].option, o->name))
			*(const char **)(void *)((char *)c + kept[i].off) = value;
}

static const struct cli_opt *find_long(const struct cli_cmd *cmd, const char *word)
{
	size_t len = strcspn(word, "=") - 2;

	for (const struct cli_opt *o = opts_of(cmd); o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, word + 2, len))
			return o;
	return NULL;
}

/*
 * The option of a word such as "--board=a30", "--board", "-ba30" or "-cb"; value: where its value
 * begins in the word, NULL: it has none there. NULL: no option with a value.
 */
static const struct cli_opt *with_value(const struct cli_cmd *cmd, const char *word,
					const char **ret_value)
{
	const struct cli_opt *o;

	*ret_value = NULL;
	if (!strncmp(word, "--", 2)) {
		o = find_long(cmd, word);
		if (o && strchr(word, '='))
			*ret_value = strchr(word, '=') + 1;
		return o && o->kind != OPT_KIND_FLAG ? o : NULL;
	}
	for (const char *letter = word + 1; *letter; letter++) {
		o = opts_of(cmd);
		while (o->name && o->letter != *letter)
			o++;
		if (!o->name)
			return NULL;
		if (o->kind == OPT_KIND_FLAG)
			continue;
		*ret_value = letter[1] ? letter + 1 : NULL;
		return o;
	}
	return NULL;
}

static void offer_value(struct cli_complete *c, const struct cli_opt *o)
{
	const struct cli_takes_row *row = cli_takes_of(o);

	if (o->kind == OPT_KIND_ENUM) {
		for (int i = 0; o->values[i]; i++)
			cli_candidate(c, o->values[i], NULL);
		return;
	}
	if (row)
		cli_complete_kinds(c, row->takes, row->words);
}

static bool given(const struct cli_opt *o, int n, char *const *words)
{
	size_t len = strlen(o->name);

	for (int i = 0; i < n && o->kind != OPT_KIND_LIST; i++)
		if (!strncmp(words[i], "--", 2) && !strncmp(words[i] + 2, o->name, len) &&
		    (!words[i][2 + len] || words[i][2 + len] == '='))
			return true;
	return false;
}

static void offer_options(const struct cli_complete *c, int n, char *const *words)
{
	for (const struct cli_opt *o = opts_of(c->cmd); o->name; o++)
		if (!given(o, n, words))
			cli_candidate_fmt(c, o->help, "--%s", o->name);
	cli_candidate(c, "--help", "how it is used");
}

static void offer_operand(struct cli_complete *c)
{
	const struct cli_cmd *cmd = c->cmd;
	uint32_t takes = cmd->takes[c->n_operands && cmd->takes[1] ? 1 : 0];

	if (c->n_operands < cmd->max_args || cmd->max_args == CMD_ANY)
		cli_complete_kinds(c, takes, cmd->words);
}

/*
 * Reads the words in front of the cursor, which is word n. Returns the option whose value stands
 * there; NULL: none. ret_end: where "--" stands, or n.
 */
static const struct cli_opt *walk(struct cli_complete *c, int n, char **argv, int *ret_end)
{
	*ret_end = n;
	for (int i = 0; i < n; i++) {
		const struct cli_opt *o;
		const char *value;

		if (!strcmp(argv[i], "--") && *ret_end == n) {
			*ret_end = i;
			continue;
		}
		if (argv[i][0] != '-' || !argv[i][1] || *ret_end < n) {
			c->operands[c->n_operands++] = argv[i];
			continue;
		}
		o = with_value(c->cmd, argv[i], &value);
		/* "--watch" has its value in the next word only if that is a number. */
		if (!o || (!value && o->kind == OPT_KIND_MAYBE &&
			   (argv[i + 1][0] < '0' || argv[i + 1][0] > '9')))
			continue;
		if (!value && i + 1 == n)
			return o;
		learn(c, o, value ? value : argv[++i]);
	}
	return NULL;
}

/* The words behind a command's name, n of them before the cursor; front: words before these. */
static void behind_command(struct cli_complete *c, int n, char **argv, int front)
{
	const struct cli_opt *o;
	const char *value;
	int end;

	if (c->cmd->flags & CMD_RAW)
		return;
	o = walk(c, n, argv, &end);
	if (end < n && c->cmd->flags & CMD_PROGRAM) {
		fprintf(c->out, ":%s %d\n", end + 1 == n ? "program" : "arguments",
			front + end + 1);
	} else if (o) {
		offer_value(c, o);
	} else if (end < n || c->full[0] != '-') {
		offer_operand(c);
	} else {
		o = with_value(c->cmd, c->full, &value);
		c->at = value ? (size_t)(value - c->full) : 0;
		if (value && o)
			offer_value(c, o);
		else
			offer_options(c, n, argv);
	}
}

static void first_word(struct cli_complete *c)
{
	if (!strncmp(c->full, "--lab=", 6)) {
		c->at = 6;
		cli_complete_kinds(c, TAKES_LAB, NULL);
		return;
	}
	cli_complete_command(c, 0, NULL);
	if (c->full[0] != '-')
		return;
	cli_candidate(c, "--lab", "use this lab");
	cli_candidate(c, "--version", "of migctl");
	/* "migctl -i 1" is "migctl status -i 1". */
	c->cmd = &cli_commands[0];
	behind_command(c, 0, NULL, 0);
}

/* All words of the line behind "migctl"; the last one is at the cursor. */
static void at_cursor(struct cli_complete *c, int argc, char **argv)
{
	int front = 0, words;

	c->full = argv[argc - 1];
	if (argc > 1 && !strcmp(argv[0], "--lab"))
		front = 2;
	else if (argc > 1 && !strncmp(argv[0], "--lab=", 6))
		front = 1;
	if (front == argc) {
		cli_complete_kinds(c, TAKES_LAB, NULL);
		return;
	}
	if (front)
		c->lab = front == 2 ? argv[1] : argv[0] + 6;
	argc -= front;
	argv += front;
	if (argc == 1) {
		first_word(c);
		return;
	}
	c->cmd = cli_find(argc - 1, argv, &words);
	if (!c->cmd && argv[0][0] == '-')
		c->cmd = &cli_commands[0];
	if (!c->cmd || words == argc - 1)
		cli_complete_command(c, (unsigned)argc - 1, argv);
	if (c->cmd)
		behind_command(c, argc - 1 - words, argv + words, front + words);
}

/* --- the command ---------------------------------------------------------------------------- */

struct question {
	int argc;
	char **argv;
	const struct cli_escape *escape;
};

static int answer(FILE *out, void *arg)
{
	const struct question *q = arg;
	char *operands[MAX_WORDS];
	struct cli_complete c = { .out = out, .operands = operands, .escape = q->escape };

	at_cursor(&c, q->argc, q->argv);
	return 0;
}

static unsigned limit(void)
{
	const char *text = getenv("MIGKIT_COMPLETION_MS");
	unsigned long ms = text ? strtoul(text, NULL, 10) : 0;

	return ms > 0 && ms <= MAX_MS ? (unsigned)ms : LIMIT_MS;
}

int cmd_complete(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct question q = { .argc = argc - 1, .argv = argv + 1 };
	char *words[MAX_WORDS];
	struct cli_escape escape;

	(void)cmd;
	if (argc > 1 && argc <= MAX_WORDS && !strcmp(argv[0], "--"))
		return cli_with_time_limit(answer, &q, limit());
	if (argc != 3 || strcmp(argv[0], "--line") != 0)
		return mig_fail(reterr, -EINVAL,
				"the shells' completion asks this: migctl __complete -- WORD...");
	/* The first word is the program. */
	q.argc = (int)cli_split_line(argv[1], argv[2], words, MAX_WORDS, &escape) - 1;
	q.argv = words + 1;
	q.escape = &escape;
	return q.argc > 0 ? cli_with_time_limit(answer, &q, limit()) : CLI_EXIT_OK;
}
