/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/capability.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

/* "gpu0/gi1/ci0/access 13", "gpu0/gi1/access 12"; "config 1" and "monitor 2" are no instances. */
static int parse(const char *line, struct cli_capability *ret)
{
	*ret = (struct cli_capability){ .ci = -1 };
	if (sscanf(line, "gpu%d/gi%d/ci%d/access %d", &ret->gpu, &ret->gi, &ret->ci, &ret->minor) ==
	    4)
		return 1;
	ret->ci = -1;
	return sscanf(line, "gpu%d/gi%d/access %d", &ret->gpu, &ret->gi, &ret->minor) == 3;
}

int cli_capabilities_read(const char *root, struct cli_capabilities *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct cli_capability one;
	char path[PATH_MAX];
	size_t room = 0;
	char line[128];

	snprintf(path, sizeof(path), "%s/proc/driver/nvidia-caps/mig-minors", root);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (!parse(line, &one))
			continue;
		if (ret->n == room) {
			struct cli_capability *more;

			room = room ? room * 2 : 1024;
			more = realloc(ret->v, room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			ret->v = more;
		}
		ret->v[ret->n++] = one;
	}
	return 0;
}

void cli_capabilities_done(struct cli_capabilities *caps)
{
	free(caps->v);
	*caps = (struct cli_capabilities){ 0 };
}

void cli_capability_files(const struct cli_capabilities *caps, int gpu_minor, int gi, int ci,
			  char file[40], char access[80])
{
	char part[24] = "";

	file[0] = access[0] = '\0';
	if (gpu_minor < 0)
		return;
	for (size_t i = 0; i < caps->n; i++) {
		const struct cli_capability *c = &caps->v[i];

		if (c->gpu == gpu_minor && c->gi == gi && c->ci == ci)
			snprintf(file, 40, "/dev/nvidia-caps/nvidia-cap%d", c->minor);
	}
	if (ci >= 0)
		snprintf(part, sizeof(part), "ci%d/", ci);
	snprintf(access, 80, "/proc/driver/nvidia/capabilities/gpu%d/mig/gi%d/%saccess", gpu_minor,
		 gi, part);
}
