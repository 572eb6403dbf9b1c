/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/nearest.h"
#include "cli/topics.h"

/* How many of the words a name like "lab client start" takes up; 0: another command. */
static int match(const char *name, int argc, char *const *argv)
{
	int n = 0;

	while (*name) {
		size_t len = strcspn(name, " ");

		if (n >= argc || strlen(argv[n]) != len || strncmp(argv[n], name, len) != 0)
			return 0;
		n++;
		name += len + (name[len] == ' ');
	}
	return n;
}

const struct cli_cmd *cli_find(int argc, char *const *argv, int *ret_words)
{
	const struct cli_cmd *best = NULL;

	*ret_words = 0;
	for (const struct cli_cmd *c = cli_commands; c->name; c++) {
		int n = match(c->name, argc, argv);

		if (n > *ret_words) {
			*ret_words = n;
			best = c;
		}
	}
	return best;
}

const char *cli_behind(const char *name, int n, char *const *argv)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(argv[i]);

		if (strncmp(name, argv[i], len) != 0 || name[len] != ' ')
			return NULL;
		name += len + 1;
	}
	return name;
}

/* Prints the commands that start with the words; returns how many there are. */
static int list_family(int n, char *const *argv)
{
	int found = 0;

	for (const struct cli_cmd *c = cli_commands; c->name; c++) {
		if (!cli_behind(c->name, n, argv))
			continue;
		if (!found++)
			printf("Commands:\n");
		printf("  migctl %s%s%s\n      %s\n", c->name, c->args ? " " : "",
		       c->args ? c->args : "", c->summary);
	}
	return found;
}

/* How many of the words begin some command: the next one is the wrong one. */
static int right_words(int argc, char *const *argv)
{
	int n = 0;

	for (; n < argc; n++) {
		const struct cli_cmd *c = cli_commands;

		while (c->name && !cli_behind(c->name, n + 1, argv))
			c++;
		if (!c->name)
			break;
	}
	return n;
}

static int unknown(int argc, char *const *argv, bool topics, struct mig_error *reterr)
{
	int n = right_words(argc, argv);
	struct cli_nearest near;
	char where[64];

	snprintf(where, sizeof(where), "%s%s%s%s", n ? argv[0] : "", n > 1 ? " " : "",
		 n > 1 ? argv[1] : "", n ? " " : "");
	if (n == argc)
		return mig_fail(reterr, -EINVAL,
				"'migctl %.*s' needs a further word: 'migctl help %.*s' lists them",
				(int)strlen(where) - 1, where, (int)strlen(where) - 1, where);
	cli_nearest_begin(&near, argv[n], strlen(argv[n]));
	for (const struct cli_cmd *c = cli_commands; c->name; c++) {
		const char *rest = cli_behind(c->name, n, argv);

		if (rest && !(c->flags & CMD_HIDDEN))
			cli_nearest_add_len(&near, rest, strcspn(rest, " "));
	}
	for (const struct cli_topic *t = cli_topics; topics && !n && t->name; t++)
		cli_nearest_add(&near, t->name);
	if (cli_nearest_get(&near))
		return mig_fail(reterr, -EINVAL, "unknown %s '%s%.40s': did you mean '%s%s'?",
				topics && !n ? "command or topic" : "command", where, argv[n],
				where, cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL,
			"unknown command '%s%.40s': 'migctl help%s%.*s' lists the commands", where,
			argv[n], n ? " " : "", n ? (int)strlen(where) - 1 : 0, where);
}

static const struct cli_topic *find_topic(const char *name)
{
	const struct cli_topic *t = cli_topics;

	while (t->name && strcmp(t->name, name) != 0)
		t++;
	return t->name ? t : NULL;
}

