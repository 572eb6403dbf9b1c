/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "nvml/nvml_abi.h"

/* Which instances there are, by the numbers that device files have. */

bool doctor_is_sure(const struct mig_gpu *gpu)
{
	/* Who may not manage the GPU is told its MIG devices all the same. */
	return !gpu->status && gpu->minor >= 0 &&
	       (!gpu->gi_status || gpu->gi_status == NVML_ERROR_NO_PERMISSION);
}

bool doctor_all_sure(const struct doctor *d)
{
	for (uint32_t i = 0; i < d->s->n_gpu; i++)
		if (!doctor_is_sure(&d->s->gpu[i]))
			return false;
	return true;
}

const struct mig_gpu *doctor_gpu_of_minor(const struct doctor *d, int minor)
{
	for (uint32_t i = 0; i < d->s->n_gpu; i++)
		if (minor >= 0 && d->s->gpu[i].minor == minor)
			return &d->s->gpu[i];
	return NULL;
}

const struct mig_gi *doctor_gi_of(const struct mig_gpu *gpu, int gi)
{
	for (uint32_t i = 0; i < gpu->n_gi; i++)
		if (gpu->gi[i].id == gi)
			return &gpu->gi[i];
	return NULL;
}

const struct mig_ci *doctor_ci_of(const struct mig_gi *gi, int ci)
{
	for (unsigned i = 0; i < gi->n_ci; i++)
		if (gi->ci[i].id == ci)
			return &gi->ci[i];
	return NULL;
}

const struct cli_capability *doctor_capability(const struct doctor *d, int minor)
{
	for (size_t i = 0; i < d->caps.n; i++)
		if (d->caps.v[i].minor == minor)
			return &d->caps.v[i];
	return NULL;
}

int doctor_minor_of(const struct doctor *d, const struct mig_gpu *gpu, int gi, int ci)
{
	for (size_t i = 0; i < d->caps.n; i++) {
		const struct cli_capability *c = &d->caps.v[i];

		if (c->gpu == gpu->minor && c->gi == gi && c->ci == ci)
			return c->minor;
	}
	return -1;
}

bool doctor_is_there(const struct doctor *d, const struct cli_capability *cap)
{
	const struct mig_gpu *gpu = doctor_gpu_of_minor(d, cap->gpu);
	const struct mig_gi *gi;

	if (!gpu)
		return !doctor_all_sure(d);
	if (!doctor_is_sure(gpu))
		return true;
	gi = doctor_gi_of(gpu, cap->gi);
	/* A GPU instance without MIG device is one that this user is not told of. */
	if (!gi)
		return cap->ci < 0 && gpu->gi_status;
	return cap->ci < 0 || gi->ci_status || doctor_ci_of(gi, cap->ci);
}

int doctor_node_minor(const char *path, bool *ret_gpu)
{
	static const char cap[] = "/dev/nvidia-caps/nvidia-cap", gpu[] = "/dev/nvidia";
	const char *at = strstr(path, cap), *digits;
	unsigned long n;
	char *end;

	*ret_gpu = !at;
	if (!at)
		at = strstr(path, gpu);
	if (!at)
		return -1;
	digits = at + (*ret_gpu ? strlen(gpu) : strlen(cap));
	if (*digits < '0' || *digits > '9')
		return -1;
	n = strtoul(digits, &end, 10);
	return *end || n > 65535 ? -1 : (int)n;
}
