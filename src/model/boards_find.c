/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "model/boards.h"
#include "model/boards_gen.h"

const struct mig_board_def *mig_board_at(unsigned i)
{
	return i < mig_n_boards ? &mig_boards[i] : NULL;
}

const struct mig_board_def *mig_board_find(const char *key)
{
	for (unsigned i = 0; i < mig_n_boards; i++)
		if (strcmp(mig_boards[i].key, key) == 0)
			return &mig_boards[i];
	return NULL;
}

const struct mig_board_def *mig_known_at(unsigned i)
{
	return i < mig_n_known ? &mig_known[i] : NULL;
}

const struct mig_board_def *mig_known_find(const char *key)
{
	for (unsigned i = 0; i < mig_n_known; i++)
		if (strcmp(mig_known[i].key, key) == 0)
			return &mig_known[i];
	return NULL;
}

const struct mig_source *mig_source_at(unsigned i)
{
	return i < mig_n_sources ? &mig_sources[i] : NULL;
}
