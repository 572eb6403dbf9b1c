/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status_rows.h"

#include <stdio.h>

#include "base/util.h"

#define R(f) offsetof(struct status_gpu_row, f)
const struct cli_field status_gpu_fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "name", "NAME", F_STR, R(name) },
	{ "uuid", NULL, F_STR, R(uuid) },
	{ "bus_id", "BUS ID", F_STR, R(bus_id) },
	{ "serial", NULL, F_STR, R(serial) },
	{ "status", "STATUS", F_STATUS, R(status) },
	{ "failed_call", "CALL", F_STR, R(failed_call) },
	{ "mig_capable", NULL, F_BOOL, R(mig_capable) },
	{ "mig_current", NULL, F_PTR, R(mig) },
	{ "mig_pending", NULL, F_PTR, R(pending) },
	{ "pending_reason", NULL, F_PTR, R(pending_reason) },
	{ "memory_used_bytes", NULL, F_READING_MIB, R(used) },
	{ "memory_total_bytes", NULL, F_READING_MIB, R(total) },
	{ "memory_status", NULL, F_STATUS, R(used.status) },
	{ "instances_status", NULL, F_STATUS, R(instances_status) },
	{ "instances", NULL, F_INT, R(instances) },
	{ "instances_without_ci", NULL, F_INT, R(without_ci) },
	{ "compute_slices", NULL, F_INT, R(slices) },
	{ "compute_slices_free", NULL, F_INT, R(slices_free) },
	{ "placement_units", NULL, F_INT, R(units) },
	{ "placement_units_free", NULL, F_INT, R(units_free) },
	{ "placement_units_unusable", NULL, F_INT, R(units_unusable) },
	{ "largest_profile", NULL, F_PTR, R(largest) },
	{ "largest_profile_rearranged", NULL, F_PTR, R(largest_best) },
	{ "layouts_reachable", NULL, F_INT, R(room) },
	{ "layouts_reachable_rearranged", NULL, F_INT, R(room_best) },
	{ "fragmented", NULL, F_MAYBE, R(fragmented) },
	{ NULL },
};
#undef R

static const char *mode_name(uint8_t mode)
{
	return mode == MIG_MODE_ON ? "on" : "off";
}

static const char *profile_name(const struct mig_gpu *gpu, int profile)
{
	return profile >= 0 && (uint32_t)profile < gpu->board.n_gi ? gpu->board.gi[profile].name
								   : NULL;
}

static int bits(uint64_t mask)
{
	return __builtin_popcountll(mask);
}

static void put_measure(const struct mig_gpu *gpu, const struct mig_plan_measure *m,
			struct status_gpu_row *row)
{
	row->slices = (int32_t)m->slices;
	row->slices_free = (int32_t)m->slices_free;
	row->units = (int32_t)m->units;
	row->units_free = (int32_t)m->units_free;
	row->units_unusable = bits(m->dead_mask);
	row->largest = profile_name(gpu, m->largest);
	row->largest_best = profile_name(gpu, m->largest_best);
	row->room = (int32_t)m->room;
	row->room_best = (int32_t)m->room_best;
	row->fragmented = m->room < m->room_best || m->largest != m->largest_best;
}

