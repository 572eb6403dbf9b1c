/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_BOARDS_GEN_H
#define MIGKIT_MODEL_BOARDS_GEN_H

#include "model/boards.h"

/* The tables that tools/gen-boards.c writes from data/boards/ at build time. */
extern const struct mig_board_def mig_boards[];
extern const unsigned mig_n_boards;
extern const struct mig_board_def mig_known[];
extern const unsigned mig_n_known;
extern const struct mig_source mig_sources[];
extern const unsigned mig_n_sources;

#endif
