/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_OPEN_H
#define MIGKIT_CLI_LAB_OPEN_H

#include <migkit/error.h>

struct lab;

/* The lab of a lab command: by name or path if there is one, else the chosen one. */
int lab_open_named(const char *name, struct lab **ret, struct mig_error *reterr);

/* Why the lab in a folder cannot be used; 0: it can. */
int lab_explain(const char *dir, struct mig_error *reterr);

void lab_closep(struct lab **lab);

/* "0", "0/2" or "0/2/1"; parts that are not given become -1. */
int lab_parse_instance(const char *word, int ret[3], struct mig_error *reterr);

/* "2GiB", "512MiB", "19" (MiB) as bytes. */
int lab_parse_memory(const char *word, unsigned long long *ret, struct mig_error *reterr);

#endif
