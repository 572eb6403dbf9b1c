/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/topics.h"

/* Column at which the second column of a help text starts. */
#define HELP_COLUMN 22
#define HELP_WIDTH  80

/* Prints text from the cursor's column on, broken at blanks, further lines at the indent. */
static void wrap(const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (column + len > HELP_WIDTH && column > indent) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		printf("%.*s", (int)len, text);
		column += len;
		text += len;
		if (*text == ' ') {
			text++;
			if (column + 1 + strcspn(text, " ") <= HELP_WIDTH)
				putchar(' ');
			column++;
		}
	}
	putchar('\n');
}

static void two_columns(const char *left, const char *right)
{
	int n = printf("  %s", left);

	if (n + 2 > HELP_COLUMN) {
		printf("\n%*s", HELP_COLUMN, "");
	} else {
		printf("%*s", HELP_COLUMN - n, "");
	}
	wrap(right, HELP_COLUMN, HELP_COLUMN);
}

static void option_line(const struct cli_opt *o)
{
	char left[96];
	char letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
		 o->arg ? o->arg : "");
	two_columns(left, o->help);
	if (o->kind == OPT_KIND_ENUM) {
		printf("%*s(", HELP_COLUMN, "");
		for (int i = 0; o->values[i]; i++)
			printf("%s%s", i ? ", " : "", o->values[i]);
		printf(")\n");
	}
}

void cli_help_overview(void)
{
	const char *group = "";

	printf("Usage: migctl [--lab NAME] [COMMAND] [WORDS]...\n"
	       "       migctl --version\n"
	       "       migctl help COMMAND|TOPIC\n");
	for (const struct cli_cmd *c = cli_commands; c->name; c++) {
		if (c->flags & CMD_HIDDEN)
			continue;
		if (strcmp(group, c->group) != 0) {
			group = c->group;
			printf("\n%s:\n", group);
		}
		two_columns(c->name, c->summary);
	}
	printf("\nTopics of 'migctl help':\n");
	for (const struct cli_topic *t = cli_topics; t->name; t++)
		two_columns(t->name, t->title);
	printf("\nWithout a chosen lab (--lab, MIGKIT_LAB or 'migctl lab use') migctl talks to the\n"
	       "real driver.\n");
}

void cli_help_command(const struct cli_cmd *cmd)
{
	bool options = cmd->opts && cmd->opts->name;

	printf("Usage: migctl %s%s%s%s\n\n", cmd->name, options ? " [OPTION]..." : "",
	       cmd->args ? " " : "", cmd->args ? cmd->args : "");
	printf("%s.\n", cmd->summary);
	if (cmd->details) {
		putchar('\n');
		wrap(cmd->details, 0, 0);
	}
	if (!options)
		return;
	printf("\nOptions:\n");
	for (const struct cli_opt *o = cmd->opts; o->name; o++)
		option_line(o);
}
