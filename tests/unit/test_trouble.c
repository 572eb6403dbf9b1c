/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "unit/trouble_fixture.h"

/*
 * Faults as a program meets them: each kind, each condition, in init and shutdown, in two labs;
 * what hangs holds no lock, and goes on when it is released, whatever releases it.
 */

#define NAME "nvmlDeviceGetName"

static struct nvml_api api;
static struct fixture f;
static struct lab *lab; /* by which faults are ordered, as migctl does in a process of its own */
static nvmlDevice_t gpu[2];

static nvmlReturn_t ask(unsigned i)
{
	char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];

	return api.nvmlDeviceGetName(gpu[i], name, sizeof(name));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned instances(void)
{
	nvmlGpuInstance_t gi[MIG_MAX_GI];
	unsigned n = 0;

	CHECK_EQ(api.nvmlDeviceGetGpuInstances(gpu[0], 19, gi, &n), NVML_SUCCESS);
	return n;
}

/* --- when ----------------------------------------------------------------------------------- */

/* The calls that are struck among the first 12, as a text of '.' and 'x'. */
static void pattern(const char *want)
{
	char got[13] = "";

	for (unsigned i = 0; i < 12; i++)
		got[i] = ask(0) == NVML_SUCCESS ? '.' : 'x';
	CHECK_STR(got, want);
	clear_faults(lab);
	CHECK_EQ(ask(0), NVML_SUCCESS);
}

static void test_when(void)
{
	ORDER(lab, NAME, .status = "UNKNOWN");
	pattern("xxxxxxxxxxxx");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "3");
	pattern("..x.........");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "3-5");
	pattern("..xxx.......");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "11-");
	pattern("..........xx");
	ORDER(lab, NAME, .status = "UNKNOWN", .every = "4");
	pattern("...x...x...x");
	ORDER(lab, NAME, .status = "UNKNOWN", .every = "4", .nth = "2-9");
	pattern(".x...x......");
	ORDER(lab, NAME, .status = "UNKNOWN", .every = "2", .times = "3");
	pattern(".x.x.x......");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "2");
	ORDER(lab, NAME, .status = "TIMEOUT", .nth = "4");
	pattern(".x.x........");
	/* Each fault counts all its calls; of two that return the first decides. */
	ORDER(lab, NAME, .status = "TIMEOUT", .nth = "2");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "1-3");
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	CHECK_EQ(ask(0), NVML_ERROR_TIMEOUT);
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	clear_faults(lab);
	ORDER(lab, NAME, .status_after = "TIMEOUT", .nth = "1");
	ORDER(lab, NAME, .status = "UNKNOWN", .nth = "1");
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	clear_faults(lab);
	ORDER(lab, "nvmlDeviceGetUUID", .status = "UNKNOWN");
	pattern("............");
}

/* The same seed strikes the same calls, another one others, and about as many as was said. */
static void test_chance(void)
{
	uint64_t struck[3][4] = { { 0 } };
	unsigned n[3] = { 0 };
	static const char *const seeds[] = { "7", "7", "8" };

	for (unsigned s = 0; s < 3; s++) {
		uint32_t id = ORDER(lab, NAME, .status = "UNKNOWN", .probability = "25%",
				    .seed = seeds[s]);

		for (unsigned i = 0; i < 256; i++)
			if (ask(0) != NVML_SUCCESS) {
				struck[s][i / 64] |= UINT64_C(1) << i % 64;
				n[s]++;
			}
		expect_count(lab, id, 256, n[s]);
		clear_faults(lab);
	}
	CHECK(!memcmp(struck[0], struck[1], sizeof(struck[0])));
	CHECK(memcmp(struck[0], struck[2], sizeof(struck[0])) != 0);
	for (unsigned s = 0; s < 3; s++)
		CHECK(n[s] > 32 && n[s] < 96);
	ORDER(lab, NAME, .status = "UNKNOWN", .probability = "1");
	pattern("xxxxxxxxxxxx");
}

