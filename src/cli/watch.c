/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define SECONDS 2

/* xterm's and all its heirs': an own screen, no cursor, no line breaks at the edge; and back. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l\033[?7l"
/* Cleared before it is left: tmux keeps lines of it after a change of the window's size. */
#define SCREEN_END "\033[?7h\033[H\033[J\033[?25h\033[?1049l"

int cli_watch_seconds(const char *word, double *ret, struct mig_error *reterr)
{
	double seconds = SECONDS;
	char *end = NULL;

	if (*word) {
		seconds = strtod(word, &end);
		if (*end || !(seconds >= 0.1 && seconds <= 86400))
			return mig_fail(reterr, -EINVAL,
					"--watch takes seconds, 0.1 to 86400, not '%.40s'", word);
	}
	*ret = seconds;
	return 0;
}

/* Ends the program by the same signal, as a shell expects; the terminal is itself again before. */
static void end_by_signal(int number)
{
	ssize_t n = write(STDOUT_FILENO, SCREEN_END, sizeof(SCREEN_END) - 1);

	(void)n;
	signal(number, SIG_DFL);
	raise(number);
}

/* Ctrl-Z: the shell gets its terminal as it was, and later the screen comes back. */
static void stop_by_signal(int number)
{
	struct sigaction ours, plain = { .sa_handler = SIG_DFL };
	sigset_t only, before;
	ssize_t n = write(STDOUT_FILENO, SCREEN_END, sizeof(SCREEN_END) - 1);
	int error = errno;

	sigemptyset(&only);
	sigaddset(&only, number);
	sigaction(number, &plain, &ours);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &only, &before); /* here it stops, and goes on */
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(number, &ours, NULL);
	n = write(STDOUT_FILENO, SCREEN_BEGIN, sizeof(SCREEN_BEGIN) - 1);
	(void)n;
	errno = error;
}

static void resized(int number)
{
	(void)number; /* it only has to end the wait */
}

static void on_signal(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	struct sigaction before;

	/* What the caller of the program has chosen to ignore (nohup) stays ignored. */
	if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
		return;
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

/* One look as text, a failed one as its sentence. */
static char *take(cli_look_fn look, const void *what, struct mig_error *reterr, int *ret_r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f) {
		*ret_r = mig_fail(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	*ret_r = look(what, f, reterr);
	if (*ret_r < 0)
		fprintf(f, "migctl: %s\n", reterr->msg[0] ? reterr->msg : strerror(-*ret_r));
	if (fclose(f)) {
		free(text);
		*ret_r = mig_fail(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	return text;
}

static void now_text(char text[32])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm) || !strftime(text, 32, "%F %T", &tm))
		text[0] = '\0';
}

static unsigned rows_of_terminal(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row)
		return size.ws_row;
	return 24;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Line by line over the last look, each cleared to its end: nothing flickers. */
static void draw(const char *text, double seconds)
{
	unsigned rows = rows_of_terminal(), all = count_lines(text), room = rows > 2 ? rows - 2 : 1;
	unsigned shown = all > room ? room - (room > 1) : all;
	char now[32];

	now_text(now);
	printf("\033[H%s, every %g s; Ctrl-C ends\033[K\r\n\033[K", now, seconds);
	for (unsigned i = 0; i < shown; i++) {
		size_t len = strcspn(text, "\n");

		printf("\r\n%.*s\033[0m\033[K", (int)len, text);
		text += len + 1;
	}
	if (shown < all)
		printf("\r\n... %u more lines: a higher window shows them, -i fewer GPUs\033[K",
		       all - shown);
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* Waits; a new size of the window ends it early. Signals come through only here or between looks.
 */
static void pause_for(double seconds, const sigset_t *open)
{
	struct timespec time = { .tv_sec = (time_t)seconds };

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	(void)ppoll(NULL, 0, &time, open);
}

static bool on_screen(void)
{
	const char *name = getenv("TERM");

	return isatty(STDOUT_FILENO) && name && *name && strcmp(name, "dumb") != 0;
}

static int watch_screen(cli_look_fn look, const void *what, double seconds,
			struct mig_error *reterr)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t resizing, stopping, open;
	bool begun = false;
	int r;

	sigemptyset(&resizing);
	sigaddset(&resizing, SIGWINCH);
	sigemptyset(&stopping);
	sigaddset(&stopping, SIGTSTP);
	/* Held back while a look is drawn, lest it be lost between drawing and waiting. */
	sigprocmask(SIG_BLOCK, &resizing, &open);
	on_signal(SIGWINCH, resized, 0);
	for (;;) {
		_cleanup_free_ char *text = NULL;
		struct mig_error err = { 0 };

		text = take(look, what, &err, &r);
		if (r < 0 && (!begun || !text)) {
			if (begun)
				fputs(SCREEN_END, stdout);
			return mig_fail(reterr, r, "%s", err.msg);
		}
		if (!begun) {
			for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
				on_signal(ends[i], end_by_signal, 0);
			on_signal(SIGTSTP, stop_by_signal, 0);
			fputs(SCREEN_BEGIN, stdout);
			begun = true;
		}
		/* Half a look would be continued on an empty screen; the wait lets it through. */
		sigprocmask(SIG_BLOCK, &stopping, NULL);
		draw(text, seconds);
		pause_for(seconds, &open);
		sigprocmask(SIG_UNBLOCK, &stopping, NULL);
	}
}

static int watch_stream(cli_look_fn look, const void *what, double seconds, bool text,
			struct mig_error *reterr)
{
	bool begun = false;
	char now[32];
	int r;

	for (;;) {
		_cleanup_free_ char *shown = NULL;
		struct mig_error err = { 0 };

		shown = take(look, what, &err, &r);
		if (r < 0 && (!begun || !shown))
			return mig_fail(reterr, r, "%s", err.msg);
		now_text(now);
		if (text)
			printf("%s%s\n", begun ? "\n" : "", now);
		/* A failed look is no record: what reads JSON or CSV gets it on the other stream.
		 */
		fputs(shown, r < 0 && !text ? stderr : stdout);
		if (fflush(stdout))
			return mig_fail(reterr, -EIO, "cannot write the output: %s",
					strerror(errno));
		begun = true;
		pause_for(seconds, NULL);
	}
}

int cli_watch(cli_look_fn look, const void *what, double seconds, bool text,
	      struct mig_error *reterr)
{
	if (text && on_screen())
		return watch_screen(look, what, seconds, reterr);
	return watch_stream(look, what, seconds, text, reterr);
}
