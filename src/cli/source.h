/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_SOURCE_H
#define MIGKIT_CLI_SOURCE_H

#include <migkit/snapshot.h>

#include "cli/nvml_open.h"
#include "cli/opt.h"
#include "cli/out.h"

/*
 * What every reading command has in common: which GPUs (-i), of the driver, the lab or a recording
 * (--snapshot), printed how (-o, --no-color).
 */
struct cli_source_args {
	const char *gpus;     /* -i LIST */
	const char *snapshot; /* --snapshot FILE */
	int format;	      /* enum cli_format */
	bool no_color;
	bool again; /* no option: this process opens more than once, so NVML is shut down */
	/* No option: a driver that is open already and stays so; NULL: it is opened and closed. */
	const struct cli_nvml *nvml;
};

/* Rows of an option table: S is the offset of the struct cli_source_args in the command's args. */
#define CLI_SOURCE_OPTS(S)                                                                        \
	OPT_STR("id", 'i', (S) + offsetof(struct cli_source_args, gpus), "GPU,...",               \
		"these GPUs only: index, UUID, serial number or PCI bus id"),                     \
		OPT_STR("snapshot", 0, (S) + offsetof(struct cli_source_args, snapshot), "FILE",  \
			"read a recorded machine instead of this one"),                           \
		OPT_ENUM("output", 'o', (S) + offsetof(struct cli_source_args, format), "FORMAT", \
			 cli_formats, "how to print"),                                            \
		OPT_FLAG("no-color", 0, (S) + offsetof(struct cli_source_args, no_color),         \
			 "no colour, also on a terminal")

struct cli_source {
	struct cli_nvml nvml; /* not opened for a recording */
	bool open;
	bool again; /* as in struct cli_source_args */
	struct mig_snapshot *snapshot;
};

/*
 * Opens the driver, the lab or the recording, and takes or reads the snapshot (wish: enum
 * observe_wish); of a recording only what -i names is left. Says on stdout of a table, or in the
 * output's "recorded" key, that it is a recording: cli_source_heading().
 */
int cli_source_open(const struct cli_source_args *args, unsigned wish, struct cli_source *ret,
		    struct mig_error *reterr);
void cli_source_close(struct cli_source *source);

/* The output that -o and --no-color ask for. */
int cli_source_out(const struct cli_source_args *args, struct cli_out **ret,
		   struct mig_error *reterr);

/* Says of a GPU that fails or has no MIG why there is nothing about it; false: there is. */
bool cli_source_say_nothing(struct cli_out *out, const struct mig_gpu *gpu);

/* First facts of every output: source, driver version, recorded (and when). */
int cli_source_heading(const struct cli_source *source, struct cli_out *out);

/* The one GPU of a command that needs exactly one; -EINVAL: say which with -i. */
int cli_source_one_gpu(const struct cli_source *source, const struct mig_gpu **ret,
		       struct mig_error *reterr);

/* What acts, or asks what no recording holds, refuses --snapshot; what: "boards capture". */
int cli_source_must_be_live(const struct cli_source_args *args, const char *what,
			    struct mig_error *reterr);

#endif
