/* SPDX-License-Identifier: Apache-2.0 */
/* Events: who gets which, when a wait ends, what it says, and what of sets is stale. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "unit/abi_fixture.h"

/* Waits that something must end take this long otherwise; longer than a test may. */
enum { FOREVER_MS = 1000000, SHORT_MS = 60 };

static struct nvml_api nvml;
static struct lab *lab; /* the lab's own side, by a mapping of its own */
static nvmlDevice_t gpu[2];

static const unsigned long long everything =
	nvmlEventTypeXidCriticalError | nvmlEventTypeSingleBitEccError |
	nvmlEventTypeDoubleBitEccError | nvmlEventMigConfigChange;

static nvmlEventSet_t new_set(unsigned long long types)
{
	nvmlEventSet_t set = NULL;

	CHECK_EQ(nvml.nvmlEventSetCreate(&set), NVML_SUCCESS);
	for (unsigned i = 0; types && i < 2; i++)
		CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[i], types, set), NVML_SUCCESS);
	return set;
}

static void inject(enum lab_event_kind kind, unsigned g, int gi, int ci, uint64_t data)
{
	const struct lab_event e = { .kind = (uint8_t)kind,
				     .gpu = (uint8_t)g,
				     .gi = (int8_t)gi,
				     .ci = (int8_t)ci,
				     .data = data };
	struct mig_error err = { 0 };
	int r = lab_inject(lab, &e, &err);

	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Nothing is there: the wait takes its whole time. */
static void quiet(nvmlEventSet_t set, unsigned ms)
{
	uint64_t begin = now_ms();
	nvmlEventData_t data;

	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, &data, ms), NVML_ERROR_TIMEOUT);
	CHECK(now_ms() - begin >= ms);
}

static nvmlEventData_t next(nvmlEventSet_t set)
{
	nvmlEventData_t data;

	memset(&data, 0xa5, sizeof(data));
	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, &data, FOREVER_MS), NVML_SUCCESS);
	return data;
}

static void expect(nvmlEventSet_t set, unsigned g, unsigned long long type,
		   unsigned long long value, unsigned gi, unsigned ci)
{
	nvmlEventData_t data = next(set);

	CHECK(data.device == gpu[g]);
	CHECK_EQ(data.eventType, type);
	CHECK_EQ(data.eventData, value);
	CHECK_EQ(data.gpuInstanceId, gi);
	CHECK_EQ(data.computeInstanceId, ci);
}

#define NONE 0xffffffffu

static void handles(void)
{
	nvmlEventSet_t set = new_set(0), other;
	nvmlEventData_t data;

	quiet(set, 0);
	quiet(set, SHORT_MS);
	CHECK_EQ(nvml.nvmlEventSetCreate(NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, NULL, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(NULL, &data, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetWait_v2((nvmlEventSet_t)gpu[0], &data, 0),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], 8, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents((nvmlDevice_t)set, 8, set),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], 1ull << 40, set), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
	/* The freed one's place is taken again; its handle stays stale. */
	other = new_set(everything);
	CHECK(other != set);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(set, &data, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], 8, set), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlEventSetFree(other), NVML_SUCCESS);
}

static void many_sets(void)
{
	nvmlEventSet_t set[300];
	unsigned n = 0;

	while (n < 300 && nvml.nvmlEventSetCreate(&set[n]) == NVML_SUCCESS)
		n++;
	CHECK(n > 200 && n < 300);
	while (n)
		CHECK_EQ(nvml.nvmlEventSetFree(set[--n]), NVML_SUCCESS);
}

static void who_gets_what(void)
{
	nvmlEventSet_t before = new_set(everything), xids = new_set(nvmlEventTypeXidCriticalError),
		       first = new_set(0), late;
	nvmlEventData_v1_t old;

	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], everything, first), NVML_SUCCESS);
	inject(LAB_EVENT_XID, 1, -1, -1, 31);
	inject(LAB_EVENT_DOUBLE_BIT_ECC, 0, -1, -1, 0);
	late = new_set(everything);
	inject(LAB_EVENT_XID, 0, -1, -1, 5000);
	expect(before, 1, nvmlEventTypeXidCriticalError, 31, NONE, NONE);
	expect(before, 0, nvmlEventTypeDoubleBitEccError, 0, NONE, NONE);
	expect(before, 0, nvmlEventTypeXidCriticalError, 48, NONE, NONE);
	expect(before, 0, nvmlEventTypeXidCriticalError, 999, NONE, NONE);
	quiet(before, 0);
	expect(xids, 1, nvmlEventTypeXidCriticalError, 31, NONE, NONE);
	expect(xids, 0, nvmlEventTypeXidCriticalError, 48, NONE, NONE);
	CHECK_EQ(nvml.nvmlEventSetWait(xids, &old, FOREVER_MS), NVML_SUCCESS);
	CHECK(old.device == gpu[0] && old.eventType == nvmlEventTypeXidCriticalError &&
	      old.eventData == 999);
	CHECK_EQ(nvml.nvmlEventSetWait(xids, &old, 0), NVML_ERROR_TIMEOUT);
	expect(first, 0, nvmlEventTypeDoubleBitEccError, 0, NONE, NONE);
	expect(first, 0, nvmlEventTypeXidCriticalError, 48, NONE, NONE);
	expect(first, 0, nvmlEventTypeXidCriticalError, 999, NONE, NONE);
	/* What happened before a set was registered is not recorded (nvml.h). */
	expect(late, 0, nvmlEventTypeXidCriticalError, 999, NONE, NONE);
	quiet(late, 0);
	/* Registered again: goes on from where it is. */
	inject(LAB_EVENT_XID, 0, -1, -1, 13);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], everything, late), NVML_SUCCESS);
	expect(late, 0, nvmlEventTypeXidCriticalError, 13, NONE, NONE);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(nvml.nvmlEventSetFree((nvmlEventSet_t[]){ before, xids, first, late }[i]),
			 NVML_SUCCESS);
}

