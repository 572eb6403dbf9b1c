/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "lab/lab.h"

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_check_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct finding {
	const char *kind;
	char text[480];
};

#define R(f) offsetof(struct finding, f)
static const struct cli_field fields[] = {
	{ "kind", "KIND", F_PTR, R(kind) },
	{ "what", "WHAT", F_STR, R(text), CLI_WRAP },
	{ NULL },
};
#undef R

/* A file of which nothing is right may have more breaches than anybody reads. */
#define MAX_FINDINGS 1000

struct findings {
	struct finding *v;
	size_t n;
};

static void told(void *arg, bool breach, const char *sentence)
{
	struct findings *all = arg;
	struct finding *f = &all->v[all->n];

	if (all->n == MAX_FINDINGS)
		return;
	f->kind = breach ? "breach" : "note";
	memccpy(f->text, sentence, '\0', sizeof(f->text) - 1);
	all->n++;
}

static int print(struct cli_out *out, const char *path, const struct lab_look *look,
		 const struct findings *all, int breaches, struct mig_error *reterr)
{
	int r = cli_out_str(out, "name", "Lab:", look->name[0] ? look->name : NULL);

	if (r >= 0)
		r = cli_out_str(out, "path", look->folder ? "Folder:" : "File:", path);
	if (r >= 0)
		r = cli_out_u64(out, "changes", "Changes:", look->changes);
	if (r >= 0)
		r = cli_out_u64(out, "breaches", "Breaches:", (uint64_t)breaches);
	if (r >= 0)
		r = cli_out_list(out, "findings", NULL, "Nothing is wrong.", fields, all->v, all->n,
				 sizeof(*all->v));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print what was found: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

/* "No" is an answer, and not an error: what is wrong stands on standard output. */
int cmd_lab_check(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_free_ struct finding *list = calloc(MAX_FINDINGS, sizeof(*list));
	struct findings all = { .v = list };
	struct lab_look look;
	struct args a = { 0 };
	char path[PATH_MAX];
	int r, breaches = 0;

	if (!list)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], path, reterr);
	if (r >= 0)
		r = breaches = lab_check_file(path, told, &all, &look, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r >= 0)
		r = print(out, path, &look, &all, breaches, reterr);
	if (r < 0)
		return r;
	return breaches ? CLI_EXIT_BAD_LAB : CLI_EXIT_OK;
}
