/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_CMD_H
#define MIGKIT_CLI_CMD_H

#include <stdint.h>

#include <migkit/error.h>

#include "cli/opt.h"
#include "cli/takes.h"

/*
 * Exit codes, the same for every command of ours (doc/man/migctl.1). Where nvidia-smi has a code
 * for the same thing it is that one: 2, 3, 4, 6, 9. "migctl smi" has nvidia-smi's own.
 */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILED = 1,	  /* anything that has no code of its own */
	CLI_EXIT_USAGE = 2,	  /* a word of the command line is wrong */
	CLI_EXIT_UNAVAILABLE = 3, /* this GPU, driver or system cannot do it */
	CLI_EXIT_PERMISSION = 4,
	CLI_EXIT_BUSY = 5,	/* in use by a process, or there already */
	CLI_EXIT_NOT_FOUND = 6, /* no such lab, GPU, instance or client */
	CLI_EXIT_BAD_LAB = 7,	/* a lab's file is damaged, foreign or of a newer migkit */
	CLI_EXIT_NO_DRIVER = 9, /* neither a lab nor a driver */
	/* NVML's RESET_REQUIRED, with which nvidia-smi ends: done or not, a reset or reboot is due
	 */
	CLI_EXIT_NEEDS_RESET = 16,
	/* From 32 on nvidia-smi has none: its codes are NVML's statuses, of which there are fewer.
	 */
	CLI_EXIT_PARTLY = 32, /* some of it is done, some is not: the output says what */
	CLI_EXIT_DRIVER = 33, /* the driver refused for a reason that has no code above */
};

enum cli_cmd_flags {
	CMD_RAW = 1 << 0,     /* parses its own words, --help included */
	CMD_HIDDEN = 1 << 1,  /* not in the overview, no page, not completed */
	CMD_PROGRAM = 1 << 2, /* behind "--" stands another program's command line */
};

/*
 * A command is one row, which dispatch, help, completion, its manual page and README.md's list are
 * made of. tests/unit/test_cli_table.c finds what a row lacks, tests/cli/test_table.py what does
 * not agree with it; its page's prose is doc/man/prose/NAME.roff.
 */
struct cli_cmd {
	const char *name;  /* the words that select it: "lab create" */
	const char *group; /* heading of the overview */
	const char *args;  /* operands, for the usage line */
	const char *summary;
	const char *details; /* further sentences of its help, or NULL */
	const struct cli_opt *opts;
	uint8_t flags;		    /* enum cli_cmd_flags */
	uint8_t min_args, max_args; /* operands */
	uint32_t
		takes[2]; /* enum cli_takes: the first operand, and those behind it (0: the same) */
	const char *words; /* of TAKES_WORDS: "on off" */
	/*
	 * argv holds the words behind the name and ends with NULL. Returns an exit code, or a
	 * negative errno with its sentence in *reterr, which main prints and turns into an exit
	 * code.
	 */
	int (*fn)(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr);
};

/* Many operands are limited by the system only. */
#define CMD_ANY 255

/* The table; ends with a row without name. */
extern const struct cli_cmd cli_commands[];

/* The longest name that the words begin with: "boards capture" is no "boards" with an operand. */
const struct cli_cmd *cli_find(int argc, char *const *argv, int *ret_words);
/* The rest of a command's name behind the first n words, NULL if it begins otherwise. */
const char *cli_behind(const char *name, int n, char *const *argv);
/* Finds the row and runs it. */
int cli_dispatch(int argc, char **argv, struct mig_error *reterr);

/*
 * What a command returns becomes its exit code: a negative errno of its own (exits.c has the list),
 * or that of a call that NVML refused. For the latter CLI_EXIT_NEEDS_RESET is -ENOTRECOVERABLE,
 * CLI_EXIT_PARTLY -ECANCELED and CLI_EXIT_DRIVER -EREMOTEIO.
 */
int cli_errno_to_exit(int code);
/* The errno that leads to the exit code of a call that NVML refused so. */
int cli_driver_errno(int status);
/*
 * A call that changes something was refused: what it was to do ("GPU 0: cannot create 3g.40gb"),
 * the call ("nvmlDeviceCreateGpuInstance"), and NVML's name and number of the reason. Returns the
 * errno that leads to the right exit code.
 */