static void errors_count(void)
{
	unsigned long long count[2];

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(nvml.nvmlDeviceGetTotalEccErrors(gpu[1],
							  NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
							  NVML_VOLATILE_ECC, &count[i]),
			 NVML_SUCCESS);
		if (!i)
			inject(LAB_EVENT_DOUBLE_BIT_ECC, 1, -1, -1, 0);
	}
	CHECK_EQ(count[1], count[0] + 1);
}

/* A ring: who is slow loses the oldest, and gets the rest in their order. */
static void overflow(void)
{
	nvmlEventSet_t set = new_set(everything);

	for (unsigned i = 0; i < LAB_MAX_EVENTS + 10; i++)
		inject(LAB_EVENT_XID, 0, -1, -1, i + 1);
	for (unsigned i = 10; i < LAB_MAX_EVENTS + 10; i++)
		expect(set, 0, nvmlEventTypeXidCriticalError, i + 1, NONE, NONE);
	quiet(set, 0);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
}

static void layout_changes(void)
{
	nvmlEventSet_t set = new_set(nvmlEventMigConfigChange);
	nvmlComputeInstance_t ci;
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;

	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu[1], 1, &activation), NVML_SUCCESS);
	expect(set, 1, nvmlEventMigConfigChange, 0, NONE, NONE);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu[1], 1, &activation), NVML_SUCCESS);
	quiet(set, 0);
	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu[1], 9, &gi), NVML_SUCCESS);
	expect(set, 1, nvmlEventMigConfigChange, 0, NONE, NONE);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	expect(set, 1, nvmlEventMigConfigChange, 0, NONE, NONE);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_ERROR_IN_USE);
	quiet(set, 0);
	CHECK_EQ(nvml.nvmlComputeInstanceDestroy(ci), NVML_SUCCESS);
	expect(set, 1, nvmlEventMigConfigChange, 0, NONE, NONE);
	CHECK_EQ(nvml.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	expect(set, 1, nvmlEventMigConfigChange, 0, NONE, NONE);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
}

