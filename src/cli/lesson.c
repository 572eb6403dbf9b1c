/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lesson.h"

/* Lines of running text longer than this are hard to read; shorter than this, unreadable. */
#define TEXT_COLUMNS_MAX 80
#define TEXT_COLUMNS_MIN 40
#define WIDEST_TABLE	 88 /* -lcip */

struct args {
	const char *lang, *keep;
	int color;
	bool pause;
};

static const char *const colors[] = { "auto", "always", "never", NULL };

#define A(f) offsetof(struct args, f)
const struct cli_opt lesson_opts[] = {
	OPT_STR("lang", 'l', A(lang), "LANGUAGE",
		"en or zh-TW; without it the language of the locale"),
	OPT_ENUM("color", 0, A(color), "WHEN", colors, "colours: on a terminal, always or never"),
	OPT_FLAG("pause", 'p', A(pause), "wait for Enter before each part"),
	OPT_STR("keep", 'k', A(keep), "NAME", "leave the lesson's lab behind under this name"),
	OPT_END
};
#undef A

/* "{mig0}" in a command is the UUID of the first MIG device. */
static int expand(const char *line, char *ret, size_t size, struct mig_error *reterr)
{
	static const char mark[] = "{mig0}";
	const char *at = strstr(line, mark);
	char uuid[96] = "";
	int r = 0;

	if (at)
		r = lesson_mig_uuid(0, uuid, reterr);
	if (r < 0)
		return r;
	snprintf(ret, size, "%.*s%s%s", (int)(at ? (size_t)(at - line) : strlen(line)), line, uuid,
		 at ? at + strlen(mark) : "");
	return 0;
}

/* Each command with its output; the last one must end as the step says. */
static int play_commands(struct lesson *l, const struct lesson_step *step, struct mig_error *reterr)
{
	char line[512];

	for (const char *const *c = step->run; *c; c++) {
		int want = c[1] ? 0 : step->rc, r;

		r = expand(*c, line, sizeof(line), reterr);
		if (r < 0)
			return r;
		putchar('\n');
		lesson_show_command(l, line);
		r = lesson_run(l, line, false, reterr);
		if (r < 0)
			return r;
		if (lesson_interrupted())
			return mig_fail(reterr, -EINTR, "stopped");
		if (r != want)
			return mig_fail(reterr, -EIO, "step '%s': '%s' ended with %d instead of %d",
					step->id, line, r, want);
	}
	return 0;
}

static int play_prepare(struct lesson *l, const struct lesson_step *step, struct mig_error *reterr)
{
	for (const char *const *c = step->prepare; *c; c++) {
		int r = lesson_run(l, *c, true, reterr);

		if (r < 0)
			return r;
		if (r)
			return mig_fail(reterr, -EIO, "step '%s': '%s' failed with %d", step->id,
					*c, r);
	}
	return 0;
}

/* The whole part is read before the next one scrolls it away. */
static int wait_for_reader(const struct lesson *l)
{
	int c;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return 0;
	printf("\n  %s", lesson_say(l, SAY_PAUSE));
	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
	return lesson_interrupted() ? -EINTR : 0;
}

static int begin_part(struct lesson *l, const struct lesson_step *step, bool wait)
{
	char heading[256];
	int r = wait ? wait_for_reader(l) : 0;

	snprintf(heading, sizeof(heading), "%u. %s", ++l->part, step->part[l->language]);
	if (r >= 0)
		lesson_show_heading(l, heading);
	return r;
}

static int play_step(struct lesson *l, const struct lesson_step *step, bool wait,
		     struct mig_error *reterr)
{
	int r = 0;

	if (step->part[l->language])
		r = begin_part(l, step, wait);
	else
		putchar('\n');
	if (r >= 0 && step->flow != LESSON_FLOW_NONE)
		r = lesson_show_flow(l, step->flow, step->place, true);
	if (step->flow != LESSON_FLOW_NONE)
		putchar('\n');
	if (r >= 0)
		r = play_prepare(l, step, reterr);
	if (r < 0)
		return r;
	lesson_show_why(l, step->why[l->language]);
	r = play_commands(l, step, reterr);
	if (r < 0)
		return r;
	if (step->then[l->language]) {
		putchar('\n');
		lesson_show_text(l, step->then[l->language]);
	}
	if (step->picture == LESSON_PICTURE_GPU)
		r = lesson_show_gpu(l, reterr);
	else if (step->picture == LESSON_PICTURE_LAYOUTS)
		r = lesson_show_layouts(l, reterr);
	return r;
}

