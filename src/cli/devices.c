/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/capability.h"
#include "cli/cmd.h"
#include "cli/names.h"
#include "cli/source.h"
#include "observe/observe.h"

/*
 * "migctl devices": what CUDA can be given: each MIG device, where it lies, which files a container
 * needs for it, and the line that gives it to a program.
 */

struct args {
	struct cli_source_args source;
};

const struct cli_opt devices_opts[] = {
	CLI_SOURCE_OPTS(offsetof(struct args, source)),
	OPT_END,
};

struct device_row {
	const char *name, *profile, *ci_profile;
	struct mig_reading used, total, sm;
	uint32_t gpu, gi, ci;
	int32_t device, start, size, ci_start, ci_size;
	char uuid[64], gpu_uuid[48];
	char gi_file[40], ci_file[40], gi_access[80], ci_access[80];
};

#define R(f) offsetof(struct device_row, f)
static const struct cli_field device_fields[] = {
	{ "name", "NAME", F_PTR, R(name), CLI_FILLED },
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "mig_device", "DEV", F_INT, R(device) },
	{ "gi", "GI", F_U32, R(gi) },
	{ "ci", "CI", F_U32, R(ci) },
	{ "profile", NULL, F_PTR, R(profile) },
	{ "ci_profile", "PROFILE", F_PTR, R(ci_profile) },
	{ "start", "START", F_INT, R(start), CLI_DROP },
	{ "size", "SIZE", F_INT, R(size), CLI_DROP },
	{ "ci_start", NULL, F_INT, R(ci_start) },
	{ "ci_size", NULL, F_INT, R(ci_size) },
	{ "sm", "SM", F_READING, R(sm), CLI_DROP },
	{ "memory_used_bytes", "USED", F_READING_MIB, R(used), CLI_DROP },
	{ "memory_total_bytes", "MEMORY", F_READING_MIB, R(total) },
	{ "memory_status", NULL, F_STATUS, R(used.status) },
	{ "uuid", "UUID", F_STR, R(uuid) },
	{ "gpu_uuid", NULL, F_STR, R(gpu_uuid) },
	{ "gi_capability_file", NULL, F_STR, R(gi_file) },
	{ "ci_capability_file", NULL, F_STR, R(ci_file) },
	{ "gi_access_file", NULL, F_STR, R(gi_access) },
	{ "ci_access_file", NULL, F_STR, R(ci_access) },
	{ NULL },
};

/* The files have long names: a table of their own. */
static const struct cli_field file_fields[] = {
	{ "", "GPU", F_U32, R(gpu) },
	{ "", "DEV", F_INT, R(device) },
	{ "", "GI", F_U32, R(gi) },
	{ "", "CI", F_U32, R(ci) },
	{ "", "FILE OF THE GI", F_STR, R(gi_file), CLI_WRAP },
	{ "", "FILE OF THE CI", F_STR, R(ci_file), CLI_WRAP },
	{ NULL },
};
#undef R

static int32_t known(uint8_t start)
{
	return start == MIG_START_UNKNOWN ? CLI_NONE : start;
}

static void fill(const struct mig_gpu *gpu, const struct mig_gi *gi, const struct mig_ci *ci,
		 const struct cli_capabilities *caps, const struct engine_names *names,
		 struct device_row *row)
{
	*row = (struct device_row){
		.name = cli_name_of_gi(names, gpu, gi),
		.gpu = gpu->index,
		.gi = gi->id,
		.ci = ci->id,
		.device = ci->mig_index < 0 ? CLI_NONE : ci->mig_index,
		.ci_profile = ci->name,
		.start = known(gi->start),
		.size = gi->start == MIG_START_UNKNOWN ? CLI_NONE : gi->size,
		.ci_start = known(ci->start),
		.ci_size = ci->start == MIG_START_UNKNOWN ? CLI_NONE : ci->size,
		.used = ci->memory_used,
		.total = ci->memory_total,
		.sm = ci->sm,
	};
	if (gi->profile < gpu->board.n_gi)
		row->profile = gpu->board.gi[gi->profile].name;
	snprintf(row->uuid, sizeof(row->uuid), "%s", ci->uuid);
	snprintf(row->gpu_uuid, sizeof(row->gpu_uuid), "%s", gpu->uuid);
	cli_capability_files(caps, gpu->minor, gi->id, -1, row->gi_file, row->gi_access);
	cli_capability_files(caps, gpu->minor, gi->id, ci->id, row->ci_file, row->ci_access);
}

