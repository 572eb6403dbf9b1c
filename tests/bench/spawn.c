/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * How long programs take, from their start to their end: spawn ROUNDS <COMMANDS
 *
 * A line of COMMANDS is a command, its words separated by tabs. In each round each of them runs
 * once, so that what disturbs the machine disturbs all alike. Prints a line for each: the fastest,
 * the median and the slowest in microseconds, and its exit code, or -1 where it was not the same
 * each time.
 */
enum { COMMANDS = 32, WORDS = 64, LINE = 4096 };

struct command {
	char line[LINE];
	char *argv[WORDS + 1];
	double *took;
	int code;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void stop(const char *what, const char *about)
{
	fprintf(stderr, "spawn: %s: %s\n", about, what);
	exit(1);
}

static void run(struct command *c, unsigned round, const posix_spawn_file_actions_t *quiet)
{
	double start = now();
	int status, code, r;
	pid_t pid;

	r = posix_spawnp(&pid, c->argv[0], quiet, NULL, c->argv, environ);
	if (r)
		stop(strerror(r), c->argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			stop(strerror(errno), "waitpid");
	c->took[round] = now() - start;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	c->code = round == 0 || c->code == code ? code : -1;
}

static unsigned read_commands(struct command *commands, unsigned rounds)
{
	unsigned n = 0;

	while (n < COMMANDS && fgets(commands[n].line, LINE, stdin)) {
		struct command *c = &commands[n];
		char *rest = c->line, *word;
		unsigned words = 0;

		c->line[strcspn(c->line, "\n")] = '\0';
		while (words < WORDS && (word = strsep(&rest, "\t")))
			c->argv[words++] = word;
		c->took = calloc(rounds, sizeof(*c->took));
		if (!c->took)
			stop("no memory", "calloc");
		n += c->argv[0][0] != '\0';
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS];
	unsigned rounds = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	posix_spawn_file_actions_t quiet;
	unsigned n;

	if (!rounds)
		stop("a number of rounds is wanted", argc > 1 ? argv[1] : "spawn");
	n = read_commands(commands, rounds);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < n; i++)
			run(&commands[i], round, &quiet);
	for (unsigned i = 0; i < n; i++) {
		double *took = commands[i].took;

		qsort(took, rounds, sizeof(*took), compare);
		printf("%.0f %.0f %.0f %d\n", took[0], took[rounds / 2], took[rounds - 1],
		       commands[i].code);
		free(took);
	}
	posix_spawn_file_actions_destroy(&quiet);
	return 0;
}
