/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_BOARD_YAML_H
#define MIGKIT_SPEC_BOARD_YAML_H

#include <stddef.h>

#include <migkit/error.h>

#include "model/boards.h"

/*
 * Board files: the one parser, for the generator of the compiled-in tables and for a file that a
 * lab is created from. The format: data/boards/README.md.
 */

/* What a board file may refer to. */
struct spec_board_env {
	const struct mig_source *sources; /* that it may name without describing them */
	unsigned n_sources;
	/* A board that it may be like; NULL: none of that name. */
	const struct mig_board_def *(*find)(void *arg, const char *key);
	void *arg;
};

/*
 * Reads and checks a board; file is its name in messages. A board of which too little is known to
 * simulate it has .lacks.
 */
int spec_board_parse(const char *file, const char *text, size_t size,
		     const struct spec_board_env *env, struct mig_board_def *ret,
		     struct mig_error *reterr);

/*
 * The same from a file on disk, beside the compiled-in boards and sources; -ENOTSUP where the board
 * cannot be simulated.
 */
int spec_board_load(const char *path, struct mig_board_def *ret, struct mig_error *reterr);

/* The same of a text that is no file yet. */
int spec_board_text(const char *file, const char *text, size_t size, struct mig_board_def *ret,
		    struct mig_error *reterr);

/* Reads data/boards/sources.yaml: at most cap sources. */
int spec_sources_parse(const char *file, const char *text, size_t size, struct mig_source *ret,
		       unsigned cap, unsigned *ret_n, struct mig_error *reterr);

#endif
