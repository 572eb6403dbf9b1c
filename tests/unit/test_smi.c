/* SPDX-License-Identifier: Apache-2.0 */
/* What src/smi does where no lab is: on a real driver, on failing calls, and its small parts. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "smi/mig.h"
#include "smi/row.h"
#include "smi/smi.h"
#include "unit/check.h"

/* --- a library of one GPU that fails as it is told ------------------------------------------- */

static struct {
	const char *driver;
	unsigned int current, pending, changes;
	nvmlReturn_t set_mode, activation, mode;
} fake;

static nvmlReturn_t get_driver(char *version, unsigned int length)
{
	snprintf(version, length, "%s", fake.driver);
	return NVML_SUCCESS;
}

static nvmlReturn_t get_count(unsigned int *count)
{
	*count = 1;
	return NVML_SUCCESS;
}

static nvmlReturn_t get_handle(unsigned int index, nvmlDevice_t *dev)
{
	static char gpu;

	*dev = (nvmlDevice_t)(void *)&gpu;
	return index ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}

static nvmlReturn_t get_pci(nvmlDevice_t dev, nvmlPciInfo_t *pci)
{
	(void)dev;
	memset(pci, 0, sizeof(*pci));
	snprintf(pci->busId, sizeof(pci->busId), "00000000:07:00.0");
	return NVML_SUCCESS;
}

static nvmlReturn_t get_mode(nvmlDevice_t dev, unsigned int *current, unsigned int *pending)
{
	(void)dev;
	*current = fake.current;
	*pending = fake.pending;
	return fake.mode;
}

static nvmlReturn_t set_mode(nvmlDevice_t dev, unsigned int mode, nvmlReturn_t *activation)
{
	(void)dev;
	(void)mode;
	fake.changes++;
	*activation = fake.activation;
	return fake.set_mode;
}

static const char *error_string(nvmlReturn_t status)
{
	return status == NVML_ERROR_IN_USE ? "In use by another client" : "Some Error";
}

static nvmlReturn_t not_there(void)
{
	return NVML_ERROR_FUNCTION_NOT_FOUND;
}

static struct nvml_api fake_api(void)
{
	struct nvml_api api;
	nvmlReturn_t (*missing)(void) = not_there;
	size_t at;

	for (at = 0; at + sizeof(missing) <= sizeof(api); at += sizeof(missing))
		memcpy((char *)&api + at, &missing, sizeof(missing));
	api.nvmlSystemGetDriverVersion = get_driver;
	api.nvmlDeviceGetCount_v2 = get_count;
	api.nvmlDeviceGetHandleByIndex_v2 = get_handle;
	api.nvmlDeviceGetPciInfo_v3 = get_pci;
	api.nvmlDeviceGetMigMode = get_mode;
	api.nvmlDeviceSetMigMode = set_mode;
	api.nvmlErrorString = error_string;
	return api;
}

struct outcome {
	int code;
	char out[16384], err[1024];
};

static int refuse(void *arg, const char *what)
{
	fprintf(*(FILE **)arg, "%s is refused\n", what);
	return 4;
}

/* Runs words (ended by NULL) without a lab. */
static struct outcome run(bool may_change, const char *const *words)
{
	struct nvml_api api = fake_api();
	struct outcome got = { .code = -1 };
	char *argv[16] = { (char *)"nvidia-smi" };
	int argc = 1;
	struct smi_env env = { .program = "migctl smi",
			       .before_change = may_change ? NULL : refuse };

	for (; *words; words++)
		argv[argc++] = (char *)*words;
	env.out = fmemopen(got.out, sizeof(got.out), "w");
	env.err = fmemopen(got.err, sizeof(got.err), "w");
	CHECK(env.out && env.err);
	env.change_arg = &env.err;
	got.code = smi_main(&api, &env, argc, argv);
	fclose(env.out);
	fclose(env.err);
	return got;
}

#define RUN(may_change, ...) run(may_change, (const char *const[]){ __VA_ARGS__, NULL })

static void fresh(const char *driver)
{
	memset(&fake, 0, sizeof(fake));
	fake.driver = driver;
}

/* --- the tests ------------------------------------------------------------------------------- */

