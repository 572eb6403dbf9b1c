/* SPDX-License-Identifier: Apache-2.0 */
#include "gen_tables.h"
#include "spec/board_yaml.h"
#include "spec/yaml_doc.h"
#include <migkit/driver.h>

/*
 * gen-boards OUT.c OUT.d FOLDER: the tables of the compiled-in boards from FOLDER/sources.yaml and
 * every other FOLDER/NAME.yaml. Runs at build time; a board file that contradicts itself stops the
 * build with file, line and column. OUT.d tells ninja what was read, the folder among it: adding a
 * board is adding a file.
 */

struct gen {
	struct mig_source sources[MAX_SOURCES];
	unsigned n_sources;
	struct mig_board_def boards[MAX_TABLES];
	unsigned n_boards;
	struct mig_board_def known[MAX_TABLES]; /* that cannot be simulated */
	unsigned n_known;
	struct table_paths paths;
};

static const struct mig_board_def *find_board(void *arg, const char *key)
{
	const struct gen *gen = arg;

	for (unsigned i = 0; i < gen->n_boards; i++)
		if (strcmp(gen->boards[i].key, key) == 0 && !gen->boards[i].like[0])
			return &gen->boards[i];
	return NULL;
}

static bool has_like(const char *text, size_t size)
{
	return memmem(text, size, "\nlike:", 6) || (size >= 5 && memcmp(text, "like:", 5) == 0);
}

/* The file is named after the board, so that a board is found by looking at the folder. */
static int check_place(const char *path, const struct mig_board_def *def, struct mig_error *reterr)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n = strlen(def->key);

	if (strncmp(base, def->key, n) != 0 || strcmp(base + n, ".yaml") != 0)
		return mig_fail(reterr, -EINVAL, "%s:1:1: the board %s belongs into %s.yaml", path,
				def->key, def->key);
	/* Paths are unique, and with them the keys. */
	return 0;
}

/* Each board must come out right for each driver that knows it. */
static int check_drivers(const char *path, const struct mig_board_def *def,
			 struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board *board = malloc(sizeof(*board));
	unsigned branch, known = 0;
	char version[24];

	if (!board)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (unsigned i = 0; (branch = mig_driver_branch_at(i)) != 0; i++) {
		snprintf(version, sizeof(version), "%u.999.99", branch);
		known += mig_board_resolve(def, version, board, reterr) == 0;
	}
	if (!known)
		return mig_fail_wrap(reterr, -EINVAL, "%s:1:1: no driver can show this board",
				     path);
	return 0;
}

static int read_board(struct gen *gen, const char *path, bool like, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *def = calloc(1, sizeof(*def));
	struct spec_board_env env = { gen->sources, gen->n_sources, find_board, gen };
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = spec_file_read(path, &text, &size, reterr);
	if (r < 0 || has_like(text, size) != like)
		return r;
	if (!def)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = spec_board_parse(path, text, size, &env, def, reterr);
	if (r >= 0)
		r = check_place(path, def, reterr);
	if (r >= 0 && !def->lacks[0])
		r = check_drivers(path, def, reterr);
	if (r < 0)
		return r;
	if (def->lacks[0])
		gen->known[gen->n_known++] = *def;
	else
		gen->boards[gen->n_boards++] = *def;
	return 0;
}

static void put_figure(FILE *f, const char *indent, const char *field, const struct mig_figure *fig)
{
	if (!fig->n)
		return;
	fprintf(f, "%s.%s = { %u, {", indent, field, fig->n);
	for (uint32_t i = 0; i < fig->n; i++)
		fprintf(f, "%s { %lld, %uu, 0x%xu }", i ? "," : "", (long long)fig->v[i].value,
			fig->v[i].since, fig->v[i].sources);
	fprintf(f, " } },\n");
}

static void put_profile(FILE *f, const struct mig_gi_def *gi)
{
	char field[32];

	fprintf(f, "\t\t{\n\t\t\t.name = \"%s\",\n", gi->name);
	put_figure(f, "\t\t\t", "since", &gi->since);
	for (unsigned i = 0; i < MIG_PROFILE_FIGURE_MAX; i++) {
		snprintf(field, sizeof(field), "fig[%u]", i);
		put_figure(f, "\t\t\t", field, &gi->fig[i]);
	}
	fprintf(f, "\t\t\t.starts_sources = 0x%xu, .n_starts = %u, .starts = {", gi->starts_sources,
		gi->n_starts);
	for (unsigned i = 0; i < gi->n_starts; i++)
		fprintf(f, "%s %u", i ? "," : "", gi->starts[i]);
	fprintf(f, " },\n\t\t\t.n_ci = %u,\n", gi->n_ci);
	for (unsigned i = 0; i < gi->n_ci; i++) {
		const struct mig_ci_profile *p = &gi->ci[i].p;

		fprintf(f,
			"\t\t\t.ci[%u] = { { .id = %u, .slices = %u, .total = %u, .span = %u, "
			".sm = %u, .unconfirmed = 0x%xu }, 0x%xu },\n",
			i, p->id, p->slices, p->total, p->span, p->sm, p->unconfirmed,
			gi->ci[i].sources);
	}
	fprintf(f, "\t\t},\n");
}