static size_t fill_all(const struct mig_snapshot *s, const struct cli_capabilities *caps,
		       const struct engine_names *names, struct device_row *rows)
{
	size_t n = 0;

	for (uint32_t g = 0; g < s->n_gpu; g++)
		for (uint32_t i = 0; i < s->gpu[g].n_gi; i++)
			for (unsigned c = 0; c < s->gpu[g].gi[i].n_ci; c++)
				fill(&s->gpu[g], &s->gpu[g].gi[i], &s->gpu[g].gi[i].ci[c], caps,
				     names, &rows[n++]);
	return n;
}

/* Why a GPU has none. */
static void say_gpu(struct cli_out *out, const struct mig_gpu *gpu)
{
	if (cli_source_say_nothing(out, gpu))
		return;
	if (gpu->mode != MIG_MODE_ON)
		cli_out_say(out, RENDER_PLAIN,
			    "GPU %u: MIG mode is off; CUDA has the whole GPU, %s.", gpu->index,
			    gpu->uuid);
	else if (gpu->gi_status)
		cli_out_say(out, RENDER_PLAIN, "GPU %u: only devices that this user may see (%s).",
			    gpu->index, observe_status_name(gpu->gi_status));
	for (uint32_t i = 0; i < gpu->n_gi; i++)
		if (!gpu->gi[i].n_ci && !gpu->gi[i].ci_status)
			cli_out_say(out, RENDER_HERE,
				    "GPU %u: GI %u has no compute instance, so CUDA has no device "
				    "there.",
				    gpu->index, gpu->gi[i].id);
}

static int show(struct cli_out *out, const struct mig_snapshot *s,
		const struct cli_capabilities *caps, const struct engine_names *names)
{
	_cleanup_free_ struct device_row *rows =
		calloc((size_t)s->n_gpu * MIG_MAX_GI * MIG_MAX_CI + 1, sizeof(*rows));
	size_t n;
	int r;

	if (!rows)
		return -ENOMEM;
	n = fill_all(s, caps, names, rows);
	r = cli_out_list(out, "devices", NULL, "There are no MIG devices.", device_fields, rows, n,
			 sizeof(rows[0]));
	if (r < 0 || !cli_out_is_table(out))
		return r;
	if (n && caps->n)
		r = cli_out_list(out, "files",
				 "Their files, beside nvidiactl, nvidia-uvm and nvidiaN in /dev",
				 NULL, file_fields, rows, n, sizeof(rows[0]));
	if (n)
		cli_out_gap(out);
	for (size_t i = 0; i < n && r >= 0; i++)
		if (rows[i].uuid[0])
			cli_out_say(out, RENDER_PLAIN, "CUDA_VISIBLE_DEVICES=%s", rows[i].uuid);
	for (uint32_t i = 0; i < s->n_gpu; i++)
		say_gpu(out, &s->gpu[i]);
	return r;
}

int cmd_devices(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_(cli_capabilities_done) struct cli_capabilities caps = { 0 };
	_cleanup_(engine_names_free) struct engine_names names = { 0 };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct args a = { 0 };
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r >= 0)
		r = cli_source_open(&a.source, OBSERVE_MEMORY, &source, reterr);
	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r < 0)
		return r;
	cli_names_for(&source, &names);
	/* The driver's numbers are of this machine; a recording has none of another's. */
	if (!source.snapshot->recorded)
		r = cli_capabilities_read(source.nvml.lab ? source.nvml.lab_dir : "", &caps);
	if (r >= 0)
		r = cli_source_heading(&source, out);
	if (r >= 0)
		r = show(out, source.snapshot, &caps, &names);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the devices: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