int cmd_help(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	const struct cli_topic *topic;
	const struct cli_cmd *about;
	int words, r;

	r = cli_parse(cmd, NULL, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (argc == 0) {
		cli_help_overview();
		return CLI_EXIT_OK;
	}
	about = cli_find(argc, argv, &words);
	topic = argc == 1 ? find_topic(argv[0]) : NULL;
	if (about && words == argc) {
		cli_help_command(about);
		if (topic)
			printf("\n%s", topic->text);
		return CLI_EXIT_OK;
	}
	if (topic) {
		fputs(topic->text, stdout);
		return CLI_EXIT_OK;
	}
	if (!about && list_family(argc, argv))
		return CLI_EXIT_OK;
	return unknown(argc, argv, true, reterr);
}

/* Options in front of the command: --lab chooses for this run, as MIGKIT_LAB would. */
static int global_options(int *argc, char ***argv, struct mig_error *reterr)
{
	const char *name = NULL;
	int used = 0;

	if (!strcmp((*argv)[0], "--lab")) {
		name = *argc > 1 ? (*argv)[1] : NULL;
		used = 2;
	} else if (!strncmp((*argv)[0], "--lab=", 6)) {
		name = (*argv)[0] + 6;
		used = 1;
	}
	if (!used)
		return 0;
	if (!name || !*name)
		return mig_fail(reterr, -EINVAL, "--lab needs a value: migctl --lab NAME COMMAND");
	*argc -= used;
	*argv += used;
	return cli_lab_choose_now(name, reterr);
}

static bool is_option_of(const struct cli_cmd *cmd, const char *word)
{
	size_t len = strcspn(word, "=");

	for (const struct cli_opt *o = cmd->opts; o->name; o++)
		if ((word[0] == '-' && o->letter && word[1] == o->letter) ||
		    (!strncmp(word, "--", 2) && strlen(o->name) == len - 2 &&
		     !strncmp(word + 2, o->name, len - 2)))
			return true;
	return false;
}

static int run(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	if (!(cmd->flags & CMD_RAW) && cli_wants_help(argc, argv)) {
		cli_help_command(cmd);
		return CLI_EXIT_OK;
	}
	return cmd->fn(cmd, argc, argv, reterr);
}

static int unknown_global(const char *word, struct mig_error *reterr)
{
	struct cli_nearest near;

	cli_nearest_begin(&near, word, strlen(word));
	cli_nearest_add(&near, "--help");
	cli_nearest_add(&near, "--version");
	cli_nearest_add(&near, "--lab");
	cli_nearest_add(&near, "--snapshot");
	cli_nearest_add(&near, "--watch");
	if (cli_nearest_get(&near))
		return mig_fail(reterr, -EINVAL, "unknown option '%s': did you mean '%s'?", word,
				cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL, "unknown option '%s': 'migctl --help' lists what there is",
			word);
}

int cli_dispatch(int argc, char **argv, struct mig_error *reterr)
{
	const struct cli_cmd *cmd;
	int words, r;

	r = argc ? global_options(&argc, &argv, reterr) : 0;
	if (r < 0)
		return r;
	/* migctl alone shows the machine; options without a command are those of that. */
	if (argc == 0 || is_option_of(&cli_commands[0], argv[0])) {
		struct mig_error err = { 0 };

		r = run(&cli_commands[0], argc, argv, &err);
		if (r == -ENOTCONN && argc == 0)
			return mig_fail(reterr, r,
					"%s; 'migctl help' lists the commands, 'migctl lesson' "
					"shows them",
					err.msg);
		return r < 0 ? mig_fail(reterr, r, "%s", err.msg) : r;
	}
	if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
		cli_help_overview();
		return CLI_EXIT_OK;
	}
	if (!strcmp(argv[0], "--version")) {
		printf("migctl (migkit) %s\n", MIGKIT_VERSION);
		return CLI_EXIT_OK;
	}
	if (argv[0][0] == '-')
		return unknown_global(argv[0], reterr);
	cmd = cli_find(argc, argv, &words);
	if (!cmd && cli_wants_help(argc, argv)) {
		/* "migctl lab --help" */
		while (argc && argv[argc - 1][0] == '-')
			argc--;
		if (list_family(argc, argv))
			return CLI_EXIT_OK;
	}
	if (!cmd)
		return unknown(argc, argv, false, reterr);
	return run(cmd, argc - words, argv + words, reterr);
}
