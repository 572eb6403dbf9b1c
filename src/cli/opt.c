/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/nearest.h"
#include "cli/opt.h"

static const struct cli_opt no_opts[] = { OPT_END };

/* Where the parser stands: the words, and the value that stuck to an option ("--a=b", "-ab"). */
struct parse {
	const struct cli_cmd *cmd;
	const struct cli_opt *opts;
	void *args;
	char **argv;
	int argc;
	int at;
	int operands;
};

static int unknown_option(const struct parse *p, const char *word, size_t len,
			  struct mig_error *reterr)
{
	struct cli_nearest near;

	cli_nearest_begin(&near, word + 2, len > 2 ? len - 2 : 0);
	for (const struct cli_opt *o = p->opts; o->name; o++)
		cli_nearest_add(&near, o->name);
	if (cli_nearest_get(&near) && len > 3)
		return mig_fail(reterr, -EINVAL,
				"unknown option '%.*s' of 'migctl %s': did you mean '--%s'?",
				(int)len, word, p->cmd->name, cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL,
			"unknown option '%.*s' of 'migctl %s': 'migctl help %s' lists them",
			(int)len, word, p->cmd->name, p->cmd->name);
}

static int set_u64(const struct cli_opt *o, const char *value, uint64_t *ret,
		   struct mig_error *reterr)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (errno || end == value || *end || value[0] == '-')
		return mig_fail(reterr, -EINVAL, "--%s must be a whole number, not '%s'", o->name,
				value);
	*ret = n;
	return 0;
}

static int set_enum(const struct cli_opt *o, const char *value, int *ret, struct mig_error *reterr)
{
	char all[200] = "";
	size_t used = 0;

	for (int i = 0; o->values[i]; i++) {
		if (!strcmp(o->values[i], value)) {
			*ret = i;
			return 0;
		}
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 o->values[i]);
		if (used >= sizeof(all))
			used = sizeof(all) - 1;
	}
	return mig_fail(reterr, -EINVAL, "--%s must be one of %s, not '%s'", o->name, all, value);
}

static int set_value(const struct parse *p, const struct cli_opt *o, const char *value,
		     struct mig_error *reterr)
{
	char *field = (char *)p->args + o->off;
	struct cli_list *list;

	switch (o->kind) {
	case OPT_KIND_FLAG:
		*(bool *)(void *)field = true;
		return 0;
	case OPT_KIND_STR:
	case OPT_KIND_MAYBE:
		*(const char **)(void *)field = value;
		return 0;
	case OPT_KIND_U64:
		return set_u64(o, value, (uint64_t *)(void *)field, reterr);
	case OPT_KIND_ENUM:
		return set_enum(o, value, (int *)(void *)field, reterr);
	default:
		list = (struct cli_list *)(void *)field;
		if (list->n == CLI_LIST_MAX)
			return mig_fail(reterr, -EINVAL, "--%s may be given %d times at most",
					o->name, CLI_LIST_MAX);
		list->v[list->n++] = value;
		return 0;
	}
}

/* Gives an option its value: the stuck one, or the next word. */
static int take_value(struct parse *p, const struct cli_opt *o, const char *stuck,
		      struct mig_error *reterr)
{
	if (o->kind == OPT_KIND_FLAG) {
		if (stuck)
			return mig_fail(reterr, -EINVAL, "--%s takes no value, but got '%s'",
					o->name, stuck);
		return set_value(p, o, NULL, reterr);
	}
	if (!stuck && o->kind == OPT_KIND_MAYBE) {
		const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : "";
		bool number = *next >= '0' && *next <= '9';

		return set_value(p, o, number ? p->argv[++p->at] : "", reterr);
	}
	if (!stuck) {
		if (p->at + 1 >= p->argc)
			return mig_fail(reterr, -EINVAL, "--%s needs a value: --%s %s", o->name,
					o->name, o->arg);
		stuck = p->argv[++p->at];
	}
	return set_value(p, o, stuck, reterr);
}

static int parse_long(struct parse *p, const char *word, struct mig_error *reterr)
{
	size_t len = strcspn(word, "=");

	for (const struct cli_opt *o = p->opts; o->name; o++) {
		if (strlen(o->name) == len - 2 && !strncmp(o->name, word + 2, len - 2))
			return take_value(p, o, word[len] ? word + len + 1 : NULL, reterr);
	}
	return unknown_option(p, word, len, reterr);
}

static int parse_short(struct parse *p, const char *word, struct mig_error *reterr)
{
	for (const char *c = word + 1; *c; c++) {
		const struct cli_opt *o = p->opts;
		int r;

		while (o->name && o->letter != *c)
			o++;
		if (!o->name)
			return unknown_option(p, word, strlen(word), reterr);
		if (o->kind != OPT_KIND_FLAG)
			return take_value(p, o, c[1] ? c + 1 : NULL, reterr);
		r = take_value(p, o, NULL, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_operands(const struct cli_cmd *cmd, int n, char *const *argv,
			  struct mig_error *reterr)
{
	if (n < cmd->min_args)
		return mig_fail(reterr, -EINVAL, "'migctl %s' needs more words: migctl %s %s",
				cmd->name, cmd->name, cmd->args ? cmd->args : "");
	if (cmd->max_args != CMD_ANY && n > cmd->max_args)
		return mig_fail(reterr, -EINVAL, "'migctl %s' does not expect '%s': migctl %s %s",
				cmd->name, argv[cmd->max_args], cmd->name,
				cmd->args ? cmd->args : "");
	return 0;
}

int cli_parse(const struct cli_cmd *cmd, void *args, int *argc, char **argv,
	      struct mig_error *reterr)
{
	struct parse p = { .cmd = cmd,
			   .opts = cmd->opts ? cmd->opts : no_opts,
			   .args = args,
			   .argv = argv,
			   .argc = *argc };
	bool ended = false;
	int r;

	for (; p.at < p.argc; p.at++) {
		char *word = argv[p.at];

		if (ended || word[0] != '-' || !word[1]) {
			argv[p.operands++] = word;
			continue;
		}
		if (!strcmp(word, "--")) {
			ended = true;
			continue;
		}
		r = word[1] == '-' ? parse_long(&p, word, reterr) : parse_short(&p, word, reterr);
		if (r < 0)
			return r;
	}
	argv[p.operands] = NULL;
	*argc = p.operands;
	return check_operands(cmd, p.operands, argv, reterr);
}

bool cli_wants_help(int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	}
	return false;
}
