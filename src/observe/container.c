/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/container.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "observe/proc.h"

/*
 * Docker, Podman and Kubernetes leave these files in each container. Its cgroup tells too, unless
 * it has a namespace of its own, where the path is "/".
 */
static const char *const signs[] = {
	"/.dockerenv",
	"/run/.containerenv",
	"/var/run/secrets/kubernetes.io",
};

static void read_cgroup(const char *root, struct mig_process *p)
{
	char path[PATH_MAX + 32], text[PROC_TEXT] = "";
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	f = fopen(path, "re");
	if (!f)
		return;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	proc_cgroup(text, p);
}

bool observe_is_container(const char *root, char *ret, size_t size)
{
	struct mig_process self = { .pid = 0 };
	char path[PATH_MAX + 64];

	ret[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(signs); i++) {
		snprintf(path, sizeof(path), "%s%s", root, signs[i]);
		if (access(path, F_OK) == 0) {
			snprintf(ret, size, "%s", signs[i]);
			return true;
		}
	}
	read_cgroup(root, &self);
	snprintf(ret, size, "%s", self.container);
	return ret[0] != '\0';
}