static int show_beginning(const struct lesson *l)
{
	int r;

	lesson_show_heading(l, lesson_say(l, SAY_TITLE));
	lesson_show_text(l, lesson_say(l, SAY_INTRO));
	putchar('\n');
	lesson_show_text(l, lesson_say(l, l->term.utf8 ? SAY_SOURCE : SAY_SOURCE_ASCII));
	putchar('\n');
	if (l->narrow) {
		lesson_show_text(l, lesson_say(l, SAY_NARROW));
		putchar('\n');
	}
	r = lesson_show_flow(l, LESSON_FLOW_SETUP, 0, false);
	if (r < 0)
		return r;
	putchar('\n');
	return lesson_show_flow(l, LESSON_FLOW_TAKEDOWN, 0, false);
}

static int show_end(const struct lesson *l, const char *keep)
{
	int r;

	lesson_show_heading(l, lesson_say(l, SAY_DONE));
	r = lesson_show_flow(l, LESSON_FLOW_SETUP, RENDER_MAX_FLOW, false);
	if (r < 0)
		return r;
	putchar('\n');
	r = lesson_show_flow(l, LESSON_FLOW_TAKEDOWN, RENDER_MAX_FLOW, false);
	if (r < 0)
		return r;
	putchar('\n');
	lesson_show_text(l, lesson_say(l, keep ? SAY_OUTRO_KEPT : SAY_OUTRO));
	putchar('\n');
	if (!keep)
		printf("    %s lab create a100 --board %s --driver %s \\\n"
		       "        --numbering %s --bus-id %s\n",
		       program_invocation_name, LESSON_BOARD, LESSON_DRIVER, LESSON_NUMBERING,
		       LESSON_BUS_ID);
	printf("    %s lab shell %s\n\n", program_invocation_name, keep ? keep : "a100");
	return 0;
}

/* COLUMNS decides, else the terminal; 0: it is none. */
static unsigned window_columns(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (columns && *columns)
		return (unsigned)strtoul(columns, NULL, 10);
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void set_columns(struct lesson *l)
{
	unsigned n = window_columns();

	l->narrow = n && n < WIDEST_TABLE && isatty(STDOUT_FILENO);
	if (!n || n > TEXT_COLUMNS_MAX)
		n = TEXT_COLUMNS_MAX;
	l->columns = n < TEXT_COLUMNS_MIN ? TEXT_COLUMNS_MIN : n;
}

static void set_words(struct lesson *l)
{
	l->words = (struct render_words){
		.memory = lesson_say(l, SAY_WORD_MEMORY),
		.compute = lesson_say(l, SAY_WORD_COMPUTE),
		.free = lesson_say(l, SAY_WORD_FREE),
		.unused = lesson_say(l, SAY_WORD_UNUSED),
		.no_ci = lesson_say(l, SAY_WORD_NO_CI),
		.in_use = lesson_say(l, SAY_WORD_IN_USE),
		.mig_on = lesson_say(l, SAY_WORD_MIG_ON),
		.mig_off = lesson_say(l, SAY_WORD_MIG_OFF),
		.pending_on = lesson_say(l, SAY_WORD_PENDING_ON),
		.pending_off = lesson_say(l, SAY_WORD_PENDING_OFF),
		.undivided = lesson_say(l, SAY_WORD_UNDIVIDED),
	};
}

static int play(struct lesson *l, const struct args *a, struct mig_error *reterr)
{
	int r = show_beginning(l);

	for (const struct lesson_step *step = lesson_steps; r >= 0 && step->id; step++)
		r = lesson_interrupted() ? -EINTR : play_step(l, step, a->pause, reterr);
	if (r < 0)
		return r;
	return show_end(l, a->keep);
}

int cmd_lesson(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ struct lesson *l = calloc(1, sizeof(*l));
	struct args a = { 0 };
	int language, r;

	if (!l)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	setlocale(LC_CTYPE, "");
	language = lesson_find_language(a.lang);
	if (language < 0)
		return mig_fail(reterr, -EINVAL, "--lang must be en or zh-TW, not '%s'", a.lang);
	l->language = (unsigned)language;
	l->term = render_term_detect(stdout, (enum render_color)a.color);
	set_columns(l);
	set_words(l);
	r = lesson_lab_begin(l, a.keep, reterr);
	if (r >= 0)
		r = play(l, &a, reterr);
	lesson_lab_end(l);
	lesson_stop_as_asked();
	return r < 0 ? r : CLI_EXIT_OK;
}
