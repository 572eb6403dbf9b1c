/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/nearest.h"
#include "cli/opt.h"
#include "unit/check.h"

struct args {
	bool all;
	const char *name;
	uint64_t seed;
	int format;
	struct cli_list board;
	const char *watch;
};

static const char *const formats[] = { "table", "json", NULL };

#define A(f) offsetof(struct args, f)
static const struct cli_opt opts[] = { OPT_FLAG("all", 'a', A(all), "all"),
				       OPT_STR("name", 'n', A(name), "NAME", "name"),
				       OPT_U64("seed", 's', A(seed), "N", "seed"),
				       OPT_ENUM("output", 'o', A(format), "FORMAT", formats,
						"format"),
				       OPT_LIST("board", 'b', A(board), "KEY", "board"),
				       OPT_MAYBE("watch", 'w', A(watch), "[SECONDS]", "again"),
				       OPT_END };
#undef A

static const struct cli_cmd cmd = { .name = "test it", .opts = opts, .min_args = 1, .max_args = 2 };

/* Parses a line of words; r is what cli_parse() returns. */
static int parse(const char *line, struct args *a, int *ret_argc, char **argv, char *buf,
		 struct mig_error *err)
{
	int n = 0;

	memset(a, 0, sizeof(*a));
	memset(err, 0, sizeof(*err));
	snprintf(buf, 200, "%s", line);
	char *rest = NULL;
	for (char *w = strtok_r(buf, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[n++] = w;
	argv[n] = NULL;
	*ret_argc = n;
	return cli_parse(&cmd, a, ret_argc, argv, err);
}

static void test_good(void)
{
	char buf[200], *argv[32];
	struct mig_error err;
	struct args a;
	int n;

	CHECK(parse("one --name=x two -a", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 2 && !strcmp(argv[0], "one") && !strcmp(argv[1], "two") && !argv[2]);
	CHECK(a.all && !strcmp(a.name, "x") && a.seed == 0 && a.format == 0);
	CHECK(parse("-anx -b k1 -bk2 --board=k3 one", &a, &n, argv, buf, &err) == 0);
	CHECK(a.all && !strcmp(a.name, "x") && a.board.n == 3 && !strcmp(a.board.v[1], "k2"));
	CHECK(parse("-o json --seed 0x10 one", &a, &n, argv, buf, &err) == 0);
	CHECK(a.format == 1 && a.seed == 16);
	/* Behind "--" nothing is an option; "-" alone never is; a value may look like one. */
	CHECK(parse("-- -a --name", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 2 && !a.all && !strcmp(argv[0], "-a"));
	CHECK(parse("- --name --all", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 1 && !a.all && !strcmp(a.name, "--all"));
	/* A value that may be left out is a number, or stuck. */
	CHECK(parse("-w one", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 1 && a.watch && !*a.watch);
	CHECK(parse("--watch 2.5 one", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 1 && !strcmp(a.watch, "2.5"));
	CHECK(parse("-aw7 --name x one", &a, &n, argv, buf, &err) == 0);
	CHECK(n == 1 && a.all && !strcmp(a.watch, "7") && !strcmp(a.name, "x"));
	CHECK(parse("one --watch=often", &a, &n, argv, buf, &err) == 0);
	CHECK(!strcmp(a.watch, "often"));
	CHECK(parse("one --watch", &a, &n, argv, buf, &err) == 0);
	CHECK(a.watch && !*a.watch);
	CHECK(parse("one", &a, &n, argv, buf, &err) == 0 && !a.watch);
	/* An empty value is a value. */
	CHECK(parse("one --name=", &a, &n, argv, buf, &err) == 0);
	CHECK(a.name && !*a.name);
}

static void test_bad(void)
{
	static const struct {
		const char *line, *part;
	} bad[] = {
		{ "one --nmae x", "did you mean '--name'" },
		{ "one --nosuchoption", "migctl help test it" },
		{ "one -z", "unknown option '-z'" },
		{ "one -az", "unknown option '-az'" },
		{ "one --name", "--name NAME" },
		{ "one -n", "--name NAME" },
		{ "one --all=yes", "takes no value" },
		{ "one --seed ten", "whole number" },
		{ "one --seed -1", "whole number" },
		{ "one --seed 99999999999999999999", "whole number" },
		{ "one -o xml", "table, json" },
		{ "", "needs more words" },
		{ "-a", "needs more words" },
		{ "one two three", "'three'" },
		{ "one --=x", "unknown option" },
	};
	char buf[200], *argv[32];
	struct mig_error err;
	struct args a;
	int n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(parse(bad[i].line, &a, &n, argv, buf, &err) == -EINVAL);
		CHECK(err.code == -EINVAL && strstr(err.msg, bad[i].part));
	}
}

static void test_list_limit(void)
{
	char *argv[2 * CLI_LIST_MAX + 8];
	char word[] = "-b", value[] = "k", one[] = "one";
	struct mig_error err = { 0 };
	struct args a = { 0 };
	int n = 0;

	argv[n++] = one;
	for (int i = 0; i < CLI_LIST_MAX + 1; i++) {
		argv[n++] = word;
		argv[n++] = value;
	}
	argv[n] = NULL;
	CHECK(cli_parse(&cmd, &a, &n, argv, &err) == -EINVAL);
	CHECK(a.board.n == CLI_LIST_MAX);
}

static const char *nearest(const char *word)
{
	static const char *const right[] = { "create", "client", "list", "status", "set" };
	static struct cli_nearest near;

	cli_nearest_begin(&near, word, strlen(word));
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		cli_nearest_add(&near, right[i]);
	return cli_nearest_get(&near);
}

static void test_nearest(void)
{
	CHECK(!strcmp(nearest("craete"), "create"));
	CHECK(!strcmp(nearest("creat"), "create"));
	CHECK(!strcmp(nearest("stat"), "status"));
	CHECK(!strcmp(nearest("sett"), "set"));
	CHECK(!nearest("xyz"));
	CHECK(!nearest(""));
	CHECK(!nearest("x"));
	CHECK(!nearest("a-word-that-is-much-longer-than-any-command-of-ours-could-ever-be"));
}

/* Every row of the table has what help and the man page need, but those that nobody types. */
static void test_table(void)
{
	for (const struct cli_cmd *c = cli_commands; c->name; c++) {
		CHECK(c->fn != NULL);
		if (c->flags & CMD_HIDDEN)
			continue;
		CHECK(c->summary && c->summary[0] && c->group);
		CHECK(c->summary[strlen(c->summary) - 1] != '.');
		CHECK(c->min_args <= c->max_args || (c->flags & CMD_RAW));
		for (const struct cli_cmd *d = cli_commands; d < c; d++)
			CHECK(strcmp(d->name, c->name) != 0);
		for (const struct cli_opt *o = c->opts; o && o->name; o++) {
			CHECK(o->help && (o->kind == OPT_KIND_FLAG) == (o->arg == NULL));
			CHECK(o->letter != 'h' && strcmp(o->name, "help") != 0);
			for (const struct cli_opt *e = c->opts; e < o; e++)
				CHECK(strcmp(e->name, o->name) != 0 &&
				      (!e->letter || e->letter != o->letter));
		}
	}
}

int main(void)
{
	test_good();
	test_bad();
	test_list_limit();
	test_nearest();
	test_table();
	return 0;
}
