/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/lab_open.h"
#include "cli/nvml_open.h"
#include "cli/paths.h"

/* migkit's own table of a library; NULL: it is not ours. */
static const struct migkit_export *own_table(const struct nvml_api *api)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	const void *table = NULL;

	if (api->nvmlInternalGetExportTable(&table, uuid) != NVML_SUCCESS)
		return NULL;
	return table;
}

static int verify(const struct migkit_export *lab, const char *path, struct mig_error *reterr)
{
	if (!lab)
		return mig_fail(reterr, -ENOEXEC,
				"%s is not migkit's simulated library: build or install migkit "
				"again",
				path);
	if (lab->abi != MIGKIT_EXPORT_ABI || lab->size < sizeof(*lab) ||
	    strcmp(lab->version, MIGKIT_VERSION) != 0)
		return mig_fail(reterr, -ENOEXEC,
				"%s is of migkit %s, this migctl of %s: build or install both "
				"again",
				path, lab->version, MIGKIT_VERSION);
	return 0;
}

static int open_lab(struct cli_nvml *nvml, struct mig_error *reterr)
{
	char path[PATH_MAX + 32];
	char dir[PATH_MAX];
	const char *in_use;
	nvmlReturn_t status;
	int r;

	r = cli_sim_dir(dir, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, -ENOEXEC, "the lab cannot be used");
	snprintf(path, sizeof(path), "%s/libnvidia-ml.so.1", dir);
	/* The library reads it at nvmlInit; programs that are started from here inherit it. */
	if (setenv("MIGKIT_LAB", nvml->lab_dir, 1) < 0)
		return mig_fail(reterr, -errno, "cannot choose the lab: %s", strerror(errno));
	r = nvml_api_open(&nvml->api, path, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, -ENOEXEC, "the lab cannot be used");
	nvml->lab = own_table(&nvml->api);
	r = verify(nvml->lab, path, reterr);
	if (r < 0)
		return r;
	status = nvml->api.nvmlInit_v2();
	if (status != NVML_SUCCESS) {
		/* NVML has only a number for it; the lab's own file says what is wrong. */
		r = lab_explain(nvml->lab_dir, reterr);
		if (r == 0) {
			r = mig_fail(reterr, -EIO, "the lab in %s cannot be used: %s",
				     nvml->lab_dir, nvml->api.nvmlErrorString(status));
			reterr->nvml = (int)status;
			snprintf(nvml->status_text, sizeof(nvml->status_text), "%s",
				 nvml->api.nvmlErrorString(status));
		}
		return r;
	}
	in_use = nvml->lab->lab_dir();
	if (!in_use || strcmp(in_use, nvml->lab_dir) != 0) {
		nvml->api.nvmlShutdown();
		return mig_fail(reterr, -ENOEXEC, "%s opened the lab %s instead of %s", path,
				in_use ? in_use : "(none)", nvml->lab_dir);
	}
	return 0;
}

static int open_driver(struct cli_nvml *nvml, struct mig_error *reterr)
{
	static const char ways[] =
		"choose a lab ('migctl lab use NAME', 'migctl lab shell NAME' or "
		"MIGKIT_LAB; 'migctl lab create' makes one), or install and "
		"load the NVIDIA driver";
	nvmlReturn_t status;
	int r;

	r = nvml_api_open(&nvml->api, NULL, reterr);
	if (r == -ENOENT) {
		r = mig_fail(reterr, -ENOTCONN,
			     "no lab is chosen and there is no NVIDIA driver (libnvidia-ml.so.1 "
			     "cannot be loaded): %s",
			     ways);
		reterr->nvml = NVML_ERROR_LIBRARY_NOT_FOUND;
		return r;
	}
	if (r < 0)
		return r;
	/* Our library without a lab has no GPUs to offer: the real ones are not behind it. */
	if (own_table(&nvml->api))
		return mig_fail(reterr, -ENOTCONN,
				"no lab is chosen, but LD_LIBRARY_PATH leads to migkit's simulated "
				"library: %s",
				ways);
	status = nvml->api.nvmlInit_v2();
	if (status == NVML_SUCCESS)
		return 0;
	if (status == NVML_ERROR_DRIVER_NOT_LOADED)
		r = mig_fail(reterr, -ENOTCONN,
			     "no lab is chosen and the NVIDIA driver is not loaded: %s", ways);
	else
		r = mig_fail(reterr, -EIO, "no lab is chosen and the NVIDIA driver says: %s",
			     nvml->api.nvmlErrorString(status));
	reterr->nvml = (int)status;
	return r;
}

int cli_nvml_open(struct cli_nvml *nvml, struct mig_error *reterr)
{
	int r;

	memset(nvml, 0, sizeof(*nvml));
	r = cli_lab_chosen(nvml->lab_dir, reterr);
	if (r < 0)
		return r;
	if (r == 0)
		nvml->lab_dir[0] = '\0';
	r = r ? open_lab(nvml, reterr) : open_driver(nvml, reterr);
	if (r < 0) {
		nvml_api_close(&nvml->api);
		nvml->lab = NULL;
	}
	return r;
}

void cli_nvml_close(struct cli_nvml *nvml)
{
	if (nvml->api.dl)
		nvml->api.nvmlShutdown();
	nvml_api_close(&nvml->api);
	nvml->lab = NULL;
}