static void test_whom(void)
{
	char name[17] = "";
	uint32_t id;
	FILE *comm = fopen("/proc/self/comm", "re");

	CHECK(comm && fgets(name, sizeof(name), comm));
	fclose(comm);
	name[strcspn(name, "\n")] = '\0';
	ORDER(lab, NAME, .status = "UNKNOWN", .process = name);
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	clear_faults(lab);
	id = ORDER(lab, NAME, .status = "UNKNOWN", .process = "somebody-else");
	CHECK_EQ(ask(0), NVML_SUCCESS);
	expect_count(lab, id, 0, 0);
	clear_faults(lab);
	id = ORDER(lab, NAME, .status = "UNKNOWN", .gpu = "1");
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(ask(1), NVML_ERROR_UNKNOWN);
	expect_count(lab, id, 1, 1);
	clear_faults(lab);
}

/* A base name is all its versions, a group what groups.txt says, and one call counts once. */
static void test_which(void)
{
	void *const *table = NULL;
	static const unsigned char nvidia[16] = { 0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e,
						  0xa3, 0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4 };
	nvmlReturn_t (*by_index)(unsigned index, nvmlDevice_t *device);
	nvmlDevice_t dev;
	nvmlReturn_t (*stub)(nvmlDevice_t device, unsigned mode);
	unsigned n;
	uint32_t id = ORDER(lab, "DeviceGetCount", .status = "UNKNOWN");

	CHECK_EQ(api.nvmlDeviceGetCount_v2(&n), NVML_ERROR_UNKNOWN);
	clear_faults(lab);
	ORDER(lab, "DeviceGetCount_v1", .status = "UNKNOWN");
	CHECK_EQ(api.nvmlDeviceGetCount_v2(&n), NVML_SUCCESS);
	clear_faults(lab);
	ORDER(lab, "group:list", .status = "NO_DATA");
	CHECK_EQ(api.nvmlDeviceGetCount_v2(&n), NVML_ERROR_NO_DATA);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	clear_faults(lab);
	/* nvidia-smi's slot is the function of NVML that it asks. */
	id = ORDER(lab, "any", .status = "UNKNOWN", .nth = "2");
	CHECK_EQ(api.nvmlInternalGetExportTable((const void **)&table, nvidia), NVML_SUCCESS);
	*(void **)&by_index = table[81];
	CHECK_EQ(by_index(0, &dev), NVML_ERROR_UNKNOWN);
	CHECK_EQ(by_index(0, &dev), NVML_SUCCESS);
	CHECK(dev == gpu[0]);
	expect_count(lab, id, 3, 1);
	clear_faults(lab);
	/* Those with nothing to say are calls like others, of a GPU as well. */
	*(void **)&stub = dlsym(api.dl, "nvmlDeviceFreezeNvLinkUtilizationCounter");
	CHECK(stub != NULL);
	ORDER(lab, "nvmlDeviceFreezeNvLinkUtilizationCounter", .status = "UNKNOWN", .gpu = "1");
	CHECK_EQ(stub(gpu[0], 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(stub(gpu[1], 0), NVML_ERROR_UNKNOWN);
	clear_faults(lab);
}

/* --- what happens --------------------------------------------------------------------------- */

static void test_returns(void)
{
	nvmlGpuInstance_t gi;

	ORDER(lab, "group:create", .status = "INSUFFICIENT_RESOURCES", .nth = "1");
	CHECK_EQ(api.nvmlDeviceCreateGpuInstance(gpu[0], 19, &gi),
		 NVML_ERROR_INSUFFICIENT_RESOURCES);
	CHECK_EQ(instances(), 0);
	clear_faults(lab);
	ORDER(lab, "group:create", .status_after = "77", .nth = "1");
	CHECK_EQ(api.nvmlDeviceCreateGpuInstance(gpu[0], 19, &gi), 77);
	CHECK_EQ(instances(), 1);
	clear_faults(lab);
	/* A destroy that claims to be done. */
	ORDER(lab, "group:destroy", .status = "SUCCESS", .nth = "1");
	CHECK_EQ(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	CHECK_EQ(instances(), 1);
	CHECK_EQ(api.nvmlGpuInstanceDestroy(gi), NVML_SUCCESS);
	CHECK_EQ(instances(), 0);
	clear_faults(lab);
}

static void test_take(void)
{
	double began = now();

	ORDER(lab, NAME, .take = "40ms");
	errno = EXDEV;
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(errno, EXDEV);
	CHECK(now() - began >= 0.04);
	clear_faults(lab);
}

/* How a child ends that asks once, and then says with its exit code what it was told. */
static int child_asks(nvmlReturn_t (*what)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit((int)what());
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static nvmlReturn_t create(void)
{
	nvmlGpuInstance_t gi;

	return api.nvmlDeviceCreateGpuInstance(gpu[0], 19, &gi);
}

static void destroy_all(void)
{
	nvmlGpuInstance_t gi[MIG_MAX_GI];
	unsigned n = 0;

	CHECK_EQ(api.nvmlDeviceGetGpuInstances(gpu[0], 19, gi, &n), NVML_SUCCESS);
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(api.nvmlGpuInstanceDestroy(gi[i]), NVML_SUCCESS);
}

static void test_kill(void)
{
	int status;

	ORDER(lab, "group:create", .kill = "before");
	status = child_asks(create);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_EQ(instances(), 0);
	clear_faults(lab);
	ORDER(lab, "group:create", .kill = "after", .nth = "2");
	status = child_asks(create);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
	status = child_asks(create);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK_EQ(instances(), 2);
	/* Nothing is left behind: the next one can change the lab. */
	CHECK_EQ(create(), NVML_SUCCESS);
	clear_faults(lab);
	destroy_all();
}

static void test_xid(void)
{
	uint32_t id = ORDER(lab, NAME, .xid = "43", .nth = "1");
	struct lab_watch w = lab_watch(lab);
	uint64_t before = lab_event_newest(&w);
	struct lab_event e;

	CHECK_EQ(ask(1), NVML_SUCCESS);
	CHECK(lab_event_after(&w, before, &e));
	CHECK(e.kind == LAB_EVENT_XID && e.data == 43 && e.gpu == 1);
	expect_count(lab, id, 1, 1);
	clear_faults(lab);
	ORDER(lab, NAME, .xid = "79", .gpu = "1");
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(ask(1), NVML_ERROR_GPU_IS_LOST);
	clear_faults(lab);
	CHECK_EQ(ask(1), NVML_ERROR_GPU_IS_LOST);
	CHECK_EQ(ask(0), NVML_SUCCESS);
}

static void test_init(void)
{
	nvmlDevice_t dev;

	ORDER(lab, "nvmlShutdown", .status = "UNKNOWN", .nth = "1");
	CHECK_EQ(api.nvmlShutdown(), NVML_ERROR_UNKNOWN);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	clear_faults(lab);
	ORDER(lab, "nvmlInit", .status = "DRIVER_NOT_LOADED", .nth = "1");
	CHECK_EQ(api.nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), NVML_ERROR_UNINITIALIZED);
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	clear_faults(lab);
	/* It is initialised, and was told otherwise. */
	ORDER(lab, "nvmlInit", .status_after = "TIMEOUT", .nth = "1");
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(api.nvmlInit_v2(), NVML_ERROR_TIMEOUT);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	clear_faults(lab);
}

/* --- hanging -------------------------------------------------------------------------------- */

static void *hang(void *ret)
{
	*(nvmlReturn_t *)ret = ask(0);
	return NULL;
}

static void start(pthread_t *thread, nvmlReturn_t *ret)
{
	*ret = NVML_ERROR_IRQ_ISSUE; /* what no call here answers */
	CHECK(!pthread_create(thread, NULL, hang, ret));
}

/* While a call hangs others read and change, in this process and in a child of it. */
static void test_hang(void)
{
	uint32_t id = ORDER(lab, NAME, .hang = true, .times = "2");
	nvmlReturn_t got[2];
	pthread_t thread[2];

	start(&thread[0], &got[0]);
	start(&thread[1], &got[1]);
	await_hanging(lab, id, 2);
	CHECK_EQ(create(), NVML_SUCCESS);
	CHECK_EQ(child_asks(create), 0);
	CHECK_EQ(instances(), 2);
	destroy_all();
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(lab_set_reading(lab, 0, -1, "temperature", "50", NULL), 0);
	ORDER(lab, "nvmlDeviceGetUUID", .status = "UNKNOWN"); /* others come and go */
	await_hanging(lab, id, 2);
	CHECK_EQ(lab_fault_clear(lab, &id, 1, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(!pthread_join(thread[i], NULL));
		CHECK_EQ(got[i], NVML_SUCCESS);
	}
	clear_faults(lab);
}

/* One that is killed while it hangs is forgotten. */
static void test_killed_hanging(void)
{
	uint32_t id = ORDER(lab, NAME, .hang = true);
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit((int)ask(0));
	CHECK(pid > 0);
	await_hanging(lab, id, 1);
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	await_hanging(lab, id, 0);
	clear_faults(lab);
}

/* A fault may hang first, then return. */
static void test_hang_and_return(void)
{
	uint32_t id = ORDER(lab, NAME, .hang = true, .status = "TIMEOUT");
	nvmlReturn_t got;
	pthread_t thread;

	start(&thread, &got);
	await_hanging(lab, id, 1);
	clear_faults(lab);
	CHECK(!pthread_join(thread, NULL));
	CHECK_EQ(got, NVML_ERROR_TIMEOUT);
}

static void test_reboot(void)
{
	uint32_t keeps = ORDER(lab, "nvmlDeviceGetUUID", .status = "UNKNOWN", .permanent = true);
	uint32_t goes = ORDER(lab, NAME, .hang = true);
	struct lab_fault_count c;
	nvmlReturn_t got;
	pthread_t thread;

	start(&thread, &got);
	await_hanging(lab, goes, 1);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK(!pthread_join(thread, NULL));
	CHECK_EQ(got, NVML_ERROR_GPU_IS_LOST); /* it is of before the reboot */
	CHECK(!counted(lab, goes, &c));
	CHECK(counted(lab, keeps, &c));
	CHECK_EQ(__atomic_load_n(lab_watch_word(lab), __ATOMIC_RELAXED), LAB_WATCH_FAULTS);
	clear_faults(lab);
	CHECK_EQ(__atomic_load_n(lab_watch_word(lab), __ATOMIC_RELAXED), 0);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(ask(1), NVML_SUCCESS);
}

/* --- labs ----------------------------------------------------------------------------------- */

static void test_two_labs(void)
{
	struct fixture other;

	fixture_lab(&other, "a30", "580.65.06", 2, MIG_NUMBERING_I);
	ORDER(lab, NAME, .status = "UNKNOWN");
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK(!setenv("MIGKIT_LAB", other.dir, 1));
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(ask(0), NVML_SUCCESS);
	CHECK_EQ(api.nvmlShutdown(), NVML_SUCCESS);
	CHECK(!setenv("MIGKIT_LAB", f.dir, 1));
	CHECK_EQ(api.nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(ask(0), NVML_ERROR_UNKNOWN);
	clear_faults(lab);
	fixture_end(&other);
}

static void test_full(void)
{
	struct lab_fault one = {
		.does = LAB_FAULT_HANG, .first = 1, .last = 1, .every = 1, .gpu = -1
	};
	struct mig_error err = { 0 };
	uint32_t last;

	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++)
		CHECK_EQ(lab_fault_add(lab, &one, &err), 0);
	last = one.id;
	CHECK_EQ(lab_fault_add(lab, &one, &err), -ENOSPC);
	CHECK(strstr(err.msg, "at most 64 faults") != NULL);
	CHECK_EQ(lab_fault_clear(lab, &last, 1, &err), 0);
	CHECK_EQ(lab_fault_clear(lab, &last, 1, &err), -ENOENT);
	CHECK_EQ(lab_fault_add(lab, &one, &err), 0);
	CHECK(one.id > last);
	clear_faults(lab);
}

/* The lab goes away under one who hangs in it. Last: the lab is gone. */
static void test_destroyed(void)
{
	uint32_t id = ORDER(lab, NAME, .hang = true);
	nvmlReturn_t got;
	pthread_t thread;

	start(&thread, &got);
	await_hanging(lab, id, 1);
	CHECK_EQ(lab_destroy(f.dir, NULL), 0);
	CHECK(!pthread_join(thread, NULL));
	CHECK_EQ(got, NVML_ERROR_GPU_IS_LOST);
}

int main(void)
{
	abi_lab(&f, &api, "a100-80gb-pcie", "580.65.06", 2, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(i, &gpu[i]), NVML_SUCCESS);
	test_when();
	test_chance();
	test_whom();
	test_which();
	test_returns();
	test_take();
	test_kill();
	test_init();
	test_hang();
	test_killed_hanging();
	test_hang_and_return();
	test_two_labs();
	test_full();
	test_xid();
	test_reboot();
	test_destroyed();
	lab_close(lab);
	abi_end(&f, &api);
	return 0;
}
