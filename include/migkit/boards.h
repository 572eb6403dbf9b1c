/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_BOARDS_H
#define MIGKIT_BOARDS_H

#include <migkit/api.h>
#include <migkit/board.h>
#include <migkit/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A board as its file in data/boards/ describes it: every figure for every driver, with its sources
 * and whether they confirm it. mig_board_resolve() makes of it the board of one driver version.
 */
struct mig_board_def;

/** The board of that key ("a100-80gb-pcie") that was compiled in; NULL: there is none. */
MIG_API const struct mig_board_def *mig_board_find(const char *key);

/** The i-th compiled-in board, in the order of their keys; NULL past the end. */
MIG_API const struct mig_board_def *mig_board_at(unsigned i);

/**
 * The board as that driver presents it: of each figure the newest value that is not newer than the
 * driver, else the oldest; profiles that the driver does not know yet are left out.
 *
 * Return: 0; -EINVAL with a sentence for a driver that we don't know or that doesn't know the
 * board.
 */
MIG_API int mig_board_resolve(const struct mig_board_def *def, const char *driver_version,
			      struct mig_board *ret, struct mig_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
