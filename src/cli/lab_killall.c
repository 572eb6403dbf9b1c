/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "cli/lab_shim.h"

/*
 * The lab's killall and pkill: by name, but among the lab's clients only. They return when the
 * clients have ended, so that the next command finds the GPU free.
 */

struct kill_args {
	int sig;
	bool quiet, exact;
	char **names;
	int n;
};

static void regfreep(regex_t **re)
{
	if (*re)
		regfree(*re);
}

/* "9", "KILL", "SIGKILL" */
static int parse_signal(const char *word, int *ret, struct mig_error *reterr)
{
	char *end;
	long n = strtol(word, &end, 10);

	if (*word && !*end && n >= 0 && n < NSIG) {
		*ret = (int)n;
		return 0;
	}
	if (!strncasecmp(word, "SIG", 3))
		word += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *abbrev = sigabbrev_np(sig);

		if (abbrev && !strcasecmp(abbrev, word)) {
			*ret = sig;
			return 0;
		}
	}
	return mig_fail(reterr, -EINVAL, "there is no signal '%s'", word);
}

static int parse_option(struct kill_args *a, const char *word, const char *next, int *at,
			struct mig_error *reterr)
{
	static const char *const dropped[] = { "-w",	    "--wait", "-v",
					       "--verbose", "-I",     "--ignore-case",
					       "-f",	    "--full", "--echo",
					       NULL };

	if (!strcmp(word, "-q") || !strcmp(word, "--quiet")) {
		a->quiet = true;
		return 0;
	}
	if (!strcmp(word, "-e") || !strcmp(word, "-x") || !strcmp(word, "--exact")) {
		a->exact = a->exact || word[1] != 'e';
		return 0;
	}
	if (!strncmp(word, "--signal=", 9))
		return parse_signal(word + 9, &a->sig, reterr);
	if (!strcmp(word, "-s") || !strcmp(word, "--signal")) {
		if (!next)
			return mig_fail(reterr, -EINVAL, "%s needs a signal", word);
		++*at;
		return parse_signal(next, &a->sig, reterr);
	}
	for (size_t i = 0; dropped[i]; i++)
		if (!strcmp(word, dropped[i]))
			return 0;
	if (word[1] != '-' && parse_signal(word + 1, &a->sig, NULL) == 0)
		return 0;
	return mig_fail(reterr, -EINVAL,
			"the lab's own has no option %s: it ends clients of the lab by name", word);
}

static int parse(int argc, char **argv, struct kill_args *a, struct mig_error *reterr)
{
	bool ended = false;
	int r = 0;

	a->sig = SIGTERM;
	a->names = argv;
	for (int i = 1; i < argc && r >= 0; i++) {
		if (!ended && !strcmp(argv[i], "--"))
			ended = true;
		else if (!ended && argv[i][0] == '-' && argv[i][1])
			r = parse_option(a, argv[i], argv[i + 1], &i, reterr);
		else
			a->names[a->n++] = argv[i];
	}
	if (r >= 0 && !a->n)
		return mig_fail(reterr, -EINVAL,
				"which of the lab's clients? 'migctl lab client "
				"list' shows them");
	return r;
}

static int send(const struct kill_args *a, const struct lab_client_match *match,
		struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	bool ends = a->sig == SIGTERM || a->sig == SIGKILL || a->sig == SIGINT ||
		    a->sig == SIGHUP || a->sig == SIGQUIT;
	char dir[PATH_MAX];
	int r;

	r = lab_shim_lab(dir, reterr);
	if (r >= 0)
		r = lab_open_named(NULL, &lab, reterr);
	if (r < 0)
		return r;
	return lab_client_signal(lab, match, a->sig, ends ? LAB_END_WAIT : LAB_END_SIGNAL, reterr);
}

int lab_killall(int argc, char **argv, struct mig_error *reterr)
{
	struct kill_args a = { 0 };
	int status = CLI_EXIT_OK;
	int r = parse(argc, argv, &a, reterr);

	for (int i = 0; i < a.n && r >= 0; i++) {
		const struct lab_client_match match = { .name = a.names[i] };

		r = send(&a, &match, reterr);
		if (r == 0) {
			if (!a.quiet)
				fprintf(stderr, "%s: no process found\n", a.names[i]);
			status = CLI_EXIT_FAILED;
		}
	}
	return r < 0 ? r : status;
}

int lab_pkill(int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(regfreep) regex_t *made = NULL;
	struct lab_client_match match = { 0 };
	struct kill_args a = { 0 };
	char pattern[300];
	regex_t re;
	int r = parse(argc, argv, &a, reterr);

	if (r < 0)
		return r;
	if (a.n > 1)
		return mig_fail(reterr, -EINVAL, "pkill takes one pattern, not '%s' as well",
				a.names[1]);
	if (snprintf(pattern, sizeof(pattern), a.exact ? "^(%s)$" : "%s", a.names[0]) >=
		    (int)sizeof(pattern) ||
	    regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return mig_fail(reterr, -EINVAL, "'%.60s' is no regular expression", a.names[0]);
	made = &re;
	match.pattern = &re;
	r = send(&a, &match, reterr);
	if (r < 0)
		return r;
	return r ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
