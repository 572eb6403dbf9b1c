/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "model/boards.h"
#include <migkit/driver.h>
#include <migkit/names.h>

/* NVML_DEVICE_ARCH_* of the names that board files use. */
static const struct {
	const char *name;
	uint32_t nvml;
} architectures[] = { { "Ampere", 7 }, { "Hopper", 9 }, { "Blackwell", 10 } };

const struct mig_variant *mig_figure_at(const struct mig_figure *fig, uint32_t driver_code)
{
	const struct mig_variant *v = fig->n ? &fig->v[0] : NULL;

	for (uint32_t i = 1; i < fig->n; i++)
		if (fig->v[i].since <= driver_code)
			v = &fig->v[i];
	return v;
}

const struct mig_text_variant *mig_text_at(const struct mig_text *text, uint32_t driver_code)
{
	const struct mig_text_variant *v = text->n ? &text->v[0] : NULL;

	for (uint32_t i = 1; i < text->n; i++)
		if (text->v[i].since <= driver_code)
			v = &text->v[i];
	return v;
}

/*
 * The name of a profile carries the board's memory in GiB, rounded up, times the share of the
 * placement units, rounded half up: an H200 of 143771 MiB is "141gb", an eighth of it 18, a
 * quarter 35, a half 71. It fits every board whose names are known.
 */
unsigned mig_board_name_gb(uint32_t memory_total_mib, unsigned size, unsigned units)
{
	unsigned total_gb = (memory_total_mib + 1023) / 1024;

	return (2 * total_gb * size + units) / (2 * units);
}

static int resolve_texts(const struct mig_board_def *def, uint32_t code, struct mig_board *b,
			 struct mig_error *reterr)
{
	const struct mig_text_variant *t;

#define X(name, group, key, field)                                             \
	t = mig_text_at(&def->text[MIG_TEXT_##name], code);                    \
	if (t) {                                                               \
		memcpy(b->field, t->text, sizeof(b->field) - 1);               \
		b->unconfirmed_boards |= !!(t->sources & MIG_DEF_UNCONFIRMED); \
	}
	MIG_BOARD_TEXTS(X)
#undef X
	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++)
		if (strcmp(b->arch_name, architectures[i].name) == 0)
			b->architecture = architectures[i].nvml;
	if (!b->architecture)
		return mig_fail(
			reterr, -EINVAL,
			"board %s: architecture '%s' is not known: Ampere, Hopper or Blackwell",
			def->key, b->arch_name);
	return 0;
}

static void resolve_figures(const struct mig_board_def *def, uint32_t code, struct mig_board *b)
{
	const struct mig_variant *v;

#define X(name, group, key, kind, least, most, field)                          \
	v = mig_figure_at(&def->fig[MIG_FIG_##name], code);                    \
	if (v) {                                                               \
		b->field = (__typeof__(b->field))v->value;                     \
		b->unconfirmed_boards |= !!(v->sources & MIG_DEF_UNCONFIRMED); \
	}
	MIG_BOARD_FIGURES(X)
#undef X
}

/*
 * NVIDIA names a CI after its GI: "1c.3g.40gb", and the one that fills the GI plainly "3g.40gb".
 * A suffix of the GI is not repeated (seen for +me; for the others unconfirmed).
 */
static void name_cis(struct mig_gi_profile *p)
{
	struct mig_name name;

	if (mig_name_parse(p->name, &name, NULL) < 0)
		return;
	name.media = MIG_MEDIA_PLAIN;
	for (unsigned i = 0; i < p->n_ci; i++) {
		name.ci_slices = p->ci[i].is_default ? 0 : p->ci[i].slices;
		mig_name_format(&name, p->ci[i].name, sizeof(p->ci[i].name));
	}
}

static void resolve_profile(const struct mig_gi_def *def, uint32_t code, struct mig_gi_profile *p)
{
	const struct mig_variant *v;
	struct mig_name name;

	memcpy(p->name, def->name, sizeof(p->name));
	p->media = mig_name_parse(def->name, &name, NULL) < 0 ? MIG_MEDIA_PLAIN : name.media;
#define X(name_, key, kind, least, most, field, bit)             \
	v = mig_figure_at(&def->fig[MIG_PFIG_##name_], code);    \
	if (v) {                                                 \
		p->field = (__typeof__(p->field))v->value;       \
		if (v->sources & MIG_DEF_UNCONFIRMED)            \
			p->unconfirmed |= MIG_UNCONFIRMED_##bit; \
	}
	MIG_PROFILE_FIGURES(X)
#undef X
	p->n_starts = def->n_starts;
	memcpy(p->starts, def->starts, sizeof(p->starts));
	if (def->starts_sources & MIG_DEF_UNCONFIRMED)
		p->unconfirmed |= MIG_UNCONFIRMED_PLACEMENT;
	p->n_ci = def->n_ci;
	for (unsigned i = 0; i < def->n_ci; i++) {
		p->ci[i] = def->ci[i].p;
		p->ci[i].is_default = p->ci[i].slices == p->slices && i + 1u == def->n_ci;
	}
	name_cis(p);
}

int mig_board_resolve(const struct mig_board_def *def, const char *driver_version,
		      struct mig_board *ret, struct mig_error *reterr)
{
	const struct mig_variant *v;
	struct mig_driver driver;
	struct mig_board b;
	char first[16];
	int r;

	r = mig_driver_parse(driver_version, &driver, reterr);
	if (r < 0)
		return r;
	v = mig_figure_at(&def->first_driver, driver.code);
	if (v && driver.code < (uint32_t)v->value) {
		mig_driver_format((uint32_t)v->value, first, sizeof(first));
		return mig_fail(reterr, -EINVAL,
				"driver %s does not know the board %s: it needs %s or later",
				driver_version, def->key, first);
	}
	/* Byte for byte the same from the same input: no padding is left to chance. */
	memset(&b, 0, sizeof(b));
	memcpy(b.key, def->key, sizeof(b.key));
	r = resolve_texts(def, driver.code, &b, reterr);
	if (r < 0)
		return r;
	resolve_figures(def, driver.code, &b);
	for (uint32_t i = 0; i < def->n_gi; i++) {
		v = mig_figure_at(&def->gi[i].since, driver.code);
		if (v && driver.code < (uint32_t)v->value)
			continue;
		resolve_profile(&def->gi[i], driver.code, &b.gi[b.n_gi++]);
	}
	*ret = b;
	return 0;
}