void status_gpu_row(const struct mig_gpu *gpu, const struct cli_gpu_full *full,
		    struct status_gpu_row *row)
{
	*row = (struct status_gpu_row){
		.gpu = gpu->index,
		.status = gpu->status,
		.mig_capable = gpu->mig_capable,
		.used = gpu->memory_used,
		.total = gpu->memory_total,
		.instances_status = gpu->gi_status,
		.slices = CLI_NONE,
		.slices_free = CLI_NONE,
		.units = CLI_NONE,
		.units_free = CLI_NONE,
		.units_unusable = CLI_NONE,
		.room = CLI_NONE,
		.room_best = CLI_NONE,
		.fragmented = CLI_NONE,
		.instances = CLI_NONE,
		.without_ci = CLI_NONE,
	};
	snprintf(row->name, sizeof(row->name), "%s", gpu->name);
	snprintf(row->uuid, sizeof(row->uuid), "%s", gpu->uuid);
	snprintf(row->bus_id, sizeof(row->bus_id), "%s", gpu->bus_id);
	snprintf(row->serial, sizeof(row->serial), "%s", gpu->serial);
	snprintf(row->failed_call, sizeof(row->failed_call), "%s", gpu->failed_call);
	if (gpu->status || !gpu->mig_capable)
		return;
	row->mig = mode_name(gpu->mode);
	row->pending = mode_name(gpu->pending);
	if (gpu->mode != gpu->pending)
		row->pending_reason = "a change of the mode takes effect at a reset of the GPU";
	/* Without permission only instances with a MIG device are seen: no count of all. */
	if (!gpu->gi_status) {
		row->instances = (int32_t)gpu->n_gi;
		row->without_ci = 0;
		for (unsigned i = 0; i < gpu->n_gi; i++)
			if (gpu->gi[i].ci_status)
				row->without_ci = CLI_NONE;
			else if (row->without_ci != CLI_NONE)
				row->without_ci += !gpu->gi[i].n_ci;
	}
	if (full)
		put_measure(gpu, &full->measure, row);
}

#define R(f) offsetof(struct status_instance_row, f)
const struct cli_field status_instance_fields[] = {
	{ "name", "NAME", F_PTR, R(name), CLI_FILLED },
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "gi", "GI", F_U32, R(gi) },
	{ "profile", "PROFILE", F_PTR, R(profile) },
	{ "profile_id", NULL, F_INT, R(profile_id) },
	{ "start", "START", F_INT, R(start), CLI_DROP },
	{ "size", "SIZE", F_INT, R(size), CLI_DROP },
	{ "ci", "CI", F_INT, R(ci) },
	{ "ci_profile", "CI PROFILE", F_PTR, R(ci_profile) },
	{ "ci_start", NULL, F_INT, R(ci_start) },
	{ "ci_size", NULL, F_INT, R(ci_size) },
	{ "mig_device", "DEV", F_INT, R(device), CLI_DROP },
	{ "sm", "SM", F_READING, R(sm), CLI_DROP },
	{ "memory_used_bytes", "USED", F_READING_MIB, R(used) },
	{ "memory_total_bytes", "MEMORY", F_READING_MIB, R(total), CLI_DROP },
	{ "memory_status", NULL, F_STATUS, R(used.status) },
	{ "compute_instances_status", NULL, F_STATUS, R(status) },
	{ "processes", "PROCS", F_INT, R(processes), CLI_DROP },
	{ "uuid", "UUID", F_STR, R(uuid) },
	{ NULL },
};
#undef R

static int32_t known(uint8_t start)
{
	return start == MIG_START_UNKNOWN ? CLI_NONE : start;
}

static int32_t processes_on(const struct mig_snapshot *s, const struct mig_gpu *gpu, int gi, int ci)
{
	int32_t n = 0;

	if (gpu->process_status)
		return CLI_NONE;
	for (uint32_t i = 0; i < s->n_process; i++)
		n += s->process[i].gpu == gpu->index && s->process[i].gi == gi &&
		     s->process[i].ci == ci && cli_process_runs(&s->process[i]);
	return n;
}

static void put_ci(const struct mig_snapshot *s, const struct mig_gpu *gpu, const struct mig_gi *gi,
		   const struct mig_ci *ci, struct status_instance_row *row)
{
	row->ci = ci->id;
	row->ci_profile = ci->name;
	row->ci_start = known(ci->start);
	row->ci_size = ci->start == MIG_START_UNKNOWN ? CLI_NONE : ci->size;
	row->device = ci->mig_index < 0 ? CLI_NONE : ci->mig_index;
	row->sm = ci->sm;
	row->used = ci->memory_used;
	row->total = ci->memory_total;
	row->processes = processes_on(s, gpu, gi->id, ci->id);
	snprintf(row->uuid, sizeof(row->uuid), "%s", ci->uuid);
}

