/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi_ctx.h"

#include "base/util.h"

/* The statuses that nvidia-smi's manual names as exit codes; anything else ends in 255. */
int smi_exit_code(nvmlReturn_t status)
{
	static const nvmlReturn_t known[] = {
		NVML_ERROR_INVALID_ARGUMENT,
		NVML_ERROR_NOT_SUPPORTED,
		NVML_ERROR_NO_PERMISSION,
		NVML_ERROR_NOT_FOUND,
		NVML_ERROR_INSUFFICIENT_POWER,
		NVML_ERROR_DRIVER_NOT_LOADED,
		NVML_ERROR_IRQ_ISSUE,
		NVML_ERROR_LIBRARY_NOT_FOUND,
		NVML_ERROR_FUNCTION_NOT_FOUND,
		NVML_ERROR_CORRUPTED_INFOROM,
		NVML_ERROR_GPU_IS_LOST,
		NVML_ERROR_OPERATING_SYSTEM,
		NVML_ERROR_LIB_RM_VERSION_MISMATCH,
		NVML_ERROR_IN_USE,
		NVML_ERROR_INSUFFICIENT_RESOURCES,
	};
	unsigned int i;

	if (status == NVML_SUCCESS)
		return 0;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == status)
			return (int)status;
	return 255;
}

const char *smi_error(const struct smi *smi, nvmlReturn_t status)
{
	const char *text = smi->api->nvmlErrorString(status);

	if (smi->d && smi->d->own_words && status == NVML_ERROR_VGPU_ECC_NOT_SUPPORTED)
		return "vGPU ECC not supported";
	if (smi->d && smi->d->own_words && status == NVML_ERROR_NOT_READY)
		return "System is not in ready state";
	if (smi->d && smi->d->no_supported_gpus && status == NVML_ERROR_GPU_NOT_FOUND)
		return "No supported GPUs were found";
	return text ? text : "Unknown Error";
}

/* Outside of "mig" NVIDIA's program has another word for this one. */
const char *smi_main_error(const struct smi *smi, nvmlReturn_t status)
{
	if (status == NVML_ERROR_NOT_SUPPORTED)
		return "N/A";
	return smi_error(smi, status);
}

/* As NVIDIA's program says it of a handle; a code that it does not expect is an unknown error. */
const char *smi_handle_error(const struct smi *smi, nvmlReturn_t status)
{
	switch (status) {
	case NVML_ERROR_NO_PERMISSION:
	case NVML_ERROR_NOT_FOUND:
		return smi_error(smi, status);
	case NVML_ERROR_INSUFFICIENT_POWER:
		return "Unable to communicate with GPU because it is insufficiently powered.\n"
		       "This may be because not all required external power cables are\n"
		       "attached, or the attached cables are not seated properly.\n\n";
	case NVML_ERROR_IRQ_ISSUE:
		return "The NVIDIA kernel module detected an issue with GPU interrupts.Consult the "
		       "\"Common Problems\" Chapter of the NVIDIA Driver README for\ndetails and "
		       "steps that can be taken to resolve this issue.";
	case NVML_ERROR_GPU_IS_LOST:
		return "GPU is lost.  Reboot the system to recover this GPU\n\n";
	case NVML_ERROR_RESET_REQUIRED:
		return "A GPU reset must occur before this GPU can be used again.\n\n.";
	default:
		return smi_error(smi, NVML_ERROR_UNKNOWN);
	}
}

int smi_may_change(const struct smi *smi, const char *what)
{
	return smi->env->before_change ? smi->env->before_change(smi->env->change_arg, what) : 0;
}
