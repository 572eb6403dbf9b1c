/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_MACHINES_GEN_H
#define MIGKIT_MODEL_MACHINES_GEN_H

#include "model/machines.h"

/* The tables that tools/gen-machines.c writes from data/machines/ at build time. */
extern const struct mig_machine mig_machines[];
extern const unsigned mig_n_machines;

#endif
