/* SPDX-License-Identifier: Apache-2.0 */
/* The table that NVIDIA's nvidia-smi asks for, as 535, 550 and 580 call it. */
#include <stdint.h>

#include "unit/abi_fixture.h"

static struct nvml_api nvml;
static const uintptr_t *table;

static const unsigned char nvidia_smi[16] = { 0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e,
					      0xa3, 0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4 };

typedef int slot(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

#define A(v) ((uintptr_t)(v))

static int call(unsigned n, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
	slot *fn;

	memcpy(&fn, &table[n], sizeof(fn));
	return fn(a, b, c, d, e);
}

static void places(nvmlDevice_t gpu)
{
	unsigned at[4] = { 9, 9, 9, 9 };
	nvmlDevice_t same = NULL;

	CHECK_EQ(call(81, 1, A(&same), 0x22, 0, 0), NVML_SUCCESS);
	CHECK(same == gpu);
	CHECK_EQ(call(81, 2, A(&same), 0x22, 0, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(call(12, A("00000005:0a:1F.1"), A(&at[0]), A(&at[1]), A(&at[2]), A(&at[3])),
		 NVML_SUCCESS);
	CHECK(at[0] == 5 && at[1] == 0x0a && at[2] == 0x1f && at[3] == 1);
	CHECK_EQ(call(12, A("0F:0.0"), A(&at[0]), A(&at[1]), A(&at[2]), A(&at[3])), NVML_SUCCESS);
	CHECK(at[0] == 0 && at[1] == 0x0f && at[2] == 0 && at[3] == 0);
	for (const char *const *bad =
		     (const char *const[]){ "", "0", "0:0", "0:0:0:0.0", "0:0.", "x:0.0",
					    "000000000:0.0", "0:0.0 ", NULL };
	     *bad; bad++)
		CHECK_EQ(call(12, A(*bad), A(&at[0]), A(&at[1]), A(&at[2]), A(&at[3])),
			 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(call(75, 1, A(&at[0]), A(&at[1]), A(&at[2]), 0), NVML_SUCCESS);
	CHECK(at[0] == 0 && at[1] == 0x0f && at[2] == 0);
}

static void processes(nvmlDevice_t gpu)
{
	for (unsigned n = 213; n <= 215; n++) {
		unsigned count = 250;

		CHECK_EQ(call(n, A(gpu), A(&count), 0, 0, 0), NVML_SUCCESS);
		CHECK_EQ(count, 0);
	}
}

static void resets(nvmlDevice_t gpu)
{
	unsigned primary = 9, fabric = 9;

	CHECK_EQ(call(20, A(gpu), A(&primary), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(primary, 0);
	/* No NVSwitch: nvidia-smi then resets by slot 13, one GPU after the other. */
	CHECK_EQ(call(169, A(&fabric), 0, 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(fabric, 1);
	CHECK_EQ(call(13, A(NULL), 0, 0, 0, 0), NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(call(13, A(gpu), 0, 0, 0, 0), NVML_SUCCESS);
}

/* nvidia-smi 580 sets it here, and hears that no daemon did it. */
static void persistence(nvmlDevice_t gpu)
{
	unsigned by_daemon = 9;
	nvmlEnableState_t mode;

	CHECK_EQ(call(251, A(gpu), 1, A(&by_daemon), 0, 0), NVML_SUCCESS);
	CHECK_EQ(by_daemon, 0);
	CHECK_EQ(nvml.nvmlDeviceGetPersistenceMode(gpu, &mode), NVML_SUCCESS);
	CHECK_EQ(mode, NVML_FEATURE_ENABLED);
	CHECK_EQ(call(251, A(NULL), 1, A(&by_daemon), 0, 0), NVML_ERROR_INVALID_ARGUMENT);
}

/* Every slot can be called; what nobody knows is not supported, and writes nothing. */
static void unknown(nvmlDevice_t gpu)
{
	static const unsigned known[] = { 12,  13,  20,	 23,  26,  65,	72,  75,  81,
					  108, 138, 145, 169, 182, 183, 184, 213, 214,
					  215, 223, 230, 231, 240, 242, 243, 249, 251 };
	unsigned others = 0;

	for (unsigned n = 1; n < table[0] / 8; n++) {
		bool is_known = false;

		for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
			is_known = is_known || known[i] == n;
		if (is_known)
			continue;
		CHECK_EQ(call(n, A(gpu), 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
		others++;
	}
	CHECK_EQ(others, table[0] / 8 - 1 - sizeof(known) / sizeof(*known));
}

/* An A100 has no margin of temperature and no sparse mode. */
static void readings(nvmlDevice_t gpu)
{
	unsigned long nodes[4] = { 9, 9, 9, 9 };
	unsigned v = 9;
	char text[80];

	CHECK_EQ(call(230, A(gpu), A(&v), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(v, 4);
	CHECK_EQ(call(108, A(gpu), A(&v), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(v, 300000);
	CHECK_EQ(call(242, A(gpu), A(&v), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(v, 0);
	CHECK_EQ(call(23, A("00000000:07:00.0"), A("00000000:0F:00.0"), A(&v), 0, 0), NVML_SUCCESS);
	CHECK_EQ(v, NVML_TOPOLOGY_NODE / 10 - 1);
	CHECK_EQ(call(23, A("00000000:07:00.0"), A("00000000:10:00.0"), A(&v), 0, 0),
		 NVML_ERROR_INVALID_ARGUMENT);
	CHECK_EQ(call(223, A(gpu), 4, A(nodes), 0, 0), NVML_SUCCESS);
	CHECK(nodes[1] == 0 && nodes[3] == 0);
	CHECK_EQ(call(231, A(gpu), A(text), sizeof(text), 0, 0), NVML_SUCCESS);
	CHECK_STR(text, "20B5-895-A1");
	CHECK_EQ(call(240, A(gpu), A(&v), 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(call(243, A(gpu), A(&v), 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(call(249, A(gpu), A(&v), 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
}

/* What dmon and pmon go by. */
static void monitors(nvmlDevice_t gpu)
{
	static char samples[100 * 328];
	uint64_t violations[2] = { 9, 9 };
	unsigned may = 9, flags = 0, count = 100;

	CHECK_EQ(call(72, A(gpu), A(&may), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(may, 1);
	CHECK_EQ(call(138, A(gpu), A(violations), 0, 0, 0), NVML_SUCCESS);
	CHECK(violations[0] == 0 && violations[1] == 0);
	CHECK_EQ(call(145, A(gpu), 0, A(&flags), A(&count), A(samples)), NVML_SUCCESS);
	CHECK_EQ(count, 0);
	count = 100;
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 1, &may), NVML_SUCCESS);
	CHECK_EQ(call(145, A(gpu), 0, A(&flags), A(&count), A(samples)), NVML_ERROR_NOT_SUPPORTED);
	CHECK_EQ(count, 0);
	CHECK_EQ(nvml.nvmlDeviceSetMigMode(gpu, 0, &may), NVML_SUCCESS);
}

/* The board whose every figure is measured. */
static void hopper(void)
{
	const void *found = NULL;
	char text[80] = "";
	struct fixture f;
	nvmlDevice_t gpu;
	unsigned v = 9;
	int margin = 0;

	abi_lab(&f, &nvml, "h100-80gb-sxm", "550.163.01", 1, MIG_NUMBERING_X);
	CHECK_EQ(nvml.nvmlInternalGetExportTable(&found, nvidia_smi), NVML_SUCCESS);
	table = found;
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(0, &gpu), NVML_SUCCESS);
	CHECK_EQ(call(231, A(gpu), A(text), sizeof(text), 0, 0), NVML_SUCCESS);
	CHECK_STR(text, "2330-885-A1");
	CHECK_EQ(call(231, A(gpu), A(text), 5, 0, 0), NVML_ERROR_INSUFFICIENT_SIZE);
	/* 52 left at 35 degrees, measured with 580. */
	CHECK_EQ(call(240, A(gpu), A(&margin), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(margin, 52);
	CHECK_EQ(call(249, A(gpu), A(&v), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(v, 0);
	abi_end(&f, &nvml);
}

int main(void)
{
	const void *found = NULL;
	struct fixture f;
	nvmlDevice_t gpu;

	abi_lab(&f, &nvml, "a100-80gb-pcie", "535.261.03", 2, MIG_NUMBERING_X);
	CHECK_EQ(nvml.nvmlInternalGetExportTable(&found, nvidia_smi), NVML_SUCCESS);
	table = found;
	CHECK(table[0] > 648 && table[0] % 8 == 0);
	CHECK_EQ(nvml.nvmlDeviceGetHandleByIndex_v2(1, &gpu), NVML_SUCCESS);
	unknown(gpu);
	readings(gpu);
	monitors(gpu);
	persistence(gpu);
	CHECK_EQ(call(26, A("a"), A("b"), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(call(165, A(gpu), 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	places(gpu);
	processes(gpu);
	resets(gpu);
	abi_end(&f, &nvml);
	hopper();
	return 0;
}
