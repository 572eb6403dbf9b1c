/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_COMPLETION_H
#define MIGKIT_CLI_COMPLETION_H

/* What 'migctl completion SHELL' prints: data/completion/migctl.SHELL, in a table. */
struct cli_completion {
	const char *shell;
	const char *script;
};

/* Ends with a row without shell. */
extern const struct cli_completion cli_completions[];

#endif
