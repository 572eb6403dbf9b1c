/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/act.h"
#include "cli/cmd.h"
#include "observe/container.h"

/*
 * Who may not change GPUs gets a bare "permission denied" from the kernel or the driver. What is
 * missing is one of few things, each with another remedy: root, the driver's file for the
 * configuration of MIG, which a container's runtime hands in only if asked, or a place to write to.
 */

#define CONFIG "/dev/nvidia-caps/nvidia-cap1"

/* "is missing", "has the mode 0400 of user 0" */
static void file_text(const struct act *act, char *ret, size_t size)
{
	char path[PATH_MAX + 64];
	struct stat st;

	/* A lab's folder is the root of its machine. */
	snprintf(path, sizeof(path), "%s" CONFIG, act->nvml.lab_dir);
	if (stat(path, &st) == 0)
		snprintf(ret, size, "has the mode %04o of user %u", (unsigned)st.st_mode & 0777,
			 (unsigned)st.st_uid);
	else
		snprintf(ret, size, "is %s", errno == ENOENT ? "missing" : "out of reach");
}

static void right_text(const struct act *act, const char *container, char *ret, size_t size)
{
	char file[60];

	file_text(act, file, sizeof(file));
	if (container[0])
		snprintf(ret, size,
			 "in this container (%.40s) " CONFIG " %s: start it as root with "
			 "NVIDIA_MIG_CONFIG_DEVICES=all and --cap-add SYS_ADMIN, or change GPUs "
			 "outside of it",
			 container, file);
	else if (geteuid())
		snprintf(ret, size,
			 "a change needs root ('sudo %.80s'): " CONFIG
			 " %s, and this is no container",
			 act->command, file);
	else
		snprintf(ret, size,
			 "you are root, " CONFIG " %s, and this is no container: 'migctl doctor' "
			 "looks for what else is wrong",
			 file);
}

static void read_only_text(const char *container, char *ret, size_t size)
{
	if (container[0])
		snprintf(ret, size,
			 "in this container (%.40s) " ACT_STATE " has to be a mount that can be "
			 "written to, such as -v " ACT_STATE ":" ACT_STATE,
			 container);
	else
		snprintf(ret, size,
			 "no change is made that cannot be written down: mount a file system that "
			 "can be written to at " ACT_STATE "; this is no container");
}

int act_refused(const struct act *act, int r, struct mig_error *reterr)
{
	char container[96], what[230], advice[300];

	if ((r != -EACCES && r != -EPERM && r != -EROFS) || !act->open || !reterr)
		return r;
	observe_is_container(act->nvml.lab_dir, container, sizeof(container));
	if (r == -EROFS)
		read_only_text(container, advice, sizeof(advice));
	else
		right_text(act, container, advice, sizeof(advice));
	snprintf(what, sizeof(what), "%.229s", reterr->msg);
	(void)mig_fail(reterr, r, "%s; %s", what, advice);
	return r;
}