static void on_instances(void)
{
	nvmlEventSet_t set = new_set(nvmlEventTypeXidCriticalError);
	const struct lab_event nowhere = {
		.kind = LAB_EVENT_XID, .gpu = 1, .gi = 6, .ci = -1, .data = 94
	};
	const struct lab_event wrong[] = {
		{ .kind = LAB_EVENT_XID, .gpu = 1, .gi = -1, .ci = -1 },
		{ .kind = LAB_EVENT_DOUBLE_BIT_ECC, .gpu = 1, .gi = -1, .ci = -1, .data = 96 },
	};
	nvmlComputeInstance_t ci;
	nvmlGpuInstanceInfo_t info;
	unsigned long long types;
	nvmlGpuInstance_t gi;
	nvmlDevice_t mig;

	CHECK_EQ(nvml.nvmlDeviceCreateGpuInstance(gpu[1], 9, &gi), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceGetInfo(gi, &info), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlGpuInstanceCreateComputeInstance(gi, 2, &ci), NVML_SUCCESS);
	inject(LAB_EVENT_XID, 1, (int)info.id, 0, 94);
	inject(LAB_EVENT_XID, 1, (int)info.id, -1, 95);
	CHECK_EQ(lab_inject(lab, &nowhere, NULL), -ENOENT);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(lab_inject(lab, &wrong[i], NULL), -EINVAL);
	expect(set, 1, nvmlEventTypeXidCriticalError, 94, info.id, 0);
	expect(set, 1, nvmlEventTypeXidCriticalError, 95, info.id, NONE);
	quiet(set, 0);
	CHECK_EQ(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu[1], 0, &mig), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(mig, 8, set), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(mig, 8, NULL), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(nvml.nvmlDeviceGetSupportedEventTypes(mig, &types), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
}

/* --- waits that something ends -------------------------------------------------------------- */

struct waiter {
	pthread_t thread;
	nvmlEventSet_t set;
	nvmlReturn_t status;
	nvmlEventData_t data;
};

static void *waiting(void *arg)
{
	struct waiter *w = arg;

	w->status = nvml.nvmlEventSetWait_v2(w->set, &w->data, FOREVER_MS);
	return NULL;
}

static void start(struct waiter *w, nvmlEventSet_t set)
{
	const struct timespec a_while = { .tv_nsec = 20000000 };

	w->set = set;
	CHECK(!pthread_create(&w->thread, NULL, waiting, w));
	nanosleep(&a_while, NULL);
}

static nvmlReturn_t end(struct waiter *w)
{
	CHECK(!pthread_join(w->thread, NULL));
	return w->status;
}

/* Two threads on one set share its events; two sets get each event both. */
static void ends_of_waits(void)
{
	nvmlEventSet_t one = new_set(everything), two = new_set(everything);
	struct waiter w[3];

	start(&w[0], one);
	start(&w[1], one);
	start(&w[2], two);
	inject(LAB_EVENT_XID, 0, -1, -1, 43);
	CHECK_EQ(end(&w[2]), NVML_SUCCESS);
	CHECK_EQ(w[2].data.eventData, 43);
	inject(LAB_EVENT_XID, 0, -1, -1, 45);
	CHECK_EQ(end(&w[0]), NVML_SUCCESS);
	CHECK_EQ(end(&w[1]), NVML_SUCCESS);
	CHECK_EQ(w[0].data.eventData + w[1].data.eventData, 43 + 45);
	expect(two, 0, nvmlEventTypeXidCriticalError, 45, NONE, NONE);

	start(&w[0], one);
	CHECK_EQ(nvml.nvmlEventSetFree(one), NVML_SUCCESS);
	CHECK_EQ(end(&w[0]), NVML_ERROR_INVALID_ARGUMENT);

	start(&w[0], two);
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(end(&w[0]), NVML_ERROR_UNINITIALIZED);
	CHECK_EQ(nvml.nvmlEventSetWait_v2(two, &w[0].data, 0), NVML_ERROR_UNINITIALIZED);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	/* A set is a handle, and lives on as handles do. */
	inject(LAB_EVENT_XID, 1, -1, -1, 63);
	expect(two, 1, nvmlEventTypeXidCriticalError, 63, NONE, NONE);
	CHECK_EQ(nvml.nvmlEventSetFree(two), NVML_SUCCESS);
}

/* Another process, another user, who may not write to the lab's file: waits all the same. */
static void waits_of_others(const struct fixture *f)
{
	int ready[2], status = 0;
	char ok = 0;
	pid_t pid;

	CHECK(!chmod(f->base, 0755));
	CHECK_EQ(pipe(ready), 0);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		nvmlEventSet_t set = new_set(everything);
		char path[400];

		snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, f->dir);
		if (!geteuid() && setuid(65534))
			_exit(3);
		if (getuid() == 65534 && !access(path, W_OK))
			_exit(4);
		CHECK(write(ready[1], "1", 1) == 1);
		expect(set, 0, nvmlEventTypeXidCriticalError, 48, NONE, NONE);
		_exit(0);
	}
	CHECK(read(ready[0], &ok, 1) == 1);
	inject(LAB_EVENT_XID, 0, -1, -1, 48);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close(ready[0]);
	close(ready[1]);
}

/* Xid 79: the GPU fell off the bus. The reboot that brings it back ends every wait. */
static void lost(void)
{
	nvmlEventSet_t set = new_set(nvmlEventTypeXidCriticalError);
	struct waiter w;
	char name[96];

	inject(LAB_EVENT_XID, 0, -1, -1, 79);
	expect(set, 0, nvmlEventTypeXidCriticalError, 79, NONE, NONE);
	CHECK_EQ(nvml.nvmlDeviceGetName(gpu[0], name, sizeof(name)), NVML_ERROR_GPU_IS_LOST);
	CHECK_EQ(nvml.nvmlDeviceRegisterEvents(gpu[0], 8, set), NVML_ERROR_GPU_IS_LOST);
	inject(LAB_EVENT_XID, 1, -1, -1, 8);
	expect(set, 1, nvmlEventTypeXidCriticalError, 8, NONE, NONE);
	start(&w, set);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK_EQ(end(&w), NVML_ERROR_GPU_IS_LOST);
	CHECK_EQ(nvml.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetName(gpu[0], name, sizeof(name)), NVML_SUCCESS);
	inject(LAB_EVENT_XID, 0, -1, -1, 9);
	expect(set, 0, nvmlEventTypeXidCriticalError, 9, NONE, NONE);
	CHECK_EQ(nvml.nvmlEventSetFree(set), NVML_SUCCESS);
}

int main(void)
{
	unsigned long long types;
	struct fixture f;

	abi_lab(&f, &nvml, "h100-80gb-sxm", "580.159.04", 2, MIG_NUMBERING_I);
	lab = fixture_open(&f);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(i, &gpu[i]), NVML_SUCCESS);
	CHECK_EQ(nvml.nvmlDeviceGetSupportedEventTypes(gpu[0], &types), NVML_SUCCESS);
	CHECK_EQ(types, 0xff9f); /* measured on an H200 with this driver */
	handles();
	many_sets();
	who_gets_what();
	errors_count();
	overflow();
	layout_changes();
	on_instances();
	ends_of_waits();
	waits_of_others(&f);
	lost();
	lab_close(lab);
	abi_end(&f, &nvml);
	return 0;
}
