/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "base/util.h"
#include "spec/board_yaml.h"
#include "spec/yaml_doc.h"
#include "unit/check.h"

/*
 * tests/boards/bad/NAME.yaml are boards with one thing wrong each; tests/boards/bad/NAME.expect is
 * the sentence that they must get, from the line on. tests/boards/good/NAME.yaml must be accepted.
 */

static const char *source_root(void)
{
	const char *root = getenv("MIGKIT_SOURCE");

	if (!root)
		CHECK_SKIP("MIGKIT_SOURCE does not name the source folder");
	return root;
}

static int ends_in_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static int bad_file(const char *folder, const char *name, struct mig_board_def *def)
{
	struct mig_error err = { 0 };
	char path[PATH_MAX], expect[PATH_MAX], want[512] = "";
	_cleanup_fclose_ FILE *f = NULL;
	const char *got;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(expect, sizeof(expect), "%.*s.expect", (int)strlen(path) - 5, path);
	memset(def, 0x5a, sizeof(*def));
	if (spec_board_load(path, def, &err) != -EINVAL) {
		fprintf(stderr, "%s: accepted\n", path);
		return 1;
	}
	/* Nothing is handed out on failure, and the sentence starts with the file. */
	for (size_t i = 0; i < sizeof(*def); i++)
		CHECK(((unsigned char *)def)[i] == 0x5a);
	CHECK(strncmp(err.msg, path, strlen(path)) == 0 && err.msg[strlen(path)] == ':');
	got = err.msg + strlen(path) + 1;
	f = fopen(expect, "re");
	if (!f || !fgets(want, sizeof(want), f)) {
		fprintf(stderr, "%s: lacks its sentence; it got: %s\n", expect, got);
		return 1;
	}
	want[strcspn(want, "\n")] = '\0';
	if (strcmp(got, want) == 0)
		return 0;
	fprintf(stderr, "%s: got \"%s\", not \"%s\"\n", path, got, want);
	return 1;
}

