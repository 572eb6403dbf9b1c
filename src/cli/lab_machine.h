/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_MACHINE_H
#define MIGKIT_CLI_LAB_MACHINE_H

#include "lab/lab.h"
#include "model/machines.h"

/* A compiled-in machine by its key, or one from a file; a copy. */
int cli_machine_get(const char *word, struct mig_machine *ret, struct mig_error *reterr);

/* What is around the GPUs, and where each of them is; not their boards. */
void cli_machine_place(const struct mig_machine *machine, struct lab_spec *spec);

#endif
