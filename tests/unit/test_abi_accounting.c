/* SPDX-License-Identifier: Apache-2.0 */
/* Accounting, utilization by process, and samples: of processes that run, and of those that have.
 */
#include <time.h>

#include "unit/abi_fixture.h"
#include "unit/client_fixture.h"

static struct nvml_api nvml;
static struct lab *lab;
static nvmlDevice_t gpu[2];

static void set(const char *key, const char *value)
{
	CHECK_EQ(lab_set_reading(lab, 0, -1, key, value, NULL), 0);
}

static unsigned counted(unsigned on, unsigned pids[8])
{
	unsigned n = 8;

	CHECK_EQ(nvml.nvmlDeviceGetAccountingPids(gpu[on], &n, pids), NVML_SUCCESS);
	return n;
}

static nvmlAccountingStats_t stats(unsigned on, pid_t pid)
{
	nvmlAccountingStats_t s;

	memset(&s, 0xa5, sizeof(s));
	CHECK_EQ(nvml.nvmlDeviceGetAccountingStats(gpu[on], (unsigned)pid, &s), NVML_SUCCESS);
	return s;
}

static void accounting(const struct fixture *f)
{
	const struct timespec a_while = { .tv_nsec = 30000000 };
	nvmlEnableState_t mode = NVML_FEATURE_ENABLED;
	pid_t before = client_start(f, 0, -1, -1), pid, other;
	unsigned pids[8], n = 0;
	nvmlAccountingStats_t s;

	CHECK_EQ(nvml.nvmlDeviceGetAccountingMode(gpu[0], &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_FEATURE_DISABLED);
	CHECK_EQ(counted(0, pids), 0);
	CHECK_EQ(nvml.nvmlDeviceSetAccountingMode(gpu[0], (nvmlEnableState_t)2),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceSetAccountingMode(gpu[0], NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetAccountingMode(gpu[0], &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_FEATURE_ENABLED);
	pid = client_start(f, 0, -1, -1);
	other = client_start(f, 1, -1, -1); /* on a GPU that does not count */
	CHECK_EQ(counted(0, pids), 1);
	CHECK_EQ(pids[0], pid);
	CHECK_EQ(counted(1, pids), 0);
	CHECK_EQ(nvml.nvmlDeviceGetAccountingPids(gpu[0], &n, NULL), NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(n, 1);
	set("utilization", "40");
	s = stats(0, pid);
	CHECK(s.isRunning == 1 && s.time == 0 && s.maxMemoryUsage == CLIENT_MEMORY);
	CHECK(s.gpuUtilization == 40 && s.startTime > 1600000000ull * 1000000);
	nanosleep(&a_while, NULL);
	CHECK_EQ(nvml.nvmlDeviceClearAccountingPids(gpu[0]), NVML_SUCCESS);
	CHECK_EQ(counted(0, pids), 1); /* it runs: it stays */
	client_kill(pid);
	s = stats(0, pid);
	CHECK(s.isRunning == 0 && s.time >= 30 && s.maxMemoryUsage == CLIENT_MEMORY);
	CHECK_EQ(nvml.nvmlDeviceGetAccountingStats(gpu[0], (unsigned)before, &s),
		 NVML_ERROR_NOT_FOUND);
	CHECK_EQ(nvml.nvmlDeviceClearAccountingPids(gpu[0]), NVML_SUCCESS);
	CHECK_EQ(counted(0, pids), 0);
	client_kill(before);
	client_kill(other);
}

/* The last ones are kept. */
static void ring(const struct fixture *f)
{
	unsigned pids[LAB_MAX_ACCOUNTS], n = LAB_MAX_ACCOUNTS;
	pid_t first = client_start(f, 0, -1, -1), last = 0;

	client_kill(first);
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++) {
		last = client_start(f, 0, -1, -1);
		client_kill(last);
	}
	CHECK_EQ(nvml.nvmlDeviceGetAccountingPids(gpu[0], &n, pids), NVML_SUCCESS);
	CHECK_EQ(n, LAB_MAX_ACCOUNTS);
	CHECK_EQ(pids[n - 1], last);
	for (unsigned i = 0; i < n; i++)
		CHECK(pids[i] != (unsigned)first);
}

static void by_process(const struct fixture *f)
{
	nvmlProcessUtilizationSample_t u[4];
	nvmlProcessUtilizationInfo_v1_t v[4];
	nvmlProcessesUtilizationInfo_t info = { .version = nvmlProcessesUtilizationInfo_v1 };
	unsigned n = 0;
	pid_t pid[3];

	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], NULL, &n, 0), NVML_ERROR_NOT_FOUND);
	for (unsigned i = 0; i < 3; i++)
		pid[i] = client_start(f, 0, -1, -1);
	set("utilization", "50");
	set("utilization-memory", "9");
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], NULL, &n, 0),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(n, 3);
	memset(u, 0xa5, sizeof(u));
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, 0), NVML_SUCCESS);
	CHECK_EQ(u[0].smUtil + u[1].smUtil + u[2].smUtil, 50);
	CHECK(u[0].smUtil == 17 && u[2].smUtil == 16 && u[1].memUtil == 3 && u[0].encUtil == 0);
	CHECK_EQ(u[3].pid, 0xa5a5a5a5);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(u[i].pid, pid[i]);
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, ~0ull), NVML_ERROR_NOT_FOUND);
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, NULL, 0),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetProcessesUtilizationInfo(gpu[0], &info),
		 NVML_ERROR_INSUFFICIENT_SIZE);
	CHECK_EQ(info.processSamplesCount, 3);
	info.procUtilArray = v;
	CHECK_EQ(nvml.nvmlDeviceGetProcessesUtilizationInfo(gpu[0], &info), NVML_SUCCESS);
	CHECK(v[2].pid == (unsigned)pid[2] && v[2].smUtil == 16 && v[2].ofaUtil == 0);
	info.version = 5;
	CHECK_EQ(nvml.nvmlDeviceGetProcessesUtilizationInfo(gpu[0], &info),
		 NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	set("utilization", "0");
	set("utilization-memory", "auto");
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, 0), NVML_ERROR_NOT_FOUND);
	for (unsigned i = 0; i < 3; i++)
		client_kill(pid[i]);
}

