/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_SMI_H
#define MIGKIT_SMI_SMI_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "nvml/migkit_export.h"
#include "nvml/nvml_api.h"

/* What the grammar needs from the program around it. */
struct smi_env {
	const char *program;		 /* how we were called, for our own sentences */
	FILE *out;			 /* everything that NVIDIA's program prints */
	FILE *err;			 /* our own sentences, where NVIDIA has none */
	const struct migkit_export *lab; /* NULL: a real driver is behind the library */
	time_t (*now)(void *arg);	 /* NULL: time() */
	void *now_arg;
	/*
	 * Called once, before the first call that changes something; what: the option. 0, or an
	 * exit code after a sentence of its own on err. NULL: nobody wants to know.
	 */
	int (*before_change)(void *arg, const char *what);
	void *change_arg;
};

/*
 * Runs one command line of nvidia-smi's grammar over an initialised library: argv[0] is skipped.
 * Tables, messages and the returned exit code are those of the driver version that the library
 * reports. Exit codes of our own: 3 the command has no public call, and what before_change()
 * returns.
 */
int smi_main(struct nvml_api *api, const struct smi_env *env, int argc, char **argv);

/* What it says, and ends with, where NVML does not start; text: what NVML calls that. */
int smi_not_started(FILE *out, nvmlReturn_t status, const char *text);

#endif
