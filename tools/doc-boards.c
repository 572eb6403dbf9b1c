/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <migkit/driver.h>

#include "model/boards.h"

/*
 * Prints doc/boards.md: every figure of every board with where it comes from, from the same tables
 * that the programs use. "?" behind a value: no hardware output confirms it.
 */

static void put_sources(const struct mig_board_def *def, uint32_t sources)
{
	const char *separator = " (";

	for (uint32_t i = 0; i < def->n_sources; i++) {
		if (!(sources & 1u << i))
			continue;
		printf("%s%s", separator, def->sources[i].code);
		separator = ", ";
	}
	printf(")");
}

static void put_value(enum mig_kind kind, int64_t value)
{
	static const char *const numbering[] = { "I", "X", "quarter" };
	const char *separator = "";
	char driver[16];

	switch (kind) {
	case MIG_KIND_HEX:
		printf("0x%08llX", (unsigned long long)value);
		break;
	case MIG_KIND_BOOL:
		printf("%s", value ? "yes" : "no");
		break;
	case MIG_KIND_MILLI:
		printf("%g", (double)value / 1000);
		break;
	case MIG_KIND_NUMBERING:
		printf("%s", numbering[value]);
		break;
	case MIG_KIND_DRIVER:
		mig_driver_format((uint32_t)value, driver, sizeof(driver));
		printf("%s", driver);
		break;
	case MIG_KIND_IDS:
		for (unsigned i = 0; i < 63; i++) {
			if (!(value & INT64_C(1) << i))
				continue;
			printf("%s%u", separator, i);
			separator = ", ";
		}
		break;
	default:
		printf("%lld", (long long)value);
	}
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

int main(void)
{
	const struct mig_board_def *def;
	const struct mig_source *s;

	printf("# Boards\n\nWritten from `data/boards/`. A value with `?` is one that no hardware output "
	       "confirms.\n\n| source | what |\n| --- | --- |\n");
	for (unsigned i = 0; (s = mig_source_at(i)) != NULL; i++)
		printf("| %s | %s%s |\n", s->code, s->text,
		       s->confirms ? "" : " (confirms nothing)");
	for (unsigned i = 0; (def = mig_board_at(i)) != NULL; i++) {
		put_board_figures(def);
		printf("\n| profile | figures | compute instances |\n| --- | --- | --- |\n");
		for (uint32_t k = 0; k < def->n_gi; k++)
			put_profile(def, &def->gi[k]);
		printf("\n");
		for (uint32_t k = 0; k < def->n_notes; k++)
			printf("- %s: %s\n", def->notes[k].about, def->notes[k].text);
	}
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
