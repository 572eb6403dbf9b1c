/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_fault.h"
#include "cli/lab_inject.h"
#include "cli/lab_latency.h"
#include "cli/lab_open.h"
#include "cli/out.h"
#include "lab/lab.h"

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_status_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct gpu_row {
	const char *board, *name, *mig, *mig_pending, *persistence, *numbering;
	uint64_t memory_used, memory_total;
	uint32_t index;
	int32_t temperature, power_mw, utilization, fan; /* what "lab set" fixed */
	char uuid[48], bus_id[24], serial[16];
	bool in_use, lost;
};

#define R(f) offsetof(struct gpu_row, f)
static const struct cli_field gpu_fields[] = {
	{ "gpu", "GPU", F_U32, R(index) },
	{ "board", "BOARD", F_PTR, R(board) },
	{ "bus_id", "BUS ID", F_STR, R(bus_id) },
	{ "mig_current", "MIG", F_PTR, R(mig) },
	{ "mig_pending", "PENDING", F_PTR, R(mig_pending) },
	{ "persistence", "PERSISTENCE", F_PTR, R(persistence) },
	{ "in_use", "IN USE", F_BOOL, R(in_use) },
	{ "memory_used_bytes", "USED", F_MIB, R(memory_used) },
	{ "memory_total_bytes", "MEMORY", F_MIB, R(memory_total) },
	{ "numbering", NULL, F_PTR, R(numbering) },
	{ "lost", NULL, F_BOOL, R(lost) },
	{ "name", NULL, F_PTR, R(name) },
	{ "uuid", "UUID", F_STR, R(uuid) },
	{ "serial", NULL, F_STR, R(serial) },
	{ "set_temperature_c", NULL, F_INT, R(temperature) },
	{ "set_power_mw", NULL, F_INT, R(power_mw) },
	{ "set_utilization_percent", NULL, F_INT, R(utilization) },
	{ "set_fan_percent", NULL, F_INT, R(fan) },
	{ NULL },
};
#undef R

/* A GPU instance without compute instances is one row, with ci -1. */
struct instance_row {
	uint32_t gpu, gi, start, size;
	int32_t ci;
	const char *profile, *ci_profile;
	char uuid[48];
	uint64_t memory_used;
};

#define R(f) offsetof(struct instance_row, f)
static const struct cli_field instance_fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "gi", "GI", F_U32, R(gi) },
	{ "profile", "PROFILE", F_PTR, R(profile) },
	{ "start", "START", F_U32, R(start) },
	{ "size", "SIZE", F_U32, R(size) },
	{ "memory_used_bytes", "USED", F_MIB, R(memory_used) },
	{ "ci", "CI", F_INT, R(ci) },
	{ "ci_profile", "CI PROFILE", F_PTR, R(ci_profile) },
	{ "uuid", "UUID", F_STR, R(uuid) },
	{ NULL },
};
#undef R

static int32_t reading(int32_t value)
{
	return value == LAB_AUTO ? CLI_NONE : value;
}

static void gpu_row(const struct lab *lab, const struct lab_gpu *gpu, unsigned i,
		    struct gpu_row *row)
{
	static const char *const numberings[] = { "I", "X", "quarter" };
	const struct mig_board *b = lab_board(lab, gpu);
	const char *modes[] = { lab_has_mig_mode(b, gpu) ? "off" : NULL, "on" };

	*row = (struct gpu_row){
		.index = i,
		.board = b->key,
		.name = b->name,
		.mig = modes[gpu->mig_current != 0],
		.mig_pending =
			gpu->mig_pending == gpu->mig_current ? NULL : modes[gpu->mig_pending != 0],
		.persistence = gpu->persistence ? "on" : "off",
		.numbering =
			gpu->numbering < ARRAY_SIZE(numberings) ? numberings[gpu->numbering] : NULL,
		.in_use = lab_gpu_in_use(lab, i),
		.lost = gpu->lost,
		.memory_used = lab_memory_used(lab, i, -1),
		.memory_total = (uint64_t)b->memory_total_mib << 20,
		.temperature = reading(gpu->set.temperature_c),
		.power_mw = reading(gpu->set.power_mw),
		.utilization = reading(gpu->set.utilization_gpu),
		.fan = reading(gpu->set.fan_percent),
	};
	snprintf(row->bus_id, sizeof(row->bus_id), "%08X:%02X:%02X.0", gpu->pci_domain,
		 gpu->pci_bus, gpu->pci_device);
	snprintf(row->uuid, sizeof(row->uuid), "%s", gpu->uuid);
	snprintf(row->serial, sizeof(row->serial), "%s", gpu->serial);
}

