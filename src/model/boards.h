/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_BOARDS_H
#define MIGKIT_MODEL_BOARDS_H

#include <stdbool.h>
#include <stdint.h>

#include <migkit/board.h>
#include <migkit/boards.h>
#include <migkit/error.h>

#include "model/board_figures.h"

/*
 * A board as its file describes it: every figure for every driver, with its sources and whether
 * they confirm it. Plain data without pointers: the generator writes it as a C table, the parser
 * fills it from a file. mig_board_resolve() makes of it the board of one driver version.
 */

#define MIG_DEF_VARIANTS 4  /* values of one figure over the drivers; most seen: 3 */
#define MIG_DEF_SOURCES	 28 /* sources that one board file names */
#define MIG_DEF_NOTES	 24

/* Top bit of .sources: none of them is hardware output, or the file marks the figure itself. */
#define MIG_DEF_UNCONFIRMED (1u << 31)

struct mig_variant {
	int64_t value;
	uint32_t since;	  /* driver code (mig_driver_parse_code); 0: from the first driver on */
	uint32_t sources; /* bit n: sources[n] of the board; MIG_DEF_UNCONFIRMED */
};

struct mig_figure {
	uint32_t n;				/* 0: not given */
	struct mig_variant v[MIG_DEF_VARIANTS]; /* ascending since */
};

struct mig_text_variant {
	uint32_t since;
	uint32_t sources;
	char text[64];
};

struct mig_text {
	uint32_t n;
	struct mig_text_variant v[2]; /* names changed once, with R470 */
};

struct mig_source {
	char code[12];
	char text[160];
	uint8_t confirms; /* 0: a figure from here alone is unconfirmed (derived, chosen) */
};

struct mig_note {
	char about[24]; /* group of the file, or name of the profile */
	char text[320];
};

struct mig_ci_def {
	struct mig_ci_profile p; /* without name */
	uint32_t sources;
};

struct mig_gi_def {
	char name[MIG_PROFILE_NAME];
	struct mig_figure since; /* driver code */
	struct mig_figure fig[MIG_PROFILE_FIGURE_MAX];
	uint32_t starts_sources;
	uint8_t starts[MIG_MAX_STARTS];
	uint8_t n_starts;
	uint8_t n_ci;
	struct mig_ci_def ci[MIG_MAX_CI_PROFILES];
};

struct mig_board_def {
	char key[32];
	char like[32]; /* board whose groups stand where this file gives none; "" */
	/*
	 * What is not known of a board that is "known" and no more: it has a name, perhaps ids and
	 * names of profiles, and cannot be simulated; figures that no source gives have n == 0. "":
	 * everything is there.
	 */
	char lacks[160];
	struct mig_figure first_driver; /* driver code */
	struct mig_text text[MIG_BOARD_TEXT_MAX];
	struct mig_figure fig[MIG_BOARD_FIGURE_MAX];
	uint32_t n_gi;
	struct mig_gi_def gi[MIG_MAX_GI_PROFILES];
	uint32_t n_sources;
	struct mig_source sources[MIG_DEF_SOURCES];
	uint32_t n_notes;
	struct mig_note notes[MIG_DEF_NOTES];
};

/* The i-th source that board files may name; NULL past the end. */
const struct mig_source *mig_source_at(unsigned i);

/* Boards that cannot be simulated, in the order of their keys. */
const struct mig_board_def *mig_known_at(unsigned i);
const struct mig_board_def *mig_known_find(const char *key);

/* The value of a figure for a driver code; NULL if the figure is not given. */
const struct mig_variant *mig_figure_at(const struct mig_figure *fig, uint32_t driver_code);
const struct mig_text_variant *mig_text_at(const struct mig_text *text, uint32_t driver_code);

/* GB in the names of a profile of that placement size: NVIDIA's rounding (see boards.c). */
unsigned mig_board_name_gb(uint32_t memory_total_mib, unsigned size, unsigned units);

#endif
