/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_INJECT_H
#define MIGKIT_CLI_LAB_INJECT_H

struct cli_out;
struct lab_state;

/* The i-th thing that can be injected, as it is typed; NULL past the end. */
const char *lab_inject_word(unsigned i);
/* What GPUs are in until a reset or a reboot, as a list of the command's output. */
int lab_condition_list(const struct lab_state *st, struct cli_out *out);
/* What was injected of late, oldest first, as a list of the command's output. */
int lab_event_list(const struct lab_state *st, struct cli_out *out);

#endif
