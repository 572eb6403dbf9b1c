/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/complete.h"
#include "unit/check.h"

/* What a row of the table of commands lacks would be missing from help, completion or a page. */

#define ROW(ok, cmd, what)                                                         \
	do {                                                                       \
		if (!(ok)) {                                                       \
			fprintf(stderr, "'migctl %s': %s\n", (cmd)->name, (what)); \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

static void check_option(const struct cli_cmd *cmd, const struct cli_opt *o)
{
	char what[200];

	snprintf(what, sizeof(what), "--%s has no help", o->name);
	ROW(o->help && o->help[0], cmd, what);
	snprintf(what, sizeof(what), "--%s: the value of a flag, or an option without one",
		 o->name);
	ROW((o->kind == OPT_KIND_FLAG) == !o->arg, cmd, what);
	if (o->kind == OPT_KIND_FLAG || o->kind == OPT_KIND_ENUM)
		return;
	snprintf(what, sizeof(what), "src/cli/takes.c does not know what the value %s of --%s is",
		 o->arg, o->name);
	ROW(cli_takes_of(o), cmd, what);
	for (const struct cli_opt *p = cmd->opts; p != o; p++)
		ROW(strcmp(p->name, o->name) != 0 && (!o->letter || p->letter != o->letter), cmd,
		    "two options of the same name or letter");
}

static void check_row(const struct cli_cmd *cmd)
{
	ROW(cmd->fn, cmd, "does nothing");
	if (cmd->flags & CMD_HIDDEN)
		return;
	ROW(cmd->group && cmd->group[0], cmd, "has no .group");
	ROW(cmd->summary && cmd->summary[0], cmd, "has no .summary");
	ROW(cmd->summary[strlen(cmd->summary) - 1] != '.', cmd, ".summary ends in a full stop");
	ROW(!cmd->max_args || cmd->args, cmd, "operands, but no .args for the usage line");
	ROW(!cmd->max_args == !cmd->takes[0], cmd,
	    "operands need .takes, which says what completion offers for them");
	ROW(!(cmd->takes[0] & TAKES_WORDS) == !cmd->words, cmd, "TAKES_WORDS needs .words");
	for (const struct cli_opt *o = cmd->opts; o && o->name; o++)
		check_option(cmd, o);
}

static void order_of_groups(void)
{
	for (const struct cli_cmd *c = cli_commands; c->name; c++)
		for (const struct cli_cmd *d = c; d->name; d++)
			if (c->group && d->group && d > c + 1 && !strcmp(c->group, d->group) &&
			    d[-1].group)
				ROW(!strcmp(d[-1].group, c->group), d, "its group is split");
}

/* A line as bash hands it over: words, and how the last one is taken in. */
static void split(const char *line, unsigned n, const char *last, size_t cut, const char *special)
{
	char copy[200], *words[8];
	struct cli_escape escape;

	snprintf(copy, sizeof(copy), "%s", line);
	CHECK_EQ(cli_split_line(copy, " \t\n\"'@><=;|&(:", words, 8, &escape), n);
	CHECK_STR(words[n - 1], last);
	CHECK_EQ(escape.cut, cut);
	CHECK_EQ(strchr(escape.special, ' ') != NULL, strchr(special, ' ') != NULL);
	CHECK_EQ(strchr(escape.special, '$') != NULL, strchr(special, '$') != NULL);
}

static void lines(void)
{
	split("migctl", 1, "migctl", 0, " $");
	split("migctl ", 2, "", 0, " $");
	split("  migctl\t lab cre", 3, "cre", 0, " $");
	split("migctl --board=a10", 2, "--board=a10", 8, " $");
	split("migctl a100:2", 2, "a100:2", 5, " $");
	split("migctl 'a b", 2, "a b", 0, "");
	split("migctl --x='a b", 2, "--x=a b", 4, "");
	split("migctl 'a=b'c", 2, "a=bc", 0, " $");
	split("migctl \"a\\\"b", 2, "a\"b", 0, "$");
	split("migctl a\\ b", 2, "a b", 0, " $");
	split("migctl a\\=b", 2, "a=b", 0, " $");
	split("migctl ''", 2, "", 0, " $");
	split("migctl a\\", 2, "a\\", 0, " $");
	/* More words than there is room for: the last one is still that at the cursor. */
	split("1 2 3 4 5 6 7 8 9 last", 8, "last", 0, " $");
}

int main(void)
{
	for (const struct cli_cmd *c = cli_commands; c->name; c++)
		check_row(c);
	order_of_groups();
	lines();
	return 0;
}
