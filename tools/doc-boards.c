/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <migkit/driver.h>

#include "model/board_text.h"
#include "model/machines.h"

/*
 * Prints doc/boards.md: every figure of every board with where it comes from, from the same tables
 * that the programs use. "?" behind a value: no hardware output confirms it.
 */

static void put_sources(const struct mig_board_def *def, uint32_t sources)
{
	char buf[200];

	mig_sources_format(def->sources, def->n_sources, sources, buf, sizeof(buf));
	printf(" (%s)", buf);
}

static void put_notes(const struct mig_note *note, uint32_t n)
{
	if (n)
		printf("\n");
	for (uint32_t i = 0; i < n; i++)
		printf("- %s: %s\n", note[i].about, note[i].text);
}

static void put_value(enum mig_kind kind, int64_t value)
{
	char buf[200];

	mig_value_format(kind, value, buf, sizeof(buf));
	printf("%s", buf);
}

static void put_since(uint32_t since, bool alone)
{
	char driver[16];

	mig_driver_format(since, driver, sizeof(driver));
	if (!alone)
		printf("from %s: ", driver);
}

/* "80896 (T09), from 550.54.14: 80640 (T07)" */
static void put_figure(const struct mig_board_def *def, const struct mig_figure *fig,
		       enum mig_kind kind)
{
	for (uint32_t i = 0; i < fig->n; i++) {
		printf("%s", i ? "; " : "");
		put_since(fig->v[i].since, fig->n == 1);
		put_value(kind, fig->v[i].value);
		printf("%s", fig->v[i].sources & MIG_DEF_UNCONFIRMED ? "?" : "");
		put_sources(def, fig->v[i].sources);
	}
}

static void put_texts(const struct mig_board_def *def)
{
	static const char *const keys[] = {
#define X(name, group, key, field) [MIG_TEXT_##name] = key,
		MIG_BOARD_TEXTS(X)
#undef X
	};

	for (unsigned i = 0; i < MIG_BOARD_TEXT_MAX; i++) {
		const struct mig_text *t = &def->text[i];

		if (!t->n)
			continue;
		if (!t->n)
			continue;
		printf("| %s | ", keys[i]);
		for (uint32_t k = 0; k < t->n; k++) {
			printf("%s", k ? "; " : "");
			put_since(t->v[k].since, t->n == 1);
			printf("%s%s", t->v[k].text,
			       t->v[k].sources & MIG_DEF_UNCONFIRMED ? "?" : "");
			put_sources(def, t->v[k].sources);
		}
		printf(" |\n");
	}
}

static void put_board_figure(const struct mig_board_def *def, const struct mig_figure *fig,
			     enum mig_kind kind, const char *group, const char *key)
{
	if (!fig->n)
		return;
	printf("| %s: %s | ", group, key);
	put_figure(def, fig, kind);
	printf(" |\n");
}

