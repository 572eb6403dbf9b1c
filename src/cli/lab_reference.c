/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lab_reference.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/cmd.h"
#include "cli/paths.h"
#include "lab/lab.h"

/* --- switches --------------------------------------------------------------------------------- */

static const char *const numberings[] = { [MIG_NUMBERING_I] = "I", [MIG_NUMBERING_X] = "X" };

/* "a|b|c" becomes words. */
static void split(struct lab_reference *ref, struct verify_switch *sw, const char *values)
{
	char *at = ref->words[sw - ref->sw];

	snprintf(at, sizeof(ref->words[0]), "%s", values);
	while (sw->n < VERIFY_MAX_VALUES) {
		sw->value[sw->n++] = at;
		at = strchr(at, '|');
		if (!at)
			break;
		*at++ = '\0';
	}
}

/* The numbering of ids is first: it decides about every id, and so which values can be told. */
static void fill_switches(struct lab_reference *ref)
{
	struct verify_switch *sw = &ref->sw[ref->n_switches++];
	unsigned own = ref->board.numbering == MIG_NUMBERING_X ? MIG_NUMBERING_X : MIG_NUMBERING_I;
	unsigned other = own == MIG_NUMBERING_X ? MIG_NUMBERING_I : MIG_NUMBERING_X;

	_Static_assert(LAB_RULE_MAX + 1 <= VERIFY_MAX_SWITCHES, "each rule is a switch");
	*sw = (struct verify_switch){ .name = "numbering",
				      .n = ref->board.numbering_fixed ? 1 : 2,
				      .value = { numberings[own], numberings[other] },
				      .of_chip = true };
	for (unsigned i = 0; i < LAB_RULE_MAX; i++) {
		sw = &ref->sw[ref->n_switches++];
		*sw = (struct verify_switch){ .name = lab_rule_name((enum lab_rule)i) };
		split(ref, sw, lab_rule_values((enum lab_rule)i));
		/* The walk leaves the mode alone; from Hopper on no value matters. */
		if (i == LAB_RULE_DISABLE_WITH_GI && ref->board.mode_needs_reset)
			sw->n = 1;
	}
}

int lab_reference_open(struct lab_reference *ref, const char *board, const char *driver,
		       struct mig_error *reterr)
{
	struct mig_driver parsed;
	int r;

	memset(ref, 0, sizeof(*ref));
	r = mig_driver_parse(driver, &parsed, reterr);
	if (r >= 0)
		r = cli_board_arg(board, driver, &ref->board, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, -ENOTSUP,
				     "the simulated driver has nothing to compare this GPU with");
	snprintf(ref->driver, sizeof(ref->driver), "%s", driver);
	ref->cuda = parsed.cuda;
	fill_switches(ref);
	return 0;
}

void lab_reference_close(struct lab_reference *ref)
{
	for (unsigned i = 0; i < ref->n_known; i++) {
		verify_transcript_free(&ref->known[i]->transcript);
		free(ref->known[i]);
	}
	free(ref->known);
	memset(ref, 0, sizeof(*ref));
}

/* --- a lab ------------------------------------------------------------------------------------ */

static int turn_on(const char *dir, struct mig_error *reterr)
{
	struct lab *lab;
	int r = lab_open(dir, 0, &lab, reterr);

	if (r < 0)
		return r;
	/* Where MIG needs it; elsewhere there is nothing to switch off. */
	(void)lab_set_reading(lab, 0, -1, "display", "off", NULL);
	r = lab_set_mig_mode(lab, 0, true);
	lab_close(lab);
	return r ? mig_fail(reterr, -EIO, "the reference's MIG mode does not go on") : 0;
}

static int make_lab(const struct lab_reference *ref, const uint8_t *value, const char *dir,
		    struct mig_error *reterr)
{
	_cleanup_free_ struct lab_spec *spec = calloc(1, sizeof(*spec));
	int r;

	if (!spec)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	spec->dir = dir;
	spec->name = "reference";
	spec->driver_version = ref->driver;
	spec->cuda_version = ref->cuda;
	spec->seed = 1;
	spec->n_gpus = 1;
	spec->gpu[0].board = ref->board;
	spec->gpu[0].numbering = ref->board.numbering;
	if (value[0])
		spec->gpu[0].numbering =
			ref->board.numbering == MIG_NUMBERING_X ? MIG_NUMBERING_I : MIG_NUMBERING_X;
	memcpy(spec->rule, value + 1, LAB_RULE_MAX);
	r = lab_create(spec, reterr);
	return r < 0 ? r : turn_on(dir, reterr);
}

