/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_open.h"
#include "cli/lab_shim.h"
#include "lab/lab.h"

/* The lab's shutdown, reboot, poweroff, halt and systemctl. */

static int reboot_lab(struct mig_error *reterr)
{
	char dir[PATH_MAX];
	int r = lab_shim_lab(dir, reterr);

	if (r >= 0)
		r = lab_reboot_dir(dir, reterr);
	if (r < 0)
		return r;
	printf("The lab has been rebooted.\n");
	return CLI_EXIT_OK;
}

int lab_power_off(int argc, char **argv, struct mig_error *reterr)
{
	char dir[PATH_MAX];
	int r = lab_shim_lab(dir, reterr);

	(void)argc;
	(void)argv;
	if (r < 0)
		return r;
	return mig_fail(reterr, -ENOTSUP,
			"a lab cannot be switched off: 'shutdown -r now' or 'reboot' reboots it, "
			"'exit' leaves its shell");
}

int lab_reboot_now(int argc, char **argv, struct mig_error *reterr)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-p") || !strcmp(argv[i], "--poweroff") ||
		    !strcmp(argv[i], "--halt"))
			return lab_power_off(argc, argv, reterr);
		if (!strcmp(argv[i], "--help")) {
			printf("Usage: reboot\n\nReboots the lab, and nothing else.\n");
			return CLI_EXIT_OK;
		}
	}
	return reboot_lab(reterr);
}

/* "shutdown [-r] [now|+0]", in any order as the real one takes them. */
int lab_shutdown(int argc, char **argv, struct mig_error *reterr)
{
	bool reboot = false;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "--reboot") || !strcmp(word, "-r")) {
			reboot = true;
		} else if (!strcmp(word, "-c")) {
			printf("Nothing is scheduled in the lab.\n");
			return CLI_EXIT_OK;
		} else if (!strcmp(word, "--help")) {
			printf("Usage: shutdown -r [now]\n\nReboots the lab, and nothing else.\n");
			return CLI_EXIT_OK;
		} else if (word[0] != '-' && strcmp(word, "now") != 0 && strcmp(word, "+0") != 0) {
			return mig_fail(reterr, -ENOTSUP,
					"a lab reboots at once: 'shutdown -r now', not '%s'", word);
		}
	}
	return reboot ? reboot_lab(reterr) : lab_power_off(argc, argv, reterr);
}

static int service(const char *verb, struct mig_error *reterr)
{
	static const char *const verbs[] = { "stop", "start", "restart", "is-active", NULL };
	const struct lab_client_match match = { .name = "nvidia-persistenced" };
	_cleanup_(lab_closep) struct lab *lab = NULL;
	char dir[PATH_MAX];
	bool running;
	int what = 0;
	int r;

	while (verbs[what] && strcmp(verbs[what], verb) != 0)
		what++;
	if (!verbs[what])
		return mig_fail(reterr, -ENOTSUP,
				"a lab's systemctl knows stop, start, restart and is-active, not "
				"'%s'",
				verb);
	r = lab_shim_lab(dir, reterr);
	if (r >= 0)
		r = lab_open_named(NULL, &lab, reterr);
	if (r < 0)
		return r;
	/* Signal 0 asks only. */
	r = lab_client_signal(lab, &match, 0, LAB_END_SIGNAL, reterr);
	if (r < 0)
		return r;
	running = r > 0;
	if (what == 3) {
		printf("%s\n", running ? "active" : "inactive");
		return running ? CLI_EXIT_OK : 3;
	}
	if (!lab_may_change(lab))
		return mig_fail(reterr, -EPERM, "only root may do that: sudo systemctl %s ...",
				verb);
	r = 0;
	if (running && what != 1)
		r = lab_client_signal(lab, &match, SIGTERM, LAB_END_WAIT, reterr);
	if (r >= 0 && (what == 2 || (what == 1 && !running)))
		r = lab_client_start_persistenced(dir, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

int lab_systemctl(int argc, char **argv, struct mig_error *reterr)
{
	const char *words[2] = { NULL, NULL };
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		if (n == 2)
			return mig_fail(reterr, -EINVAL, "one unit at a time, not '%s' as well",
					argv[i]);
		words[n++] = argv[i];
	}
	if (n == 1 && !strcmp(words[0], "reboot"))
		return reboot_lab(reterr);
	if (n == 1 && (!strcmp(words[0], "poweroff") || !strcmp(words[0], "halt")))
		return lab_power_off(argc, argv, reterr);
	if (n == 2 && (!strcmp(words[1], "nvidia-persistenced") ||
		       !strcmp(words[1], "nvidia-persistenced.service")))
		return service(words[0], reterr);
	return mig_fail(reterr, -ENOTSUP,
			"a lab has one service, nvidia-persistenced: systemctl "
			"stop|start|restart|is-active nvidia-persistenced, or systemctl reboot");
}
