/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_CAPABILITY_H
#define MIGKIT_CLI_CAPABILITY_H

#include <stddef.h>

/*
 * The files by which a driver gives instances to processes: whoever may open an instance's node in
 * /dev/nvidia-caps may use it. Which node it is, /proc/driver/nvidia-caps/mig-minors says.
 */

struct cli_capability {
	int gpu, gi, ci; /* ci -1: the GPU instance */
	int minor;
};

struct cli_capabilities {
	struct cli_capability *v;
	size_t n;
};

/* root: of a lab's machine; "": this one. No such file, or none to be read: none, 0. -ENOMEM. */
int cli_capabilities_read(const char *root, struct cli_capabilities *ret);
void cli_capabilities_done(struct cli_capabilities *caps);

/*
 * gpu_minor: of /dev/nvidiaN; -1 unknown. What is not known is left "". access is the older form,
 * /proc/driver/nvidia/capabilities/.
 */
void cli_capability_files(const struct cli_capabilities *caps, int gpu_minor, int gi, int ci,
			  char file[40], char access[80]);

#endif
