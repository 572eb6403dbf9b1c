/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_USAGE_H
#define MIGKIT_SMI_USAGE_H

#include "smi/smi_ctx.h"

/* The main grammar's options and complaints. Inside src/smi only. */

enum main_opt {
	MAIN_OPT_ID,
	MAIN_OPT_MIG,
	MAIN_OPT_PM,
	MAIN_OPT_RESET,
	MAIN_OPT_EOW,
	MAIN_OPT_QUERY_GPU,
	MAIN_OPT_QUERY_APPS,
	MAIN_OPT_FORMAT,
	MAIN_OPT_COUNT
};

struct main_option {
	const char *brief; /* or NULL */
	const char *full;
	bool has_value;
	bool is_change;
	const char *both; /* how R510 and older name it when its value is wrong */
};

/* One word of the command line, or an option with its value. */
struct main_word {
	const char *typed; /* as typed, with "=VALUE" */
	enum main_opt opt; /* MAIN_OPT_COUNT: not an option that is known */
	const char *value; /* NULL: missing */
};

extern const struct main_option main_options[MAIN_OPT_COUNT];

/* Reads the option at argv[*i], with its value, and leaves *i behind it. */
struct main_word main_next_word(const struct smi *smi, int argc, char **argv, int *i);

/* Each says what is wrong with the command line and returns the exit code. */
int usage_unknown(struct smi *smi, const struct main_word *w, bool beside_change);
int usage_missing(struct smi *smi, const struct main_word *w);
int usage_bad_value(struct smi *smi, const struct main_word *w);
int usage_two_changes(struct smi *smi);
int usage_bad_input(struct smi *smi);
int usage_not_with_command(struct smi *smi, const char *typed);
int usage_two_commands(struct smi *smi);

#endif