/* Whoever wants to know of a change is asked before it, and may refuse it. */
static void test_refused_change(void)
{
	static const char *const changes[][4] = {
		{ "-mig", "1" },   { "--multi-instance-gpu=0" },
		{ "-pm", "1" },	   { "mig", "-cgi", "9" },
		{ "mig", "-dgi" }, { "mig", "-cci" },
		{ "mig", "-dci" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		const char *const words[] = { changes[i][0], changes[i][1], changes[i][2], NULL };
		struct outcome got;

		fresh("535.261.03");
		fake.current = 1;
		got = run(false, words);
		CHECK_EQ(got.code, 4);
		CHECK_STR(got.out, "");
		CHECK(strstr(got.err, " is refused\n"));
		CHECK(strchr(got.err, '\n') == got.err + strlen(got.err) - 1);
		CHECK_EQ(fake.changes, 0);
	}
}

/* Where one command line has several commands, the one that nvidia-smi takes counts. */
static void test_views_need_no_permission(void)
{
	struct outcome got;

	fresh("535.261.03");
	got = RUN(false, "mig", "-lgi", "-dgi");
	CHECK_EQ(got.code, 6);
	CHECK_STR(got.out, "No MIG-enabled devices found.\n");
	got = RUN(false, "mig", "-h");
	CHECK_EQ(got.code, 0);
	CHECK_STR(got.err, "");
}

static void test_allowed_change(void)
{
	struct outcome got;

	fresh("535.261.03");
	got = RUN(true, "-mig", "1");
	CHECK_EQ(got.code, 0);
	CHECK_STR(got.out, "Enabled MIG Mode for GPU 00000000:07:00.0\nAll done.\n");
	CHECK_EQ(fake.changes, 1);
	fake.activation = NVML_ERROR_IN_USE;
	got = RUN(true, "-mig", "0");
	CHECK_EQ(got.code, 0);
	CHECK(strstr(got.out, "pending disable state for GPU 00000000:07:00.0:In use by another "
			      "client\n"));
	fake.set_mode = NVML_ERROR_UNKNOWN;
	got = RUN(true, "-mig", "0");
	CHECK_EQ(got.code, 255);
}

/* NVML has no reset: the sentence names NVIDIA's own command, whoever may change it. */
static void test_reset_on_a_real_driver(void)
{
	struct outcome got;

	fresh("580.159.04");
	got = RUN(true, "-i", "0", "--gpu-reset");
	CHECK_EQ(got.code, 3);
	CHECK_STR(got.out, "");
	CHECK(strstr(got.err, "nvidia-smi --gpu-reset -i 0"));
}

static void test_exit_codes(void)
{
	CHECK_EQ(smi_exit_code(NVML_SUCCESS), 0);
	CHECK_EQ(smi_exit_code(NVML_ERROR_IN_USE), 19);
	CHECK_EQ(smi_exit_code(NVML_ERROR_INSUFFICIENT_RESOURCES), 23);
	CHECK_EQ(smi_exit_code(NVML_ERROR_TIMEOUT), 255);
	CHECK_EQ(smi_exit_code(NVML_ERROR_UNKNOWN), 255);
}

/* A branch that nobody looked at speaks as the one before it. */
static void test_dialects(void)
{
	CHECK_EQ(smi_dialect_of(418)->from, 450);
	CHECK_EQ(smi_dialect_of(450)->from, 450);
	CHECK_EQ(smi_dialect_of(515)->from, 510);
	CHECK_EQ(smi_dialect_of(560)->from, 550);
	CHECK_EQ(smi_dialect_of(999)->from, 580);
}

static void test_rows(void)
{
	struct smi_cells c;
	char text[64] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	CHECK(f);
	snprintf(c.text[0], SMI_CELL, "abc");
	snprintf(c.text[1], SMI_CELL, "abc");
	snprintf(c.text[2], SMI_CELL, "abcdefgh");
	snprintf(c.text[3], SMI_CELL, "abcdefg");
	smi_row(f, "|%5s|%-5s|%7s|%-7s|100%%|\n", &c);
	fclose(f);
	CHECK_STR(text, "|  abc|abc  |abcd...|abcdefg|100%|\n");
}

static void test_wishes(void)
{
	struct mig_wish w;

	CHECK(mig_wish_parse("9", true, &w));
	CHECK(w.is_id && w.id == 9 && w.start == -1);
	CHECK(mig_wish_parse("MIG 3g.40gb:4", true, &w));
	CHECK(!w.is_id && w.start == 4 && mig_wish_is(&w, 5, "MIG 3g.40gb"));
	CHECK(mig_wish_parse("3g.40gb", true, &w));
	CHECK(mig_wish_is(&w, 5, "MIG 3g.40gb") && !mig_wish_is(&w, 5, "MIG 3g.40gb+me"));
	CHECK(mig_wish_parse("9:x", true, &w) && w.start == -1);
	CHECK(mig_wish_parse("9:-4", true, &w) && w.start == -1);
	CHECK(!mig_wish_parse(":4", true, &w));
	CHECK(!mig_wish_parse("", true, &w));
	CHECK(mig_wish_parse("9:4", false, &w) && !w.is_id);
}

int main(void)
{
	test_refused_change();
	test_views_need_no_permission();
	test_allowed_change();
	test_reset_on_a_real_driver();
	test_exit_codes();
	test_dialects();
	test_rows();
	test_wishes();
	return 0;
}
