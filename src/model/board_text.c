/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "model/board_text.h"

static const struct mig_figure_name board_figures[] = {
#define X(name, group, key, kind, least, most, field) \
	[MIG_FIG_##name] = { group, key, MIG_KIND_##kind },
	MIG_BOARD_FIGURES(X)
#undef X
};

static const char *const board_texts[] = {
#define X(name, group, key, field) [MIG_TEXT_##name] = key,
	MIG_BOARD_TEXTS(X)
#undef X
};

static const struct mig_figure_name profile_figures[] = {
#define X(name, key, kind, least, most, field, bit) \
	[MIG_PFIG_##name] = { "profiles", key, MIG_KIND_##kind },
	MIG_PROFILE_FIGURES(X)
#undef X
};

const struct mig_figure_name *mig_board_figure_name(enum mig_board_figure fig)
{
	return (size_t)fig < ARRAY_SIZE(board_figures) ? &board_figures[fig] : NULL;
}

const char *mig_board_text_name(enum mig_board_text text)
{
	return (size_t)text < ARRAY_SIZE(board_texts) ? board_texts[text] : NULL;
}

const struct mig_figure_name *mig_profile_figure_name(enum mig_profile_figure fig)
{
	return (size_t)fig < ARRAY_SIZE(profile_figures) ? &profile_figures[fig] : NULL;
}

static void ids_format(int64_t bits, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < 63 && n < size; i++)
		if (bits & INT64_C(1) << i)
			n += (size_t)snprintf(buf + n, size - n, "%s%u", n ? ", " : "", i);
}

void mig_value_format(enum mig_kind kind, int64_t value, char *buf, size_t size)
{
	static const char *const numbering[] = { "I", "X", "quarter" };

	switch (kind) {
	case MIG_KIND_HEX:
		snprintf(buf, size, "0x%08llX", (unsigned long long)value);
		break;
	case MIG_KIND_BOOL:
		snprintf(buf, size, "%s", value ? "yes" : "no");
		break;
	case MIG_KIND_MILLI:
		snprintf(buf, size, "%g", (double)value / 1000);
		break;
	case MIG_KIND_NUMBERING:
		snprintf(buf, size, "%s",
			 (size_t)value < ARRAY_SIZE(numbering) ? numbering[value] : "?");
		break;
	case MIG_KIND_DRIVER:
		mig_driver_format((uint32_t)value, buf, (unsigned)size);
		break;
	case MIG_KIND_IDS:
		ids_format(value, buf, size);
		break;
	default:
		snprintf(buf, size, "%lld", (long long)value);
	}
}

void mig_sources_format(const struct mig_source *list, uint32_t n, uint32_t sources, char *buf,
			size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < n && len < size; i++)
		if (sources & 1u << i)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						list[i].code);
}

enum mig_board_state mig_board_state(const struct mig_board *board)
{
	const uint32_t decides = MIG_UNCONFIRMED_MEMORY | MIG_UNCONFIRMED_SM |
				 MIG_UNCONFIRMED_ENGINES | MIG_UNCONFIRMED_PLACEMENT |
				 MIG_UNCONFIRMED_TOTAL | MIG_UNCONFIRMED_ID;
	bool any = false, all = board->n_gi > 0;

	for (uint32_t i = 0; i < board->n_gi; i++) {
		any |= (board->gi[i].unconfirmed & decides) != 0;
		all &= (board->gi[i].unconfirmed & decides) == decides;
	}
	return all ? MIG_BOARD_UNCONFIRMED : any ? MIG_BOARD_PARTLY : MIG_BOARD_CONFIRMED;
}
