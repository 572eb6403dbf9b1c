/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_ENV_H
#define MIGKIT_CLI_LAB_ENV_H

#include <stddef.h>
#include <stdio.h>

#include <migkit/error.h>

/* LD_LIBRARY_PATH with the folder of the library of the lab's driver branch first, once. */
int lab_library_path(const char *dir, char *ret, size_t size, struct mig_error *reterr);

/*
 * Makes the environment of this process, and so of what it starts, that of a lab's shell:
 * MIGKIT_LAB, LD_LIBRARY_PATH, and the folder of the lab's own sudo and friends first in PATH.
 */
int lab_env_enter(const char *dir, struct mig_error *reterr);

/* Prints a line "export NAME='value'" for a shell of the Bourne family. */
void lab_env_print(FILE *f, const char *name, const char *value);

#endif