static void samples(void)
{
	unsigned n = 0, again;
	nvmlSample_t s[128];
	nvmlValueType_t type = NVML_VALUE_TYPE_DOUBLE;

	set("power", "123");
	set("utilization", "33");
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_TOTAL_POWER_SAMPLES, 0, &type, &n, NULL),
		 NVML_SUCCESS);
	CHECK(n == 119 && type == NVML_VALUE_TYPE_UNSIGNED_INT);
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_TOTAL_POWER_SAMPLES, 0, &type, &n, s),
		 NVML_SUCCESS);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(s[i].sampleValue.uiVal, 123000);
		CHECK(i == 0 || s[i].timeStamp == s[i - 1].timeStamp + 20000);
	}
	/* Those that were seen do not come again. */
	again = 128;
	nvml.nvmlDeviceGetSamples(gpu[0], NVML_TOTAL_POWER_SAMPLES, s[n - 2].timeStamp, &type,
				  &again, s);
	CHECK(again >= 1 && again < 119);
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_TOTAL_POWER_SAMPLES, ~0ull, &type, &again,
					   s),
		 NVML_ERROR_NOT_FOUND);
	n = 5;
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_GPU_UTILIZATION_SAMPLES, 0, &type, &n, s),
		 NVML_SUCCESS);
	CHECK(n == 5 && s[4].sampleValue.uiVal == 33);
	n = 0;
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_GPU_UTILIZATION_SAMPLES, 0, &type, &n, s),
		 NVML_ERROR_INVALID_ARGUMENT);
	for (unsigned t = 0; t < 11; t++) {
		static const nvmlReturn_t want[] = { 0, 0, 0, 0, 0, 6, 6, 2, 0, 0, 2 };

		n = 0;
		CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], (nvmlSamplingType_t)t, 0, &type, &n,
						   NULL),
			 want[t]);
	}
}

static void in_mig_mode(void)
{
	nvmlProcessUtilizationSample_t u[4];
	nvmlEnableState_t mode;
	nvmlReturn_t activation;
	nvmlValueType_t type;
	unsigned n = 4, pids[8];

	CHECK_EQ(nvml.nvmlDeviceSetAccountingMode(gpu[0], NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu[0], 1, &activation), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetAccountingMode(gpu[0], &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_FEATURE_DISABLED);
	CHECK_EQ(counted(0, pids), 0);
	CHECK_EQ(nvml.nvmlDeviceSetAccountingMode(gpu[0], NVML_FEATURE_ENABLED),
		 NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(
		nvml.nvmlDeviceGetSamples(gpu[0], NVML_GPU_UTILIZATION_SAMPLES, 0, &type, &n, NULL),
		NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceGetSamples(gpu[0], NVML_TOTAL_POWER_SAMPLES, 0, &type, &n, NULL),
		 NVML_SUCCESS);
	/* A reboot loads the driver anew. */
	CHECK_EQ(nvml.nvmlDeviceSetAccountingMode(gpu[1], NVML_FEATURE_ENABLED), NVML_SUCCESS);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetAccountingMode(gpu[1], &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_FEATURE_DISABLED);
}

int main(void)
{
	struct fixture f;

	abi_lab(&f, &nvml, "h200", "580.159.04", 2, MIG_NUMBERING_I);
	lab = fixture_open(&f);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(i, &gpu[i]), NVML_SUCCESS);
	accounting(&f);
	ring(&f);
	by_process(&f);
	samples();
	in_mig_mode();
	lab_close(lab);
	abi_end(&f, &nvml);
	return 0;
}
