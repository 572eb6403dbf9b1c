/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the library, and the system: versions, process names. */
#include "sim/context.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/trace.h"
#include "sim/text.h"

/* The lab is known only when it is open, so an init that is to fail is one that is taken back. */
static nvmlReturn_t init(unsigned call, const char *symbol, unsigned flags)
{
	int saved_errno = errno;
	uint64_t start = lab_trace_clock_ns();
	nvmlReturn_t status = sim_init(flags);

	if (status == NVML_SUCCESS && sim_watched()) {
		struct sim_call c = { .number = call };

		if (!sim_before(&c, &status))
			(void)sim_shutdown();
		c.start_ns = start;
		status = sim_after(&c, status, flags);
	}
	sim_log(symbol, status);
	errno = saved_errno;
	return status;
}

nvmlReturn_t nvmlInit(void)
{
	return init(SIM_CALL_nvmlInit, "nvmlInit", 0);
}

nvmlReturn_t nvmlInit_v2(void)
{
	return init(SIM_CALL_nvmlInit_v2, "nvmlInit_v2", 0);
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
	return init(SIM_CALL_nvmlInitWithFlags, "nvmlInitWithFlags", flags);
}

nvmlReturn_t nvmlShutdown(void)
{
	int saved_errno = errno;
	nvmlReturn_t status = sim_running() ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;

	SIM_CALL(status, SIM_CALL_nvmlShutdown, NULL, , sim_shutdown())
	sim_log("nvmlShutdown", status);
	errno = saved_errno;
	return status;
}

SIM_ENTRY(nvmlSystemGetDriverVersion, (char *version, unsigned int length), (version, length))
{
	return sim_copy(version, length, sim_const()->driver_version);
}

SIM_ENTRY(nvmlSystemGetNVMLVersion, (char *version, unsigned int length), (version, length))
{
	char text[NVML_SYSTEM_NVML_VERSION_BUFFER_SIZE];
	struct sim_text t = { .to = text, .room = sizeof(text) };

	/* "13.580.159.04" on a measured 580.159.04: the CUDA major, then the driver's version. */
	sim_put_number(&t, sim_const()->cuda_version / 1000);
	sim_put_char(&t, '.');
	sim_put(&t, sim_const()->driver_version);
	return sim_copy(version, length, text);
}

static nvmlReturn_t cuda_version(int *version)
{
	if (!version)
		return NVML_ERROR_INVALID_ARGUMENT;
	*version = (int)sim_const()->cuda_version;
	return NVML_SUCCESS;
}

SIM_ENTRY(nvmlSystemGetCudaDriverVersion, (int *cudaDriverVersion), (cudaDriverVersion))
{
	return cuda_version(cudaDriverVersion);
}

SIM_ENTRY(nvmlSystemGetCudaDriverVersion_v2, (int *cudaDriverVersion), (cudaDriverVersion))
{
	return cuda_version(cudaDriverVersion);
}

SIM_ENTRY(nvmlSystemGetDriverBranch,
	  (nvmlSystemDriverBranchInfo_t * branchInfo, unsigned int length), (branchInfo, length))
{
	char text[16];

	if (!branchInfo)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (branchInfo->version != nvmlSystemDriverBranchInfo_v1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	/* Internal branches do not follow from the version: 580.159.04 says so (measured). */
	if (!strcmp(sim_const()->driver_version, "580.159.04"))
		snprintf(text, sizeof(text), "r582_49");
	else
		snprintf(text, sizeof(text), "r%u_00", sim_const()->driver_major);
	if (length > sizeof(branchInfo->branch))
		length = sizeof(branchInfo->branch);
	return sim_copy(branchInfo->branch, length, text);
}

/* First word of a process's command line, as the real library reads it; not NUL terminated. */
static nvmlReturn_t name_from_proc(unsigned pid, char *name, unsigned length)
{
	char path[32], text[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NVML_ERROR_NOT_FOUND;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return NVML_ERROR_NO_DATA; /* a thread of the kernel (measured) */
	text[n] = '\0';
	return sim_copy(name, length, text);
}

SIM_ENTRY(nvmlSystemGetProcessName, (unsigned int pid, char *name, unsigned int length),
	  (pid, name, length))
{
	struct lab_client clients[LAB_MAX_CLIENTS];

	if (!name || length == 0)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (pid == 0)
		return NVML_ERROR_NOT_FOUND; /* measured */
	for (unsigned gpu = 0; gpu < sim_const()->n_gpus; gpu++) {
		int n = lab_clients_of(sim_lab(), gpu, -1, -1, clients, LAB_MAX_CLIENTS);

		for (int i = 0; i < n && i < LAB_MAX_CLIENTS; i++)
			if (clients[i].pid == pid)
				return sim_copy(name, length, clients[i].name);
	}
	return name_from_proc(pid, name, length);
}