/* --- the other process ------------------------------------------------------------------------ */

/* None of ours: neither this process's lab nor what it is to log. */
static char **environment(char *lab)
{
	size_t n = 0, k = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "MIGKIT_", 7) != 0)
			env[k++] = environ[i];
	env[k] = lab;
	return env;
}

static int start(char *lab, int to, pid_t *ret)
{
	char self[PATH_MAX], *argv[] = { self, (char *)(uintptr_t) "__walk", NULL };
	_cleanup_free_ char **env = environment(lab);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r = cli_self(self, NULL);

	if (r < 0 || !env)
		return -ENOEXEC;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, to, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = -posix_spawn(ret, self, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

static int listen_to(const char *dir, struct verify_transcript *ret, struct mig_error *reterr)
{
	char lab[PATH_MAX + 16];
	_cleanup_fclose_ FILE *from = NULL;
	int ends[2], status = 0, r;
	pid_t pid;

	snprintf(lab, sizeof(lab), "MIGKIT_LAB=%s", dir);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return mig_fail(reterr, -errno, "cannot make a pipe: %s", strerror(errno));
	from = fdopen(ends[0], "r");
	r = from ? start(lab, ends[1], &pid) : -ENOMEM;
	close(ends[1]);
	if (!from)
		close(ends[0]);
	if (r < 0)
		return mig_fail(reterr, r, "cannot start the reference: %s", strerror(-r));
	r = verify_read(from, ret);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0 || status)
		return mig_fail(reterr, -EIO,
				"the simulated driver could not be asked: the process that does it "
				"ended with %d",
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static int run(const struct lab_reference *ref, const uint8_t *value, struct verify_transcript *ret,
	       struct mig_error *reterr)
{
	const char *tmp = secure_getenv("TMPDIR");
	char folder[PATH_MAX - 16], dir[PATH_MAX];
	int r;

	if ((size_t)snprintf(folder, sizeof(folder), "%s/migkit-verify-XXXXXX",
			     tmp && *tmp == '/' ? tmp : "/tmp") >= sizeof(folder))
		return mig_fail(reterr, -ENAMETOOLONG, "TMPDIR is too long");
	if (!mkdtemp(folder))
		return mig_fail(reterr, -errno, "cannot make a folder for the reference, %s: %s",
				folder, strerror(errno));
	snprintf(dir, sizeof(dir), "%s/lab", folder);
	r = make_lab(ref, value, dir, reterr);
	if (r >= 0)
		r = listen_to(dir, ret, reterr);
	(void)lab_destroy(dir, NULL);
	(void)rmdir(folder);
	return r;
}

/* Signals wait until the folder is gone again. */
static int run_whole(const struct lab_reference *ref, const uint8_t *value,
		     struct verify_transcript *ret, struct mig_error *reterr)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set, was;
	int r;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		sigaddset(&set, stops[i]);
	sigprocmask(SIG_BLOCK, &set, &was);
	r = run(ref, value, ret, reterr);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return r;
}

int lab_reference_get(void *arg, const uint8_t *value, const struct verify_transcript **ret,
		      struct mig_error *reterr)
{
	struct lab_reference *ref = arg;
	struct lab_reference_known *k, **more;
	int r;

	for (unsigned i = 0; i < ref->n_known; i++)
		if (!memcmp(ref->known[i]->value, value, ref->n_switches)) {
			*ret = &ref->known[i]->transcript;
			return 0;
		}
	more = realloc(ref->known, (ref->n_known + 1) * sizeof(struct lab_reference_known *));
	if (more)
		ref->known = more;
	k = more ? calloc(1, sizeof(*k)) : NULL;
	if (!k)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	ref->known[ref->n_known++] = k;
	memcpy(k->value, value, ref->n_switches);
	r = run_whole(ref, value, &k->transcript, reterr);
	if (r < 0) {
		/* Nobody is to take it for an answer. */
		verify_transcript_free(&k->transcript);
		free(k);
		ref->n_known--;
		return r;
	}
	*ret = &k->transcript;
	return 0;
}