static void put_board_figures(const struct mig_board_def *def)
{
	printf("\n## %s\n\n| figure | value (sources) |\n| --- | --- |\n", def->key);
	put_texts(def);
	printf("| first-driver | ");
	put_figure(def, &def->first_driver, MIG_KIND_DRIVER);
	printf(" |\n");
#define X(name, group, key, kind, least, most, field) \
	put_board_figure(def, &def->fig[MIG_FIG_##name], MIG_KIND_##kind, group, key);
	MIG_BOARD_FIGURES(X)
#undef X
}

static void put_profile(const struct mig_board_def *def, const struct mig_gi_def *gi)
{
	printf("| %s | starts", gi->name);
	for (unsigned i = 0; i < gi->n_starts; i++)
		printf(" %u", gi->starts[i]);
	printf("%s", gi->starts_sources & MIG_DEF_UNCONFIRMED ? "?" : "");
	put_sources(def, gi->starts_sources);
	printf("<br>since ");
	put_figure(def, &gi->since, MIG_KIND_DRIVER);
#define X(name, key, kind, least, most, field, bit) \
	printf("<br>%s ", key);                     \
	put_figure(def, &gi->fig[MIG_PFIG_##name], MIG_KIND_##kind);
	MIG_PROFILE_FIGURES(X)
#undef X
	printf(" | ");
	for (unsigned i = 0; i < gi->n_ci; i++) {
		const struct mig_ci_profile *p = &gi->ci[i].p;

		printf("%s%uc: id %u%s, total %u%s, span %u%s, sm %u%s", i ? "<br>" : "", p->slices,
		       p->id, p->unconfirmed & MIG_UNCONFIRMED_ID ? "?" : "", p->total,
		       p->unconfirmed & MIG_UNCONFIRMED_TOTAL ? "?" : "", p->span,
		       p->unconfirmed & MIG_UNCONFIRMED_PLACEMENT ? "?" : "", p->sm,
		       p->unconfirmed & MIG_UNCONFIRMED_SM ? "?" : "");
		put_sources(def, gi->ci[i].sources);
	}
	printf(" |\n");
}

/* A board that cannot be simulated: what is known of it, and what is not. */
static void put_known(const struct mig_board_def *def)
{
	printf("\n## %s\n\n%s", def->key, def->text[MIG_TEXT_NAME].v[0].text);
	put_sources(def, def->text[MIG_TEXT_NAME].v[0].sources);
	printf(". Cannot be simulated: no source gives %s.\n\n| profile | what is known |\n"
	       "| --- | --- |\n",
	       def->lacks);
	for (uint32_t i = 0; i < def->n_gi; i++) {
		const struct mig_gi_def *gi = &def->gi[i];
		unsigned n = 0;

		printf("| %s | ", gi->name);
		for (unsigned k = 0; k < MIG_PROFILE_FIGURE_MAX; k++) {
			if (!gi->fig[k].n)
				continue;
			printf("%s%s ", n++ ? "<br>" : "", mig_profile_figure_name(k)->key);
			put_figure(def, &gi->fig[k], mig_profile_figure_name(k)->kind);
		}
		printf("%s |\n", n ? "" : "the name");
	}
	put_notes(def->notes, def->n_notes);
}

static void put_machine(const struct mig_machine *m)
{
	static const char *const kinds[] = { "none", "switch", "pairs" };
	char codes[200];

	printf("\n### %s\n\n%s. %u NUMA nodes, %u of them on a socket; NVLink: %s", m->key,
	       m->title, m->n_nodes, m->nodes_per_socket, kinds[m->nvlink]);
	if (m->nvlinks)
		printf(", %u links", m->nvlinks);
	printf(".\n\n| GPU | board | bus id | node | PCIe switch |\n| --- | --- | --- | --- | --- |\n");
	for (uint32_t i = 0; i < m->n_gpus; i++)
		printf("| %u | %s | %08X:%02X:%02X.0 | %u | %u |\n", i, m->gpu[i].board,
		       m->gpu[i].bus_id.domain, m->gpu[i].bus_id.bus, m->gpu[i].bus_id.device,
		       m->gpu[i].node, m->gpu[i].pcie_switch);
	printf("\nSources:");
	for (unsigned i = 0; i < MIG_MACHINE_PART_MAX; i++) {
		mig_sources_format(m->sources, m->n_sources, m->part[i], codes, sizeof(codes));
		printf("%s %s%s (%s)", i ? "," : "", mig_machine_part_name(i),
		       m->part[i] & MIG_DEF_UNCONFIRMED ? "?" : "", codes);
	}
	printf(".\n\n");
	for (uint32_t i = 0; i < m->n_sources; i++)
		printf("- %s: %s\n", m->sources[i].code, m->sources[i].text);
	put_notes(m->notes, m->n_notes);
}

static void put_overview(void)
{
	static const char *const states[] = { "confirmed", "partly unconfirmed", "unconfirmed",
					      "cannot be simulated" };
	const struct mig_board_def *def;
	struct mig_board board;
	char newest[16] = "";

	for (unsigned i = 0; mig_driver_branch_at(i); i++)
		snprintf(newest, sizeof(newest), "%u.999", mig_driver_branch_at(i));
	printf("\n| board | product | what decides its layouts |\n| --- | --- | --- |\n");
	for (unsigned i = 0; (def = mig_board_at(i)) != NULL; i++)
		if (mig_board_resolve(def, newest, &board, NULL) >= 0)
			printf("| %s | %s | %s |\n", def->key, board.name,
			       states[mig_board_state(&board)]);
	for (unsigned i = 0; (def = mig_known_at(i)) != NULL; i++)
		printf("| %s | %s | %s |\n", def->key, def->text[MIG_TEXT_NAME].v[0].text,
		       states[MIG_BOARD_KNOWN]);
}

int main(void)
{
	const struct mig_machine *machine;
	const struct mig_board_def *def;
	const struct mig_source *s;

	printf("# Boards\n\nWritten from `data/boards/` and `data/machines/` "
	       "(`tests/boards/test_boards_doc.py --update`). A value with `?` is one that no hardware "
	       "output confirms.\n");
	put_overview();
	printf("\n| source | what |\n| --- | --- |\n");
	for (unsigned i = 0; (s = mig_source_at(i)) != NULL; i++)
		printf("| %s | %s%s |\n", s->code, s->text,
		       s->confirms ? "" : " (confirms nothing)");
	for (unsigned i = 0; (def = mig_board_at(i)) != NULL; i++) {
		put_board_figures(def);
		printf("\n| profile | figures | compute instances |\n| --- | --- | --- |\n");
		for (uint32_t k = 0; k < def->n_gi; k++)
			put_profile(def, &def->gi[k]);
		put_notes(def->notes, def->n_notes);
	}
	for (unsigned i = 0; (def = mig_known_at(i)) != NULL; i++)
		put_known(def);
	printf("\n## Machines\n");
	for (unsigned i = 0; (machine = mig_machine_at(i)) != NULL; i++)
		put_machine(machine);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
