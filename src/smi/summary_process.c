/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "smi/process.h"
#include "smi/summary.h"

static const char *type_name(unsigned int types)
{
	static const char *const names[] = {
		[PROCESS_COMPUTE] = "C",
		[PROCESS_GRAPHICS] = "G",
		[PROCESS_COMPUTE | PROCESS_GRAPHICS] = "C+G",
		[PROCESS_MPS | PROCESS_COMPUTE] = "M+C",
		[PROCESS_MPS | PROCESS_GRAPHICS] = "M+G",
		[PROCESS_MPS | PROCESS_COMPUTE | PROCESS_GRAPHICS] = "M+C+G",
	};

	return types < ARRAY_SIZE(names) && names[types] ? names[types] : "M";
}

/* Instance ids keep a column free on their right, where "N/A" does not. */
static void instance(char *cell, unsigned int id)
{
	if (id == UINT_MAX)
		snprintf(cell, SMI_CELL, "N/A");
	else
		snprintf(cell, SMI_CELL, "%u ", id);
}

static void process_row(struct smi *smi, const struct process *p)
{
	char name[PROCESS_NAME] = "N/A";
	struct smi_cells c;
	size_t len, max = smi->d->summary->process_name;

	process_name(smi, p, name);
	len = strlen(name);
	snprintf(c.text[0], SMI_CELL, "%u", p->gpu);
	instance(c.text[1], p->gi);
	instance(c.text[2], p->ci);
	snprintf(c.text[3], SMI_CELL, "%d", (int)p->pid);
	snprintf(c.text[4], SMI_CELL, "%s", type_name(p->types));
	if (len > max) /* the end of a path tells more than its beginning */
		snprintf(c.text[5], SMI_CELL, "...%.100s", name + len - (max - 3));
	else
		snprintf(c.text[5], SMI_CELL, "%.100s", name);
	if (p->memory == ULLONG_MAX)
		snprintf(c.text[6], SMI_CELL, "N/A     ");
	else
		snprintf(c.text[6], SMI_CELL, "%lluMiB", smi_mib(smi, p->memory));
	smi_row(smi->out, smi->d->summary->process, &c);
}

static int by_pid(const void *a, const void *b)
{
	int x = (int)((const struct process *)a)->pid, y = (int)((const struct process *)b)->pid;

	return x < y ? -1 : x > y;
}

/* One GPU or MIG device: processes known to MPS alone are not shown. */
static unsigned int rows_of(struct smi *smi, nvmlDevice_t dev, unsigned int gpu)
{
	_cleanup_(processes_free) struct processes all = { 0 };
	unsigned int i, shown = 0;

	processes_add(smi, dev, gpu, PROCESS_MPS | PROCESS_COMPUTE | PROCESS_GRAPHICS, &all);
	if (all.n)
		qsort(all.p, all.n, sizeof(all.p[0]), by_pid);
	for (i = 0; i < all.n; i++) {
		if (all.p[i].types == PROCESS_MPS)
			continue;
		process_row(smi, &all.p[i]);
		shown++;
	}
	return shown;
}

void summary_processes(struct smi *smi, const struct smi_gpus *gpus)
{
	unsigned int i, k, shown = 0;

	fputs(smi->d->summary->process_head, smi->out);
	for (i = 0; i < gpus->n; i++) {
		const struct smi_gpu *gpu = &gpus->gpu[i];
		unsigned int max = 0;
		nvmlDevice_t dev;

		if (!summary_mig_enabled(smi, gpu)) {
			shown += rows_of(smi, gpu->dev, gpu->index);
			continue;
		}
		smi->api->nvmlDeviceGetMaxMigDeviceCount(gpu->dev, &max);
		for (k = 0; k < max; k++)
			if (!smi->api->nvmlDeviceGetMigDeviceHandleByIndex(gpu->dev, k, &dev))
				shown += rows_of(smi, dev, gpu->index);
	}
	if (!shown)
		fputs(smi->d->summary->process_none, smi->out);
	fputs(smi->d->summary->process_line, smi->out);
}
