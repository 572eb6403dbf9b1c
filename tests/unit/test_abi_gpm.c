/* SPDX-License-Identifier: Apache-2.0 */
/* GPU performance monitoring: handles of samples, what a pair of them says, and of whom. */
#include <errno.h>

#include "unit/abi_fixture.h"

static struct nvml_api nvml;
static struct lab *lab;
static nvmlDevice_t gpu;
static nvmlGpmMetricsGet_t get;

static void set(int gi, const char *key, const char *value)
{
	struct mig_error err = { 0 };
	int r = lab_set_reading(lab, 0, gi, key, value, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
}

static nvmlGpmSample_t new_sample(void)
{
	nvmlGpmSample_t s = NULL;

	CHECK_EQ(nvml.nvmlGpmSampleAlloc(&s), NVML_SUCCESS);
	CHECK(s != NULL);
	return s;
}

static double metric(nvmlGpmSample_t a, nvmlGpmSample_t b, unsigned id)
{
	get = (nvmlGpmMetricsGet_t){
		.version = NVML_GPM_METRICS_GET_VERSION, .numMetrics = 1, .sample1 = a, .sample2 = b
	};
	get.metrics[0].metricId = id;
	get.metrics[1].value = 77;
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_SUCCESS);
	CHECK_EQ(get.metrics[0].nvmlReturn, NVML_SUCCESS);
	CHECK(get.metrics[1].value == 77); /* one past those asked for */
	return get.metrics[0].value;
}

static void handles(void)
{
	nvmlGpmSample_t a = new_sample(), b = new_sample(), again;
	char on_stack = 0;

	CHECK(a != b);
	CHECK_EQ(nvml.nvmlGpmSampleAlloc(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleFree(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleFree((nvmlGpmSample_t)(void *)&on_stack),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleFree((nvmlGpmSample_t)gpu), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleGet((nvmlDevice_t)a, a), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleFree(a), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmSampleFree(a), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, a), NVML_ERROR_INVALID_ARGUMENT);
	again = new_sample();
	CHECK(again != a);
	get = (nvmlGpmMetricsGet_t){ .version = 2, .sample1 = again, .sample2 = b };
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	get.version = NVML_GPM_METRICS_GET_VERSION;
	/* Neither has been read yet. */
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmMetricsGet(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, again), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, b), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_SUCCESS);
	get.numMetrics = NVML_GPM_METRIC_MAX + 1;
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmSampleFree(again), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmSampleFree(b), NVML_SUCCESS);
}

/* As many as a block holds, and more, each its own. */
static void many(void)
{
	nvmlGpmSample_t s[300];

	for (unsigned i = 0; i < 300; i++)
		s[i] = new_sample();
	for (unsigned i = 0; i < 300; i++)
		CHECK_EQ(nvml.nvmlGpmSampleFree(s[i]), NVML_SUCCESS);
}

static void values(nvmlGpmSample_t a, nvmlGpmSample_t b)
{
	set(-1, "utilization", "20");
	set(-1, "utilization-memory", "10");
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, a), NVML_SUCCESS);
	set(-1, "utilization", "60");
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, b), NVML_SUCCESS);
	CHECK(metric(a, b, 1) == 40.0);
	CHECK_STR(get.metrics[0].metricInfo.shortName, "gract");
	CHECK_STR(get.metrics[0].metricInfo.longName, "GRAPHICS_UTIL");
	CHECK_STR(get.metrics[0].metricInfo.unit, "%");
	CHECK(metric(a, b, 10) == 10.0);
	CHECK(metric(a, b, 73) == 0.0);
	CHECK_STR(get.metrics[0].metricInfo.longName, "NVLINK_L5_TX_PER_SEC");
	CHECK(metric(a, b, 8) == 0.0);
	CHECK(get.metrics[0].metricInfo.longName == NULL);
	CHECK(metric(a, b, 209) == 0.0);
	get.metrics[0].metricId = 210;
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_SUCCESS);
	CHECK_EQ(get.metrics[0].nvmlReturn, NVML_ERROR_INVALID_ARGUMENT);
}

static void instances(nvmlGpmSample_t a, nvmlGpmSample_t b)
{
	nvmlGpuInstance_t gi[2];
	nvmlGpuInstanceInfo_t info[2];
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlDevice_t mig;

	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, 1, a), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &activation), NVML_SUCCESS);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu, 19, &gi[i]), NVML_SUCCESS);
		CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi[i], &info[i]), NVML_SUCCESS);
		CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, info[i].id, i ? b : a), NVML_SUCCESS);
	}
	/* Two instances' samples are no pair. */
	get.sample1 = a;
	get.sample2 = b;
	CHECK_EQ(nvml.nvmlGpmMetricsGet(&get), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, 6, a), NVML_ERROR_INVALID_ARGUMENT);
	set((int)info[1].id, "utilization", "90");
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, info[1].id, a), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, info[1].id, b), NVML_SUCCESS);
	CHECK(metric(a, b, 2) == 90.0);
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, info[0].id, a), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(gpu, info[0].id, b), NVML_SUCCESS);
	CHECK(metric(a, b, 2) == 60.0);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi[1], 0, &ci), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmSampleGet(mig, a), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpmSampleGet(mig, b), NVML_SUCCESS);
	CHECK(metric(a, b, 1) == 90.0);
	CHECK_EQ(nvml.nvmlGpmMigSampleGet(mig, info[1].id, a), NVML_ERROR_NOT_SUPPORTED);
}

static void support(unsigned want, nvmlReturn_t sample)
{
	nvmlGpmSupport_t s = { .version = NVML_GPM_SUPPORT_VERSION, .isSupportedDevice = 7 };
	nvmlGpmSample_t a = new_sample();
	unsigned state = 7;

	CHECK_EQ(nvml.nvmlGpmQueryDeviceSupport(gpu, &s), NVML_SUCCESS);
	CHECK_EQ(s.isSupportedDevice, want);
	s.version = 3;
	CHECK_EQ(nvml.nvmlGpmQueryDeviceSupport(gpu, &s), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	CHECK_EQ(nvml.nvmlGpmSampleGet(gpu, a), sample);
	CHECK_EQ(nvml.nvmlGpmQueryIfStreamingEnabled(gpu, &state), sample);
	CHECK_EQ(state, want ? 0 : 7);
	CHECK_EQ(nvml.nvmlGpmSampleFree(a), NVML_SUCCESS);
}

int main(void)
{
	nvmlGpmSample_t a, b;
	struct fixture f;

	abi_lab(&f, &nvml, "h200", "580.159.04", 1, MIG_NUMBERING_I);
	lab = fixture_open(&f);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	handles();
	many();
	support(1, NVML_SUCCESS);
	a = new_sample();
	b = new_sample();
	values(a, b);
	instances(a, b);
	CHECK(lab_set_reading(lab, 0, 6, "utilization", "5", NULL) == -ENOENT);
	lab_close(lab);
	abi_end(&f, &nvml);

	abi_lab(&f, &nvml, "a100-80gb-pcie", "550.54.14", 1, MIG_NUMBERING_X);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	support(0, NVML_ERROR_NOT_SUPPORTED);
	abi_end(&f, &nvml);
	return 0;
}