static size_t gi_rows(const struct mig_snapshot *s, const struct mig_gpu *gpu,
		      const struct mig_gi *gi, const struct engine_names *names,
		      struct status_instance_row *rows)
{
	const struct mig_reading not_asked = { .status = MIG_NOT_ASKED };
	struct status_instance_row base = {
		.name = names ? cli_name_of_gi(names, gpu, gi) : NULL,
		.gpu = gpu->index,
		.gi = gi->id,
		.profile = profile_name(gpu, gi->profile),
		.profile_id = CLI_NONE,
		.start = known(gi->start),
		.size = gi->start == MIG_START_UNKNOWN ? CLI_NONE : gi->size,
		.ci = CLI_NONE,
		.ci_start = CLI_NONE,
		.ci_size = CLI_NONE,
		.device = CLI_NONE,
		.status = gi->ci_status,
		.processes = CLI_NONE,
		.used = not_asked,
		.total = not_asked,
		.sm = not_asked,
	};

	if (gi->profile < gpu->board.n_gi)
		base.profile_id = gpu->board.gi[gi->profile].id;
	for (unsigned i = 0; i < gi->n_ci; i++) {
		rows[i] = base;
		put_ci(s, gpu, gi, &gi->ci[i], &rows[i]);
	}
	if (!gi->n_ci)
		rows[0] = base;
	return gi->n_ci ? gi->n_ci : 1;
}

size_t status_instances_max(const struct mig_snapshot *snapshot)
{
	return (size_t)snapshot->n_gpu * MIG_MAX_GI * MIG_MAX_CI;
}

size_t status_instance_rows(const struct mig_snapshot *snapshot, const struct engine_names *names,
			    struct status_instance_row *rows)
{
	size_t n = 0;

	for (uint32_t g = 0; g < snapshot->n_gpu; g++)
		for (uint32_t i = 0; i < snapshot->gpu[g].n_gi; i++)
			n += gi_rows(snapshot, &snapshot->gpu[g], &snapshot->gpu[g].gi[i], names,
				     rows + n);
	return n;
}

#define R(f) offsetof(struct status_process_row, f)
const struct cli_field status_process_fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "gi", "GI", F_INT, R(gi) },
	{ "ci", "CI", F_INT, R(ci) },
	{ "pid", "PID", F_U32, R(pid) },
	{ "kind", "KIND", F_PTR, R(kind) },
	{ "memory_used_bytes", "USED", F_READING_MIB, R(used) },
	{ "memory_status", NULL, F_STATUS, R(used.status) },
	{ "name", "PROCESS", F_STR, R(name), CLI_WRAP },
	{ NULL },
};
#undef R

static const char *kind_name(uint32_t kind)
{
	if (kind & MIG_PROCESS_MPS)
		return "mps";
	if ((kind & MIG_PROCESS_COMPUTE) && (kind & MIG_PROCESS_GRAPHICS))
		return "compute+graphics";
	if (kind & MIG_PROCESS_GRAPHICS)
		return "graphics";
	return kind & MIG_PROCESS_COMPUTE ? "compute" : NULL;
}

size_t status_process_rows(const struct mig_snapshot *snapshot, struct status_process_row *rows)
{
	size_t n = 0;

	for (uint32_t i = 0; i < snapshot->n_process; i++) {
		const struct mig_process *p = &snapshot->process[i];

		/* Who has nothing but files open is the business of "migctl who". */
		if (!kind_name(p->kind) || p->gpu == MIG_NO_GPU)
			continue;
		rows[n] = (struct status_process_row){
			.gpu = p->gpu,
			.pid = p->pid,
			.gi = p->gi < 0 ? CLI_NONE : p->gi,
			.ci = p->ci < 0 ? CLI_NONE : p->ci,
			.kind = kind_name(p->kind),
			.used = p->memory,
		};
		snprintf(rows[n].name, sizeof(rows[n].name), "%s", p->name);
		n++;
	}
	return n;
}
