/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "nvml/nvml_abi.h"
#include "observe/observe.h"

int cli_errno_to_exit(int code)
{
	static const struct {
		int code, status;
	} map[] = {
		{ EINVAL, CLI_EXIT_USAGE },
		{ ENOTSUP, CLI_EXIT_UNAVAILABLE },
		{ ENOSYS, CLI_EXIT_UNAVAILABLE },
		{ EPERM, CLI_EXIT_PERMISSION },
		{ EACCES, CLI_EXIT_PERMISSION },
		{ EROFS, CLI_EXIT_PERMISSION },
		{ EBUSY, CLI_EXIT_BUSY },
		{ EEXIST, CLI_EXIT_BUSY },
		{ ENOENT, CLI_EXIT_NOT_FOUND },
		{ ESRCH, CLI_EXIT_NOT_FOUND },
		{ EBADMSG, CLI_EXIT_BAD_LAB },
		{ EPROTO, CLI_EXIT_BAD_LAB },
		{ ENODEV, CLI_EXIT_BAD_LAB },
		{ ENOTCONN, CLI_EXIT_NO_DRIVER },
		{ ENOTRECOVERABLE, CLI_EXIT_NEEDS_RESET },
		{ ECANCELED, CLI_EXIT_PARTLY },
		{ EREMOTEIO, CLI_EXIT_DRIVER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (code == -map[i].code)
			return map[i].status;
	}
	return CLI_EXIT_FAILED;
}

/* What NVML refuses for a reason that scripts tell apart has that reason's code. */
int cli_driver_errno(int status)
{
	static const struct {
		int status, code;
	} map[] = {
		{ NVML_ERROR_NOT_SUPPORTED, ENOTSUP },
		{ NVML_ERROR_FUNCTION_NOT_FOUND, ENOTSUP },
		{ NVML_ERROR_INSUFFICIENT_RESOURCES, ENOTSUP },
		{ NVML_ERROR_NO_PERMISSION, EPERM },
		{ NVML_ERROR_IN_USE, EBUSY },
		{ NVML_ERROR_NOT_FOUND, ENOENT },
		{ NVML_ERROR_GPU_NOT_FOUND, ENOENT },
		{ NVML_ERROR_DRIVER_NOT_LOADED, ENOTCONN },
		/* Off the bus: no reset reaches it, a reboot does. */
		{ NVML_ERROR_GPU_IS_LOST, ENOTRECOVERABLE },
		{ NVML_ERROR_RESET_REQUIRED, ENOTRECOVERABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (status == map[i].status)
			return -map[i].code;
	}
	return -EREMOTEIO;
}

int cli_fail_driver(struct mig_error *reterr, int status, const char *call, const char *fmt, ...)
{
	char what[240];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r = mig_fail(reterr, cli_driver_errno(status), "%s: %s says %s (%d)", what, call,
		     observe_status_name(status), status);
	if (reterr)
		reterr->nvml = status;
	return r;
}