static int good_file(const char *folder, const char *name, struct mig_board_def *def)
{
	struct mig_error err = { 0 };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (spec_board_load(path, def, &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}

static void each(const char *below,
		 int (*check)(const char *, const char *, struct mig_board_def *), int least)
{
	struct mig_board_def *def = malloc(sizeof(*def));
	struct dirent **found = NULL;
	char folder[PATH_MAX - 300];
	int n, failed = 0;

	snprintf(folder, sizeof(folder), "%s/%s", source_root(), below);
	n = scandir(folder, &found, ends_in_yaml, alphasort);
	CHECK(def && n >= least);
	for (int i = 0; i < n; i++) {
		failed += check(folder, found[i]->d_name, def);
		free(found[i]);
	}
	free(found);
	free(def);
	CHECK_EQ(failed, 0);
}

/* A file of one's own: sources of its own, figures by driver, resolved like a compiled-in board. */
static void own_board(void)
{
	struct mig_board_def *def = malloc(sizeof(*def));
	struct mig_error err = { 0 };
	struct mig_board b;
	char path[PATH_MAX];

	CHECK(def);
	snprintf(path, sizeof(path), "%s/tests/boards/good/own.yaml", source_root());
	CHECK_EQ(spec_board_load(path, def, &err), 0);
	CHECK_STR(def->key, "own");
	CHECK_STR(def->like, "a100-80gb-sxm");
	CHECK_EQ(mig_board_resolve(def, "535.183.01", &b, &err), 0);
	CHECK_EQ(b.n_gi, 2);
	CHECK_STR(b.gi[0].name, "3g.40gb");
	CHECK_EQ(b.gi[0].memory_mb, 40000);
	CHECK_EQ(b.gi[0].unconfirmed, MIG_UNCONFIRMED_MEMORY | MIG_UNCONFIRMED_PLACEMENT);
	CHECK_EQ(b.gi[0].ci[1].is_default, 1);
	CHECK_STR(b.gi[0].ci[1].name, "3g.40gb");
	CHECK_EQ(b.idle_power_mw, 41250);
	CHECK_EQ(b.sm_total, 108);
	CHECK_EQ(mig_board_resolve(def, "550.54.14", &b, &err), 0);
	CHECK_EQ(b.gi[0].memory_mb, 40192);
	CHECK_EQ(b.gi[0].unconfirmed, MIG_UNCONFIRMED_PLACEMENT);
	free(def);
}

/* Taken from a sister by a source's word: no figure of it is confirmed; an own group is. */
static void like_by_word(void)
{
	struct mig_board_def *def = malloc(sizeof(*def));
	struct mig_error err = { 0 };
	struct mig_board b;
	char path[PATH_MAX];

	CHECK(def);
	snprintf(path, sizeof(path), "%s/tests/boards/good/like-by-word.yaml", source_root());
	CHECK_EQ(spec_board_load(path, def, &err), 0);
	CHECK_EQ(def->n_sources, 2);
	CHECK_EQ(def->n_notes, 1);
	CHECK_STR(def->notes[0].about, "like");
	CHECK(!(def->fig[MIG_FIG_DISPLAY_OFF].v[0].sources & MIG_DEF_UNCONFIRMED));
	for (unsigned i = 0; i < def->n_gi; i++)
		for (unsigned k = 0; k < MIG_PROFILE_FIGURE_MAX; k++)
			CHECK_EQ(def->gi[i].fig[k].v[0].sources, MIG_DEF_UNCONFIRMED | 3);
	CHECK_EQ(mig_board_resolve(def, "535.183.01", &b, &err), 0);
	CHECK_EQ(b.mode_display_off, 1);
	CHECK_EQ(b.gi[0].memory_mb, 5952);
	CHECK_EQ(b.gi[0].unconfirmed, MIG_UNCONFIRMED_ID * 2 - 1);
	CHECK_EQ(b.gi[2].ci[0].unconfirmed, MIG_UNCONFIRMED_SM | MIG_UNCONFIRMED_PLACEMENT |
						    MIG_UNCONFIRMED_TOTAL | MIG_UNCONFIRMED_ID);
	free(def);
}

/* A board that is known and no more is read, and is not handed out as one to simulate. */
static void known_board(void)
{
	struct mig_board_def *def = malloc(sizeof(*def));
	const struct mig_board_def *b300;
	struct mig_error err = { 0 };
	char path[PATH_MAX], want[PATH_MAX + 200];

	CHECK(def);
	memset(def, 0x5a, sizeof(*def));
	snprintf(path, sizeof(path), "%s/tests/boards/known/some-figures.yaml", source_root());
	CHECK_EQ(spec_board_load(path, def, &err), -ENOTSUP);
	snprintf(want, sizeof(want),
		 "%s: the board half-known is known, but cannot be simulated: no source gives the "
		 "memory of its larger profile",
		 path);
	CHECK_STR(err.msg, want);
	CHECK_EQ(def->key[0], 0x5a);
	free(def);
	b300 = mig_known_find("b300");
	CHECK(b300 && b300->lacks[0]);
	CHECK_EQ(b300->gi[0].fig[MIG_PFIG_MEMORY_MB].n, 0);
	for (unsigned i = 0; mig_known_at(i); i++)
		CHECK(!mig_board_find(mig_known_at(i)->key) && mig_known_at(i)->lacks[0]);
}

static void unreadable(void)
{
	struct mig_board_def *def = malloc(sizeof(*def));
	struct mig_error err = { 0 };

	CHECK(def);
	CHECK_EQ(spec_board_load("/nonexistent/board.yaml", def, &err), -ENOENT);
	CHECK_STR(err.msg, "/nonexistent/board.yaml: No such file or directory");
	CHECK_EQ(spec_board_load("/dev/zero", def, &err), -EFBIG);
	free(def);
}

int main(void)
{
	each("tests/boards/bad", bad_file, 50);
	each("tests/boards/good", good_file, 1);
	own_board();
	like_by_word();
	known_board();
	unreadable();
	return 0;
}