int cli_fail_driver(struct mig_error *reterr, int status, const char *call, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

void cli_help_overview(void);
void cli_help_command(const struct cli_cmd *cmd);

#define CLI_COMMAND(fn) \
	int fn(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)

CLI_COMMAND(cmd_status);
CLI_COMMAND(cmd_profiles);
CLI_COMMAND(cmd_devices);
CLI_COMMAND(cmd_help);
CLI_COMMAND(cmd_completion);
CLI_COMMAND(cmd_complete);
CLI_COMMAND(cmd_table);
CLI_COMMAND(cmd_verify);
CLI_COMMAND(cmd_walk);
CLI_COMMAND(cmd_create);
CLI_COMMAND(cmd_destroy);
CLI_COMMAND(cmd_mode);
CLI_COMMAND(cmd_reset);
CLI_COMMAND(cmd_history);
CLI_COMMAND(cmd_recover);
CLI_COMMAND(cmd_run);
CLI_COMMAND(cmd_runs);
CLI_COMMAND(cmd_name);
CLI_COMMAND(cmd_smi);
CLI_COMMAND(cmd_boards);
CLI_COMMAND(cmd_layouts);
CLI_COMMAND(cmd_boards_capture);
CLI_COMMAND(cmd_plan);
CLI_COMMAND(cmd_explain);
CLI_COMMAND(cmd_snapshot);
CLI_COMMAND(cmd_who);
CLI_COMMAND(cmd_doctor);
CLI_COMMAND(cmd_draw);
CLI_COMMAND(cmd_lesson);
CLI_COMMAND(cmd_lab_create);
CLI_COMMAND(cmd_lab_list);
CLI_COMMAND(cmd_lab_status);
CLI_COMMAND(cmd_lab_set);
CLI_COMMAND(cmd_lab_inject);
CLI_COMMAND(cmd_lab_latency);
CLI_COMMAND(cmd_lab_fault_add);
CLI_COMMAND(cmd_lab_fault_list);
CLI_COMMAND(cmd_lab_fault_clear);
CLI_COMMAND(cmd_lab_fault_calls);
CLI_COMMAND(cmd_lab_check);
CLI_COMMAND(cmd_lab_reboot);
CLI_COMMAND(cmd_lab_destroy);
CLI_COMMAND(cmd_lab_env);
CLI_COMMAND(cmd_lab_path);
CLI_COMMAND(cmd_lab_use);
CLI_COMMAND(cmd_lab_shell);
CLI_COMMAND(cmd_lab_exec);
CLI_COMMAND(cmd_lab_trace);
CLI_COMMAND(cmd_lab_boards);
CLI_COMMAND(cmd_lab_machines);
CLI_COMMAND(cmd_lab_rules);
CLI_COMMAND(cmd_lab_client_start);
CLI_COMMAND(cmd_lab_client_list);
CLI_COMMAND(cmd_lab_client_stop);

extern const struct cli_opt status_opts[];
extern const struct cli_opt create_opts[];
extern const struct cli_opt destroy_opts[];
extern const struct cli_opt mode_opts[];
extern const struct cli_opt reset_opts[];
extern const struct cli_opt verify_opts[];
extern const struct cli_opt history_opts[];
extern const struct cli_opt recover_opts[];
extern const struct cli_opt run_opts[];
extern const struct cli_opt runs_opts[];
extern const struct cli_opt name_opts[];
extern const struct cli_opt profiles_opts[];
extern const struct cli_opt devices_opts[];
extern const struct cli_opt boards_opts[];
extern const struct cli_opt layouts_opts[];
extern const struct cli_opt boards_capture_opts[];
extern const struct cli_opt plan_opts[];
extern const struct cli_opt explain_opts[];
extern const struct cli_opt snapshot_opts[];
extern const struct cli_opt who_opts[];
extern const struct cli_opt doctor_opts[];
extern const struct cli_opt draw_opts[];
extern const struct cli_opt lesson_opts[];
extern const struct cli_opt lab_create_opts[];
extern const struct cli_opt lab_list_opts[];
extern const struct cli_opt lab_status_opts[];
extern const struct cli_opt lab_set_opts[];
extern const struct cli_opt lab_inject_opts[];
extern const struct cli_opt lab_latency_opts[];
extern const struct cli_opt lab_fault_add_opts[];
extern const struct cli_opt lab_fault_list_opts[];
extern const struct cli_opt lab_fault_clear_opts[];
extern const struct cli_opt lab_fault_calls_opts[];
extern const struct cli_opt lab_check_opts[];
extern const struct cli_opt lab_use_opts[];
extern const struct cli_opt lab_shell_opts[];
extern const struct cli_opt lab_exec_opts[];
extern const struct cli_opt lab_trace_opts[];
extern const struct cli_opt lab_boards_opts[];
extern const struct cli_opt lab_machines_opts[];
extern const struct cli_opt lab_rules_opts[];
extern const struct cli_opt lab_client_start_opts[];
extern const struct cli_opt lab_client_list_opts[];
extern const struct cli_opt lab_client_stop_opts[];

#endif
