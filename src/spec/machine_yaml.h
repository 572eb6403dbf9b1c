/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_MACHINE_YAML_H
#define MIGKIT_SPEC_MACHINE_YAML_H

#include "model/machines.h"
#include "spec/board_yaml.h"

/*
 * Machine files: the one parser, for the generator of the compiled-in ones and for a file that a
 * lab is created from. The format: data/machines/README.md.
 */

/* Reads and checks a machine; env gives the sources that it may name. */
int spec_machine_parse(const char *file, const char *text, size_t size,
		       const struct spec_board_env *env, struct mig_machine *ret,
		       struct mig_error *reterr);

/* The same from a file on disk, beside the compiled-in sources. */
int spec_machine_load(const char *path, struct mig_machine *ret, struct mig_error *reterr);

#endif
