/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/summary.h"

#include "base/util.h"

bool summary_mig_enabled(struct smi *smi, const struct smi_gpu *gpu)
{
	unsigned int current = 0, pending = 0;

	return !smi->api->nvmlDeviceGetMigMode(gpu->dev, &current, &pending) &&
	       current == NVML_DEVICE_MIG_ENABLE;
}

static void head(struct smi *smi)
{
	struct smi_cells c;
	int cuda = 0;
	nvmlReturn_t r;
	char when[64];
	struct tm tm;
	time_t t;

	t = smi->env->now ? smi->env->now(smi->env->now_arg) : time(NULL);
	localtime_r(&t, &tm);
	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	fprintf(smi->out, "%-31s\n", when);

	r = smi->api->nvmlSystemGetCudaDriverVersion_v2(&cuda);
	snprintf(c.text[0], SMI_CELL, "%s", smi->driver);
	snprintf(c.text[1], SMI_CELL, "%s", smi->driver);
	if (r)
		snprintf(c.text[2], SMI_CELL, "%s", summary_error(r));
	else
		snprintf(c.text[2], SMI_CELL, "%d.%d", cuda / 1000, cuda % 1000 / 10);
	smi_row(smi->out, smi->d->summary->head, &c);
}

int smi_summary(struct smi *smi, const char *ids)
{
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	bool any_mig = false;
	unsigned int i;
	int code = smi_select(smi, ids, &gpus);

	if (code)
		return code;
	head(smi);
	for (i = 0; i < gpus.n; i++) {
		summary_gpu(smi, &gpus.gpu[i]);
		any_mig |= summary_mig_enabled(smi, &gpus.gpu[i]);
	}
	if (any_mig)
		summary_mig_devices(smi, &gpus);
	summary_processes(smi, &gpus);
	return 0;
}
