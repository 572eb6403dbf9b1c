/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/draw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "observe/file.h"
#include "observe/observe.h"
#include "render/parts.h"
#include "render/svg.h"

/* "migctl draw": pictures fit for a document, or on the terminal. */

enum profiles { PROFILES_PLAIN, PROFILES_ALL };
static const char *const profile_sets[] = { "plain", "all", NULL };

struct args {
	struct cli_subject_args subject;
	bool layout, plan, maximal;
	int profiles; /* enum profiles */
	const char *svg;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt draw_opts[] = {
	OPT_STR("svg", 's', A(svg), "FILE",
		"write the picture there as SVG, - is the standard output; a picture of ours that is there is replaced, any other file is not"),
	CLI_SUBJECT_OPTS(A(subject)),
	OPT_FLAG("layout", 'l', A(layout),
		 "the words name instances: draw the board with these and no others"),
	OPT_FLAG("plan", 0, A(plan), "the words are those of 'migctl plan': draw before and after"),
	CLI_KEEP_OPT(A(subject)),
	OPT_FLAG(
		"maximal", 'm', A(maximal),
		"all layouts to which nothing can be added; what a board without more is drawn as"),
	OPT_ENUM("profiles", 'p', A(profiles), "SET", profile_sets,
		 "of these profiles: plain ones, or all of the board"),
	OPT_END
};
#undef A

#define R(f) offsetof(struct render_found, f)
static const struct cli_field part_fields[] = {
	{ "id", "PART", F_STR, R(id) },	       { "kind", "KIND", F_STR, R(kind) },
	{ "state", "STATE", F_STR, R(state) }, { "profile", "PROFILE", F_STR, R(profile) },
	{ "start", "START", F_INT, R(start) }, { "size", "SIZE", F_INT, R(size) },
	{ "title", "TITLE", F_STR, R(title) }, { NULL },
};
#undef R

static int check(const struct args *a, unsigned n_words, struct mig_error *reterr)
{
	if (a->layout + a->plan + a->maximal > 1)
		return mig_fail(reterr, -EINVAL,
				"--layout, --plan and --maximal are different pictures: say one");
	if (n_words && !a->layout && !a->plan)
		return mig_fail(reterr, -EINVAL,
				"are these instances a layout or a plan? Say --layout or --plan");
	if (!n_words && (a->layout || a->plan))
		return mig_fail(reterr, -EINVAL,
				"--%s needs instances to draw, such as 3g.40gb 2x1g.10gb",
				a->layout ? "layout" : "plan");
	if (a->subject.keep.n && !a->plan)
		return mig_fail(reterr, -EINVAL, "--keep is for a plan: say --plan as well");
	if (a->subject.source.format != CLI_TABLE && a->svg && strcmp(a->svg, "-") == 0)
		return mig_fail(reterr, -EINVAL,
				"--svg - and -o %s both want to be what is printed: give a file",
				cli_formats[a->subject.source.format]);
	return 0;
}

static int compose(const struct args *a, const struct cli_subject *subject, char *const *words,
		   unsigned n_words, struct draw_scene *scene, struct mig_error *reterr)
{
	if (a->layout)
		return draw_scene_layout(subject, words, n_words, scene, reterr);
	if (a->plan)
		return draw_scene_plan(subject, words, n_words, scene, reterr);
	return draw_scene_maximal(subject, a->profiles == PROFILES_PLAIN, scene, reterr);
}

/* The picture as text. */
static int svg_text(const struct draw_scene *scene, char **ret, struct mig_error *reterr)
{
	struct render_svg svg = { scene->id, scene->title, scene->about };
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = render_svg_print(out, &svg, render_stack, &scene->stack);
	if (fclose(out) || r < 0)
		return mig_fail(reterr, r < 0 ? r : -ENOMEM, "out of memory");
	*ret = TAKE_PTR(text);
	return 0;
}

/* An older picture of ours is replaced, nothing else is lost to a mistyped name. */
static int write_svg(const char *path, const struct draw_scene *scene, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	int r = svg_text(scene, &text, reterr);

	if (r < 0)
		return r;
	if (strcmp(path, "-") != 0)
		return observe_write_file(path, text, RENDER_SVG_MARK, reterr);
	return fputs(text, stdout) == EOF
		       ? mig_fail(reterr, -EIO, "cannot write the picture: %s", strerror(errno))
		       : 0;
}

static int print_records(struct cli_out *out, const struct draw_scene *scene, const char *svg)
{
	_cleanup_free_ struct render_found *found = NULL;
	size_t n;
	int r = cli_out_str(out, "title", NULL, scene->title);

	if (r >= 0)
		r = cli_out_str(out, "note", NULL, scene->note[0] ? scene->note : NULL);
	if (r >= 0)
		r = cli_out_str(out, "svg", NULL, svg);
	if (r >= 0)
		r = render_parts(scene->id, render_stack, &scene->stack, &found, &n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (!found[i].size)
			found[i].start = found[i].size = CLI_NONE;
	return r < 0 ? r
		     : cli_out_list(out, "parts", NULL, NULL, part_fields, found, n,
				    sizeof(*found));
}

static int print(struct cli_out *out, const struct draw_scene *scene, const char *svg,
		 struct mig_error *reterr)
{
	int r = 0;

	if (!cli_out_is_table(out)) {
		r = print_records(out, scene, svg);
	} else if (svg) {
		r = cli_out_str(out, "svg", "SVG:", svg);
	} else {
		cli_out_gap(out);
		r = cli_out_draw(out, 0, render_stack, &scene->stack);
	}
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the picture: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

static int draw_subject(const struct args *a, struct cli_out *out, char *const *words,
			unsigned n_words, struct draw_scene *scene, struct mig_error *reterr)
{
	_cleanup_(cli_subject_close) struct cli_subject subject = { 0 };
	int r = cli_subject_open(&a->subject, a->plan ? CLI_SUBJECT_STATE : CLI_SUBJECT_BOARD,
				 &subject, reterr);

	if (r >= 0)
		r = compose(a, &subject, words, n_words, scene, reterr);
	if (r >= 0 && a->svg)
		r = write_svg(a->svg, scene, reterr);
	if (r >= 0 && out)
		r = cli_subject_heading(&subject, out);
	if (r >= 0 && out && a->plan)
		cli_subject_remarks(&subject, out);
	return r;
}

static int draw_gpus(const struct args *a, struct cli_out *out, struct draw_scene *scene,
		     struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	int r = cli_source_open(&a->subject.source,
				OBSERVE_MEMORY | OBSERVE_BOARD | OBSERVE_PROCESSES, &source,
				reterr);

	if (r >= 0)
		r = draw_scene_gpus(&source, scene, reterr);
	if (r >= 0 && a->svg)
		r = write_svg(a->svg, scene, reterr);
	if (r >= 0 && out)
		r = cli_source_heading(&source, out);
	/* Keys are the same whatever is drawn. */
	if (r >= 0 && out && !cli_out_is_table(out)) {
		cli_out_str(out, "gpu", NULL, NULL);
		cli_out_str(out, "name", NULL, NULL);
		r = cli_out_str(out, "board", NULL, NULL);
	}
	return r;
}

int cmd_draw(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(draw_scene_free) struct draw_scene scene = { 0 };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct args a = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = check(&a, (unsigned)argc, reterr);
	if (r >= 0 && !(a.svg && strcmp(a.svg, "-") == 0))
		r = cli_source_out(&a.subject.source, &out, reterr);
	if (r < 0)
		return r;
	/* A picture in a file is as wide as a page, whatever the terminal is. */
	if (out && !a.svg)
		scene.columns = cli_out_columns(out);
	if (a.layout || a.plan || a.maximal || a.subject.board)
		r = draw_subject(&a, out, argv, (unsigned)argc, &scene, reterr);
	else
		r = draw_gpus(&a, out, &scene, reterr);
	if (r >= 0 && out)
		r = print(out, &scene, a.svg, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
