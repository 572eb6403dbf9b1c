/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cli/cmd.h"
#include "nvml/nvml_abi.h"
#include "unit/check.h"

/* The numbers are an interface: scripts have them. */
static void numbers_stay(void)
{
	static const struct {
		int code, status;
	} rows[] = {
		{ -EINVAL, 2 }, { -ENOTSUP, 3 }, { -EACCES, 4 },     { -EBUSY, 5 },
		{ -ENOENT, 6 }, { -EBADMSG, 7 }, { -ENOTCONN, 9 },   { -ENOTRECOVERABLE, 16 },
		{ -EIO, 1 },	{ -ENOSPC, 1 },	 { -ECANCELED, 32 }, { -EREMOTEIO, 33 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(cli_errno_to_exit(rows[i].code), rows[i].status);
}

static void driver_is_named(void)
{
	struct mig_error err = { 0 };
	int r = cli_fail_driver(&err, NVML_ERROR_UNKNOWN, "nvmlGpuInstanceDestroy",
				"GPU %d: cannot end GI %d", 0, 3);

	CHECK_EQ(cli_errno_to_exit(r), CLI_EXIT_DRIVER);
	CHECK_EQ(err.nvml, NVML_ERROR_UNKNOWN);
	CHECK_STR(err.msg, "GPU 0: cannot end GI 3: nvmlGpuInstanceDestroy says NVML_ERROR_UNKNOWN "
			   "(999)");
	r = cli_fail_driver(&err, NVML_ERROR_IN_USE, "call", "what");
	CHECK_EQ(cli_errno_to_exit(r), CLI_EXIT_BUSY);
	r = cli_fail_driver(&err, NVML_ERROR_RESET_REQUIRED, "call", "what");
	CHECK_EQ(cli_errno_to_exit(r), CLI_EXIT_NEEDS_RESET);
	r = cli_fail_driver(&err, NVML_ERROR_NO_PERMISSION, "call", "what");
	CHECK_EQ(cli_errno_to_exit(r), CLI_EXIT_PERMISSION);
	/* A status of a driver younger than this program has its number. */
	r = cli_fail_driver(NULL, 77, "call", "what");
	CHECK_EQ(cli_errno_to_exit(r), CLI_EXIT_DRIVER);
}

int main(void)
{
	numbers_stay();
	driver_is_named();
	return 0;
}
