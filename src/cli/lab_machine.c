/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/cmd.h"
#include "cli/lab_machine.h"
#include "cli/nearest.h"
#include "cli/out.h"
#include "spec/machine_yaml.h"

/* Machines that a lab can be made as, and the list of them. */

_Static_assert((int)MIG_NVLINK_NONE == (int)LAB_NVLINK_NONE &&
		       (int)MIG_NVLINK_SWITCH == (int)LAB_NVLINK_SWITCH &&
		       (int)MIG_NVLINK_PAIRS == (int)LAB_NVLINK_PAIRS,
	       "a machine's links are copied into the lab by number");
_Static_assert(MIG_MACHINE_GPUS == LAB_MAX_GPUS && MIG_MACHINE_NODES == LAB_MAX_NODES &&
		       MIG_MACHINE_CPU_WORDS == LAB_CPU_WORDS,
	       "a machine fits into a lab");

int cli_machine_get(const char *word, struct mig_machine *ret, struct mig_error *reterr)
{
	const struct mig_machine *m;
	struct cli_nearest near;

	if (cli_is_yaml_file(word))
		return spec_machine_load(word, ret, reterr);
	m = mig_machine_find(word);
	if (m) {
		*ret = *m;
		return 0;
	}
	cli_nearest_begin(&near, word, strlen(word));
	for (unsigned i = 0; (m = mig_machine_at(i)); i++)
		cli_nearest_add(&near, m->key);
	if (cli_nearest_get(&near))
		return mig_fail(reterr, -EINVAL, "there is no machine '%s': did you mean '%s'?",
				word, cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL,
			"there is no machine '%s': 'migctl lab machines' lists them; a machine's "
			"file has a name that ends in .yaml",
			word);
}

static uint32_t cpus_of(const struct mig_machine *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_nodes; i++)
		for (unsigned w = 0; w < MIG_MACHINE_CPU_WORDS; w++)
			n += (uint32_t)__builtin_popcountll(m->cpus[i][w]);
	return n;
}

void cli_machine_place(const struct mig_machine *m, struct lab_spec *spec)
{
	struct lab_machine *to = &spec->machine;

	memcpy(to->name, m->key, sizeof(to->name));
	to->n_nodes = m->n_nodes;
	to->nodes_per_socket = m->nodes_per_socket;
	to->nvlink = m->nvlink;
	to->nvlinks = m->nvlinks;
	to->n_cpus = cpus_of(m);
	for (uint32_t i = 0; i < m->n_nodes; i++)
		memcpy(to->node[i].cpus, m->cpus[i], sizeof(to->node[i].cpus));
	for (uint32_t i = 0; i < m->n_gpus; i++) {
		struct lab_gpu_spec *gpu = &spec->gpu[i];

		gpu->has_bus_id = 1;
		gpu->pci_domain = m->gpu[i].bus_id.domain;
		gpu->pci_bus = m->gpu[i].bus_id.bus;
		gpu->pci_device = m->gpu[i].bus_id.device;
		gpu->numa_node = m->gpu[i].node;
		gpu->pcie_switch = m->gpu[i].pcie_switch;
	}
}

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_machines_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct row {
	const char *key, *title, *nvlink;
	uint32_t gpus, cpus, nodes, links;
	char boards[64];
	char unconfirmed[128];
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "key", "MACHINE", F_PTR, R(key) },
	{ "gpus", "GPUS", F_U32, R(gpus) },
	{ "boards", "BOARD", F_STR, R(boards) },
	{ "cpus", "CPUS", F_U32, R(cpus) },
	{ "numa_nodes", "NODES", F_U32, R(nodes) },
	{ "nvlink", "NVLINK", F_PTR, R(nvlink) },
	{ "nvlinks_per_gpu", "LINKS", F_U32, R(links) },
	{ "unconfirmed", "UNCONFIRMED", F_STR, R(unconfirmed) },
	{ "title", "WHAT", F_PTR, R(title) },
	{ NULL },
};
#undef R

static void append(char *buf, size_t size, const char *word)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s", n ? ", " : "", word);
}

static void fill_row(const struct mig_machine *m, struct row *row)
{
	static const char *const kinds[] = { "none", "switch", "pairs" };

	*row = (struct row){ .key = m->key,
			     .title = m->title,
			     .nvlink = kinds[m->nvlink],
			     .gpus = m->n_gpus,
			     .cpus = cpus_of(m),
			     .nodes = m->n_nodes,
			     .links = m->nvlinks };
	for (uint32_t i = 0; i < m->n_gpus; i++)
		if (!i || strcmp(m->gpu[i].board, m->gpu[i - 1].board) != 0)
			append(row->boards, sizeof(row->boards), m->gpu[i].board);
	for (enum mig_machine_part p = 0; p < MIG_MACHINE_PART_MAX; p++)
		if (m->part[p] & MIG_DEF_UNCONFIRMED)
			append(row->unconfirmed, sizeof(row->unconfirmed),
			       mig_machine_part_name(p));
}

int cmd_lab_machines(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct row rows[32];
	struct args a = { 0 };
	unsigned n = 0;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	for (; n < ARRAY_SIZE(rows) && mig_machine_at(n); n++)
		fill_row(mig_machine_at(n), &rows[n]);
	r = cli_out_list(out, "machines", NULL, NULL, fields, rows, n, sizeof(rows[0]));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