static void put_texts(FILE *f, const struct mig_board_def *def)
{
	for (unsigned i = 0; i < MIG_BOARD_TEXT_MAX; i++) {
		const struct mig_text *t = &def->text[i];

		fprintf(f, "\t.text[%u] = { %u, {", i, t->n);
		for (uint32_t k = 0; k < t->n; k++) {
			fprintf(f, "%s { %uu, 0x%xu, ", k ? "," : "", t->v[k].since,
				t->v[k].sources);
			put_text(f, t->v[k].text);
			fprintf(f, " }");
		}
		fprintf(f, " } },\n");
	}
}

static void put_board(FILE *f, const struct mig_board_def *def)
{
	char field[32];

	fprintf(f, "{\n\t.key = \"%s\", .like = \"%s\", .lacks = ", def->key, def->like);
	put_text(f, def->lacks);
	fprintf(f, ",\n");
	put_figure(f, "\t", "first_driver", &def->first_driver);
	put_texts(f, def);
	for (unsigned i = 0; i < MIG_BOARD_FIGURE_MAX; i++) {
		snprintf(field, sizeof(field), "fig[%u]", i);
		put_figure(f, "\t", field, &def->fig[i]);
	}
	fprintf(f, "\t.n_gi = %u,\n\t.gi = {\n", def->n_gi);
	for (uint32_t i = 0; i < def->n_gi; i++)
		put_profile(f, &def->gi[i]);
	fprintf(f, "\t},\n\t.n_sources = %u,\n\t.sources = {\n", def->n_sources);
	put_sources(f, "\t\t", def->sources, def->n_sources);
	fprintf(f, "\t},\n\t.n_notes = %u,\n\t.notes = {\n", def->n_notes);
	put_notes(f, "\t\t", def->notes, def->n_notes);
	fprintf(f, "\t},\n},\n");
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct mig_board_def *)a)->key,
		      ((const struct mig_board_def *)b)->key);
}

static int write_tables(const struct gen *gen, const char *path, struct mig_error *reterr)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return mig_fail(reterr, -errno, "%s: %s", path, strerror(errno));
	fprintf(f, "/* Written by gen-boards from data/boards/: do not edit. */\n");
	fprintf(f, "#include \"model/boards_gen.h\"\n\n");
	fprintf(f, "const struct mig_board_def mig_boards[] = {\n");
	for (unsigned i = 0; i < gen->n_boards; i++)
		put_board(f, &gen->boards[i]);
	fprintf(f, "};\nconst unsigned mig_n_boards = %u;\n\n", gen->n_boards);
	fprintf(f, "const struct mig_board_def mig_known[] = {\n");
	for (unsigned i = 0; i < gen->n_known; i++)
		put_board(f, &gen->known[i]);
	/* An empty array is no C. */
	fprintf(f, "%s};\nconst unsigned mig_n_known = %u;\n\n",
		gen->n_known ? "" : "{ .n_gi = 0 }", gen->n_known);
	fprintf(f, "const struct mig_source mig_sources[] = {\n");
	put_sources(f, "\t", gen->sources, gen->n_sources);
	fprintf(f, "};\nconst unsigned mig_n_sources = %u;\n", gen->n_sources);
	if (ferror(f) | fclose(f))
		return mig_fail(reterr, -EIO, "%s: cannot be written", path);
	return 0;
}

static int generate(struct gen *gen, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	char sources[PATH_MAX];
	size_t size;
	int r;

	snprintf(sources, sizeof(sources), "%s/sources.yaml", argv[3]);
	r = spec_file_read(sources, &text, &size, reterr);
	if (r >= 0)
		r = spec_sources_parse(sources, text, size, gen->sources, MAX_SOURCES,
				       &gen->n_sources, reterr);
	if (r >= 0)
		r = list_tables(&gen->paths, argv[3], reterr);
	/* Boards that stand for themselves first: the others may be like one of them. */
	for (int like = 0; like < 2; like++)
		for (unsigned i = 0; r >= 0 && i < gen->paths.n; i++)
			r = read_board(gen, gen->paths.path[i], like, reterr);
	if (r < 0)
		return r;
	qsort(gen->boards, gen->n_boards, sizeof(gen->boards[0]), by_key);
	qsort(gen->known, gen->n_known, sizeof(gen->known[0]), by_key);
	r = write_deps(&gen->paths, argv[2], argv[1], sources, argv[3], reterr);
	return r < 0 ? r : write_tables(gen, argv[1], reterr);
}

int main(int argc, char **argv)
{
	_cleanup_free_ struct gen *gen = calloc(1, sizeof(*gen));
	struct mig_error err = { 0 };

	if (argc != 4) {
		fprintf(stderr, "usage: %s OUT.c OUT.d FOLDER\n", argv[0]);
		return 2;
	}
	if (!gen || generate(gen, argv, &err) < 0) {
		fprintf(stderr, "%s\n", gen ? err.msg : "out of memory");
		return 1;
	}
	return 0;
}
