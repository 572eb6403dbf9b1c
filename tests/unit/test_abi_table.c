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

/* From R565 on nvidia-smi sets it here, and hears that no daemon did it. */
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
	/* Every slot can be called; what nobody knows is not supported. */
	for (unsigned n = 231; n < table[0] / 8; n++)
		if (n != 251)
			CHECK_EQ(call(n, A(gpu), 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	persistence(gpu);
	CHECK_EQ(call(26, A("a"), A("b"), 0, 0, 0), NVML_SUCCESS);
	CHECK_EQ(call(165, A(gpu), 0, 0, 0, 0), NVML_ERROR_NOT_SUPPORTED);
	places(gpu);
	processes(gpu);
	resets(gpu);
	abi_end(&f, &nvml);
	return 0;
}
