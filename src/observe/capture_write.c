/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/capture.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "model/board_text.h"

/* A captured board as a file in the format of data/boards/. */

static const char *arch_name(const struct mig_board *b)
{
	switch (b->architecture) {
	case NVML_DEVICE_ARCH_AMPERE:
		return "Ampere";
	case NVML_DEVICE_ARCH_HOPPER:
		return "Hopper";
	default:
		return "Blackwell";
	}
}

/* In double quotes, of which the names that drivers give hold none. */
static void quoted(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text, f);
	}
	fputc('"', f);
}

static void value(FILE *f, enum mig_kind kind, int64_t v)
{
	char text[512];
	size_t n;

	mig_value_format(kind, v, text, sizeof(text));
	/* Milliwatts to the last: the formatted one has six digits. */
	if (kind == MIG_KIND_MILLI && v % 1000) {
		n = (size_t)snprintf(text, sizeof(text), "%lld.%03lld", (long long)v / 1000,
				     (long long)v % 1000);
		while (text[n - 1] == '0')
			text[--n] = '\0';
	}
	fprintf(f, kind == MIG_KIND_IDS ? "[%s]" : "%s", text);
}

static void figures(FILE *f, const struct capture *c, const char *group)
{
	for (enum mig_board_figure i = 0; i < MIG_BOARD_FIGURE_MAX; i++) {
		const struct mig_figure_name *name = mig_board_figure_name(i);
		const struct capture_value *v = &c->fig[i];

		if (strcmp(name->group, group) != 0 || !v->source)
			continue;
		fprintf(f, "  %s: ", name->key);
		if (strcmp(v->source, CAPTURE_NVML) != 0)
			fputc('[', f);
		value(f, name->kind, v->value);
		if (strcmp(v->source, CAPTURE_NVML) != 0)
			fprintf(f, ", %s]", v->source);
		fputc('\n', f);
	}
}

static void texts(FILE *f, const struct capture *c, enum mig_board_text first,
		  enum mig_board_text last)
{
	for (enum mig_board_text t = first; t <= last; t++) {
		bool own = c->text_source[t] && strcmp(c->text_source[t], CAPTURE_NVML) != 0;

		if (!c->text_source[t] || t == MIG_TEXT_ARCHITECTURE)
			continue;
		fprintf(f, "  %s: %s", mig_board_text_name(t), own ? "[" : "");
		quoted(f, c->text[t]);
		if (own)
			fprintf(f, ", %s]", c->text_source[t]);
		fputc('\n', f);
	}
}

static void group(FILE *f, const struct capture *c, const char *name)
{
	fprintf(f, "\n%s:\n", name);
	figures(f, c, name);
	if (!strcmp(name, "product")) {
		texts(f, c, MIG_TEXT_NAME, MIG_TEXT_GPU_PART_NUMBER);
		fprintf(f, "  architecture: %s\n", arch_name(&c->gpu->board));
		/* Older ones may know the board, too: nobody has asked them. */
		fprintf(f, "  first-driver: %s\n", c->since);
	}
	if (!strcmp(name, "nvml"))
		texts(f, c, MIG_TEXT_INFOROM_IMAGE, MIG_TEXT_INFOROM_ECC);
	fprintf(f, "  source: [%s]\n", CAPTURE_NVML);
}

static void profile(FILE *f, const struct capture *c, unsigned i)
{
	const struct mig_gi_profile *p = &c->gi[i];

	fprintf(f, "  - {name: %s, id: %u, index: %u, slices: %u, size: %u, starts: [", p->name,
		p->id, p->index, p->slices, p->size);
	for (unsigned s = 0; s < p->n_starts; s++)
		fprintf(f, "%s%u", s ? ", " : "", p->starts[s]);
	fprintf(f, "], total: %u,\n     since: %s, sm: %u, ce: %u, dec: %u, enc: %u, jpeg: %u, ",
		p->total, c->since, p->sm, p->ce, p->dec, p->enc, p->jpeg);
	fprintf(f, "ofa: %u, p2p: %s,\n     memory-mb: %u, bar1-mb: [%lld, %s],\n", p->ofa,
		p->p2p ? "yes" : "no", p->memory_mb, (long long)c->bar1[i].value,
		c->bar1[i].source);
	if (p->unconfirmed & MIG_UNCONFIRMED_PLACEMENT)
		fputs("     unconfirmed: [starts, size],\n"
		      "     note: the driver does not list the placements of this profile,\n",
		      f);
	fprintf(f, "     source: [%s]}\n", CAPTURE_NVML);
}

static void ci_profiles(FILE *f, const struct capture *c, unsigned i)
{
	const struct mig_gi_profile *p = &c->gi[i];

	fprintf(f, "  - for: [%s]\n    source: [%s]\n    rows:\n", p->name, c->ci_source[i]);
	for (unsigned k = 0; k < p->n_ci; k++)
		fprintf(f, "      - {id: %u, slices: %u, total: %u, span: %u, sm: %u}\n",
			p->ci[k].id, p->ci[k].slices, p->ci[k].total, p->ci[k].span, p->ci[k].sm);
}

static void head(FILE *f, const struct capture *c, const char *key)
{
	const struct mig_snapshot *s = c->s;
	char line[160];

	fputs("# What NVML says of a GPU. Figures with another source behind them it does not say; they are\n"
	      "# unconfirmed. Idle readings are those of the moment.\n",
	      f);
	fprintf(f, "board: %s\n\nsources:\n", key);
	snprintf(line, sizeof(line), "%.60s, driver %s, MIG mode %s%s%.28s", c->gpu->name,
		 s->driver, c->gpu->mode == MIG_MODE_ON ? "on" : "off",
		 s->lab ? ", simulated: " : "", s->lab ? s->source : "");
	fprintf(f, "  %s: {text: ", CAPTURE_NVML);
	quoted(f, line);
	/* A simulation shows what its own board file says, and confirms none of it. */
	fprintf(f, "%s}\n", s->lab ? ", confirms: no" : "");
}

char *capture_write(const struct capture *c, const char *key)
{
	static const char *const groups[] = {
		"product", "geometry", "mig-mode", "memory",	"temperature",
		"power",   "clocks",   "nvml",	   "other-ids",
	};
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	bool failed;

	if (!f)
		return NULL;
	head(f, c, key);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		group(f, c, groups[i]);
	fputs("\nprofiles:\n", f);
	for (unsigned i = 0; i < c->gpu->board.n_gi; i++)
		profile(f, c, i);
	fputs("\n# Of a GPU instance alone does NVML tell which compute instances it can hold.\n"
	      "compute-instances:\n",
	      f);
	for (unsigned i = 0; i < c->gpu->board.n_gi; i++)
		ci_profiles(f, c, i);
	failed = ferror(f) != 0;
	if (fclose(f) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