static size_t gi_rows(const struct lab *lab, const struct lab_gpu *gpu, unsigned index,
		      const struct lab_gi *gi, struct instance_row *rows)
{
	const struct mig_gi_profile *p = &lab_board(lab, gpu)->gi[gi->profile];
	const struct instance_row base = { .gpu = index,
					   .gi = gi->id,
					   .start = gi->start,
					   .size = gi->size,
					   .ci = CLI_NONE,
					   .profile = p->name,
					   .memory_used = lab_memory_used(lab, index, gi->id) };
	size_t n = 0;

	for (unsigned id = 0; id < MIG_MAX_CI; id++) {
		for (unsigned c = 0; c < MIG_MAX_CI; c++) {
			const struct lab_ci *ci = &gi->ci[c];

			if (!ci->used || ci->id != id)
				continue;
			rows[n] = base;
			rows[n].ci = ci->id;
			rows[n].ci_profile = p->ci[ci->profile].name;
			lab_mig_uuid(gpu, gi, ci->start, rows[n].uuid);
			n++;
		}
	}
	if (!n)
		rows[n++] = base;
	return n;
}

static size_t instance_rows(const struct lab *lab, const struct lab_state *st,
			    struct instance_row *rows)
{
	size_t n = 0;

	for (unsigned i = 0; i < st->n_gpus; i++) {
		uint8_t at[MIG_MAX_GI];
		unsigned n_gi = lab_gis_of(&st->gpu[i], -1, at);

		for (unsigned g = 0; g < n_gi; g++)
			n += gi_rows(lab, &st->gpu[i], i, &st->gpu[i].gi[at[g]], rows + n);
	}
	return n;
}

static int print(const struct lab *lab, const char *dir, const struct lab_state *st,
		 struct cli_out *out, struct mig_error *reterr)
{
	struct gpu_row gpus[LAB_MAX_GPUS];
	_cleanup_free_ struct instance_row *rows =
		calloc((size_t)LAB_MAX_GPUS * MIG_MAX_GI * MIG_MAX_CI, sizeof(*rows));
	const struct lab_const *con = lab_const(lab);
	size_t n;
	int r;

	if (!rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < st->n_gpus; i++)
		gpu_row(lab, &st->gpu[i], i, &gpus[i]);
	n = instance_rows(lab, st, rows);
	r = cli_out_str(out, "name", "Lab:", con->name);
	if (r >= 0)
		r = cli_out_str(out, "path", "Folder:", dir);
	if (r >= 0)
		r = cli_out_str(out, "driver", "Driver:", con->driver_version);
	if (r >= 0)
		r = cli_out_str(out, "permissions",
				"Changes:", con->permissions_real ? "root" : "owner");
	if (r >= 0)
		r = lab_latency_line(lab, out);
	if (r >= 0)
		r = cli_out_list(out, "gpus", NULL, NULL, gpu_fields, gpus, st->n_gpus,
				 sizeof(gpus[0]));
	if (r >= 0)
		r = cli_out_list(out, "instances", "Instances", NULL, instance_fields, rows, n,
				 sizeof(*rows));
	if (r >= 0)
		r = lab_client_list(lab, st, out, NULL);
	if (r >= 0)
		r = lab_condition_list(st, out);
	if (r >= 0)
		r = lab_event_list(st, out);
	if (r >= 0)
		r = lab_fault_list(lab, out, "Faults", NULL);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the lab: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

int cmd_lab_status(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct args a = { 0 };
	struct lab_state st;
	char dir[PATH_MAX];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_lab_which(argv[0], dir, reterr);
	if (r >= 0)
		r = lab_open(dir, 0, &lab, reterr);
	if (r < 0)
		return r;
	r = lab_read_state(lab, &st);
	if (r < 0)
		return mig_fail(reterr, r, "the lab was destroyed or rebooted meanwhile");
	r = cli_out_new(a.format, &out, reterr);
	if (r >= 0)
		r = print(lab, dir, &st, out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
