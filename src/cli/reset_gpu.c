/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/nvml_open.h"
#include "cli/reset.h"
#include "observe/observe.h"

/* Where NVIDIA's packages put it; never searched for in PATH, where a lab's shell has ours. */
static const char *const smi_paths[] = { "/usr/bin/nvidia-smi", "/bin/nvidia-smi",
					 "/usr/local/bin/nvidia-smi", "/opt/bin/nvidia-smi",
					 "/run/nvidia/driver/usr/bin/nvidia-smi" };

static int reset_in_lab(const struct cli_nvml *nvml, const struct engine_gpu *gpu,
			struct mig_error *reterr)
{
	int status = nvml->lab->gpu_reset(gpu->index), r;

	if (!status)
		return 0;
	r = mig_fail(reterr, status == NVML_ERROR_IN_USE ? -EBUSY : -EIO,
		     "the driver says %s (%d)%s", observe_status_name(status), status,
		     status == NVML_ERROR_IN_USE
			     ? ": 'migctl who' tells who has the GPU open and has to stop; then "
			       "'migctl reset'"
			     : "");
	if (reterr)
		reterr->nvml = status;
	return r;
}

/* A guest of a hypervisor has no way to reset what the host gave it. */
static bool is_guest(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "flags", 5))
			return strstr(line, " hypervisor") != NULL;
	return false;
}

static int run_smi(const char *path, const char *uuid)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t) "--gpu-reset",
			 (char *)(uintptr_t) "-i", (char *)(uintptr_t)uuid, NULL };
	posix_spawn_file_actions_t files;
	pid_t pid;
	int status;

	posix_spawn_file_actions_init(&files);
	/* Its own words go where errors go: standard output is a table or JSON. */
	posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	status = posix_spawn(&pid, path, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (status)
		return -status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* This process has the GPU open itself, and would be in the way. */
static unsigned let_go(const struct nvml_api *api)
{
	unsigned n = 0;

	while (api->nvmlShutdown() == NVML_SUCCESS)
		n++;
	return n;
}

static int reset_real(const struct cli_nvml *nvml, const struct engine_gpu *gpu,
		      struct mig_error *reterr)
{
	for (size_t i = 0; i < ARRAY_SIZE(smi_paths); i++) {
		unsigned times;
		int code;

		if (access(smi_paths[i], X_OK) < 0)
			continue;
		times = let_go(&nvml->api);
		code = run_smi(smi_paths[i], gpu->uuid);
		while (times--)
			(void)nvml->api.nvmlInit_v2();
		if (code == 0)
			return 0;
		return mig_fail(reterr, -EBUSY,
				"'%s --gpu-reset -i %s' ended with %d%s: the change waits for a "
				"reset or a reboot of the machine",
				smi_paths[i], gpu->uuid, code,
				is_guest() ? " (this is a virtual machine, where the host resets)"
					   : "");
	}
	return mig_fail(
		reterr, -ENOTSUP,
		"NVML has no call that resets a GPU, and NVIDIA's nvidia-smi, which can, is "
		"not installed: the change waits for a reboot of the machine");
}

int cli_reset_gpu(void *arg, const struct engine_gpu *gpu, struct mig_error *reterr)
{
	const struct cli_nvml *nvml = arg;

	return nvml->lab ? reset_in_lab(nvml, gpu, reterr) : reset_real(nvml, gpu, reterr);
}
