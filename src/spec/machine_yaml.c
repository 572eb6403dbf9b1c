/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/board_reader.h"
#include "spec/machine_yaml.h"

/* A machine file from its top: machine, title, sources, cpus, nvlink, gpus. */

struct machine_reader {
	struct spec_reader rd; /* its board only collects sources and notes */
	struct mig_machine *m;
};

static bool top_key(const void *arg, const char *key)
{
	static const char *const keys[] = {
		"machine", "title", "sources", "cpus", "nvlink", "gpus"
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static bool group_key(const void *arg, const char *key)
{
	const enum mig_machine_part *parts = arg; /* first and last */

	if (strcmp(key, "source") == 0 || strcmp(key, "unconfirmed") == 0 ||
	    strcmp(key, "note") == 0)
		return true;
	for (enum mig_machine_part p = parts[0]; p <= parts[1]; p++)
		if (strcmp(mig_machine_part_name(p), key) == 0)
			return true;
	return false;
}

/* A group of the file, which must be there; its parts get its sources. */
static int open_group(struct machine_reader *r, const char *name,
		      const enum mig_machine_part parts[2], struct spec_group *ret)
{
	struct spec_reader *rd = &r->rd;
	const yaml_node_t *map = spec_get(rd->doc, spec_root(rd->doc), name);
	int res;

	if (!map)
		return spec_fail(rd->doc, spec_mark_of(spec_root(rd->doc)), rd->reterr,
				 "the machine lacks the group '%s'", name);
	res = spec_check_map(rd->doc, map, name, group_key, parts, rd->reterr);
	if (res >= 0)
		res = spec_group_open(rd, map, name, name, ret);
	for (enum mig_machine_part p = parts[0]; res >= 0 && p <= parts[1]; p++)
		r->m->part[p] = spec_group_sources(rd, ret, mig_machine_part_name(p), ret->sources);
	return res;
}

static const yaml_node_t *part_of(struct spec_reader *rd, const struct spec_group *group,
				  enum mig_machine_part part)
{
	return spec_get(rd->doc, group->map, mig_machine_part_name(part));
}

static int lacks(struct spec_reader *rd, const struct spec_group *group, enum mig_machine_part part,
		 const char *example)
{
	return spec_fail(rd->doc, spec_mark_of(group->map), rd->reterr, "%s lacks '%s: %s'",
			 group->name, mig_machine_part_name(part), example);
}

/* "0-15,128-143" into the words; false: it is no list of CPUs, or names one twice. */
static bool cpu_list(const char *text, uint64_t words[MIG_MACHINE_CPU_WORDS])
{
	while (*text) {
		unsigned long first, last;
		char *end;

		if (*text < '0' || *text > '9')
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last >= 64 * MIG_MACHINE_CPU_WORDS)
			return false;
		for (; first <= last; first++) {
			if (words[first / 64] >> first % 64 & 1)
				return false;
			words[first / 64] |= UINT64_C(1) << first % 64;
		}
		if (*end == ',' && end[1])
			end++;
		else if (*end)
			return false;
		text = end;
	}
	return true;
}

static int nodes_read(struct machine_reader *r, const struct spec_group *group)
{
	const yaml_node_t *list = part_of(&r->rd, group, MIG_MACHINE_NODES_OF), *node;
	uint64_t all[MIG_MACHINE_CPU_WORDS] = { 0 };
	const yaml_node_item_t *i;
	struct mig_machine *m = r->m;

	if (!list || list->type != YAML_SEQUENCE_NODE ||
	    list->data.sequence.items.start == list->data.sequence.items.top)
		return lacks(&r->rd, group, MIG_MACHINE_NODES_OF, "[0-15, 16-31]");
	for (i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		const char *text;
		uint64_t twice = 0;

		node = spec_node(r->rd.doc, *i);
		text = spec_scalar(node);
		if (m->n_nodes == MIG_MACHINE_NODES)
			return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
					 "more than %d NUMA nodes", MIG_MACHINE_NODES);
		if (!text || !*text || !cpu_list(text, m->cpus[m->n_nodes]))
			return spec_fail(
				r->rd.doc, spec_mark_of(node), r->rd.reterr,
				"'%.40s' is no list of CPUs such as \"0-15,128-143\", each "
				"once and below %d",
				text ?: "a list", 64 * MIG_MACHINE_CPU_WORDS);
		for (unsigned w = 0; w < MIG_MACHINE_CPU_WORDS; w++) {
			twice |= all[w] & m->cpus[m->n_nodes][w];
			all[w] |= m->cpus[m->n_nodes][w];
		}
		if (twice)
			return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
					 "a CPU of '%.40s' is on a node before it", text);
		m->n_nodes++;
	}
	return 0;
}

static int cpus_read(struct machine_reader *r)
{
	static const enum mig_machine_part parts[] = { MIG_MACHINE_NODES_OF,
						       MIG_MACHINE_PER_SOCKET };
	struct spec_group group = { 0 };
	const yaml_node_t *node;
	int64_t n;
	int res;

	res = open_group(r, "cpus", parts, &group);
	if (res >= 0)
		res = nodes_read(r, &group);
	if (res < 0)
		return res;
	node = part_of(&r->rd, &group, MIG_MACHINE_PER_SOCKET);
	if (!node)
		return lacks(&r->rd, &group, MIG_MACHINE_PER_SOCKET, "1");
	res = spec_value_read(&r->rd, node, "nodes-per-socket", MIG_KIND_UINT, 1, r->m->n_nodes,
			      &n);
	if (res < 0)
		return res;
	if (r->m->n_nodes % n)
		return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
				 "%u nodes don't divide evenly among sockets of %u", r->m->n_nodes,
				 (unsigned)n);
	r->m->nodes_per_socket = (uint32_t)n;
	return spec_group_close(&r->rd, &group);
}

static int nvlink_read(struct machine_reader *r)
{
	static const enum mig_machine_part parts[] = { MIG_MACHINE_NVLINK, MIG_MACHINE_LINKS };
	static const char *const kinds[] = {
		[MIG_NVLINK_NONE] = "none",
		[MIG_NVLINK_SWITCH] = "switch",
		[MIG_NVLINK_PAIRS] = "pairs",
	};
	struct spec_group group = { 0 };
	const yaml_node_t *node;
	const char *text;
	unsigned kind;
	int64_t links;
	int res;

	res = open_group(r, "nvlink", parts, &group);
	if (res < 0)
		return res;
	node = part_of(&r->rd, &group, MIG_MACHINE_NVLINK);
	text = node ? spec_scalar(node) : NULL;
	for (kind = 0; text && kind < ARRAY_SIZE(kinds) && strcmp(kinds[kind], text) != 0; kind++)
		;
	if (!text || kind == ARRAY_SIZE(kinds))
		return spec_fail(r->rd.doc, spec_mark_of(node ?: group.map), r->rd.reterr,
				 "nvlink has 'kind: none', 'switch' or 'pairs'");
	r->m->nvlink = kind;
	node = part_of(&r->rd, &group, MIG_MACHINE_LINKS);
	if (!node != (kind == MIG_NVLINK_NONE))
		return spec_fail(r->rd.doc, spec_mark_of(node ?: group.map), r->rd.reterr,
				 "'links: 12', the links of each GPU, belongs to 'switch' and "
				 "'pairs' alone");
	if (node) {
		/* NVML_NVLINK_MAX_LINKS is 18. */
		res = spec_value_read(&r->rd, node, "links", MIG_KIND_UINT, 1, 18, &links);
		if (res < 0)
			return res;
		r->m->nvlinks = (uint32_t)links;
	}
	return spec_group_close(&r->rd, &group);
}

/* One entry of a list of the group "gpus" for GPU n. */
static int gpu_entry(struct machine_reader *r, enum mig_machine_part part, const yaml_node_t *node,
		     unsigned n)
{
	struct mig_machine_gpu *gpu = &r->m->gpu[n];
	const char *text = spec_scalar(node);
	int64_t value;
	int res;

	switch (part) {
	case MIG_MACHINE_BOARDS:
		if (!text || !*text || strlen(text) >= sizeof(gpu->board))
			return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
					 "a board is named by its key, such as a100-40gb-sxm");
		memcpy(gpu->board, text, strlen(text) + 1);
		return 0;
	case MIG_MACHINE_BUS_IDS:
		if (!text || mig_bus_id_parse(text, &gpu->bus_id) < 0)
			return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
					 "'%.40s' is no bus id such as 00000001:00:00.0",
					 text ?: "a list");
		for (unsigned i = 0; i < n; i++)
			if (!memcmp(&r->m->gpu[i].bus_id, &gpu->bus_id, sizeof(gpu->bus_id)))
				return spec_fail(r->rd.doc, spec_mark_of(node), r->rd.reterr,
						 "two GPUs have the bus id %s", text);
		return 0;
	case MIG_MACHINE_GPU_NODES:
		res = spec_value_read(&r->rd, node, "numa", MIG_KIND_UINT, 0, r->m->n_nodes - 1,
				      &value);
		gpu->node = res < 0 ? 0 : (uint8_t)value;
		return res;
	default:
		res = spec_value_read(&r->rd, node, "pcie-switches", MIG_KIND_UINT, 0, 255, &value);
		gpu->pcie_switch = res < 0 ? 0 : (uint8_t)value;
		return res;
	}
}

/* A list with an entry for each GPU; a board that all have may stand alone. */
static int gpu_list(struct machine_reader *r, const struct spec_group *group,
		    enum mig_machine_part part)
{
	const yaml_node_t *list = part_of(&r->rd, group, part);
	const yaml_node_item_t *i;
	unsigned n = 0;
	int res = 0;

	if (!list && part == MIG_MACHINE_SWITCHES)
		return 0;
	if (list && list->type == YAML_SCALAR_NODE && part == MIG_MACHINE_BOARDS) {
		for (; res >= 0 && n < r->m->n_gpus; n++)
			res = gpu_entry(r, part, list, n);
		return res;
	}
	if (!list || list->type != YAML_SEQUENCE_NODE)
		return lacks(&r->rd, group, part, "[...]");
	for (i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		if (n == (part == MIG_MACHINE_BUS_IDS ? MIG_MACHINE_GPUS : r->m->n_gpus))
			break;
		res = gpu_entry(r, part, spec_node(r->rd.doc, *i), n++);
		if (res < 0)
			return res;
	}
	if (part == MIG_MACHINE_BUS_IDS)
		r->m->n_gpus = n;
	if (!n || n < r->m->n_gpus || i < list->data.sequence.items.top)
		return spec_fail(r->rd.doc, spec_mark_of(list), r->rd.reterr,
				 "'%s' has an entry for each of the 1 to %d GPUs that 'bus-ids' "
				 "lists",
				 mig_machine_part_name(part), MIG_MACHINE_GPUS);
	return 0;
}

static int gpus_read(struct machine_reader *r)
{
	static const enum mig_machine_part parts[] = { MIG_MACHINE_BOARDS, MIG_MACHINE_SWITCHES };
	static const enum mig_machine_part order[] = { MIG_MACHINE_BUS_IDS, MIG_MACHINE_BOARDS,
						       MIG_MACHINE_GPU_NODES,
						       MIG_MACHINE_SWITCHES };
	struct spec_group group = { 0 };
	int res;

	res = open_group(r, "gpus", parts, &group);
	for (size_t i = 0; res >= 0 && i < ARRAY_SIZE(order); i++)
		res = gpu_list(r, &group, order[i]);
	if (res < 0)
		return res;
	if (r->m->nvlink == MIG_NVLINK_PAIRS && r->m->n_gpus % 2)
		return spec_fail(r->rd.doc, spec_mark_of(group.map), r->rd.reterr,
				 "%u GPUs cannot be linked in pairs", r->m->n_gpus);
	return spec_group_close(&r->rd, &group);
}

static int names_read(struct machine_reader *r)
{
	struct spec_reader *rd = &r->rd;
	const yaml_node_t *key = spec_get(rd->doc, spec_root(rd->doc), "machine");
	const yaml_node_t *title = spec_get(rd->doc, spec_root(rd->doc), "title");
	const char *text = title ? spec_scalar(title) : NULL;
	int res;

	res = spec_key_read(rd, key, "machine", r->m->key);
	if (res < 0)
		return res;
	if (!text || !*text || strlen(text) >= sizeof(r->m->title))
		return spec_fail(rd->doc, spec_mark_of(title ?: spec_root(rd->doc)), rd->reterr,
				 "'title' says in at most %zu letters which machine it is",
				 sizeof(r->m->title) - 1);
	memcpy(r->m->title, text, strlen(text) + 1);
	return 0;
}

static int machine_read(struct machine_reader *r)
{
	struct spec_reader *rd = &r->rd;
	const yaml_node_t *root = spec_root(rd->doc), *node;
	_cleanup_free_ struct mig_source *own = calloc(MIG_DEF_SOURCES, sizeof(*own));
	int res;

	if (!own)
		return mig_fail(rd->reterr, -ENOMEM, "out of memory");
	res = spec_check_map(rd->doc, root, "a machine file", top_key, NULL, rd->reterr);
	if (res < 0)
		return res;
	node = spec_get(rd->doc, root, "sources");
	if (node)
		res = spec_sources_read(rd->doc, node, own, MIG_DEF_SOURCES, &rd->n_own,
					rd->reterr);
	rd->own = own;
	if (res >= 0)
		res = names_read(r);
	if (res >= 0)
		res = cpus_read(r);
	if (res >= 0)
		res = nvlink_read(r);
	if (res >= 0)
		res = gpus_read(r);
	rd->own = NULL;
	return res;
}

int spec_machine_parse(const char *file, const char *text, size_t size,
		       const struct spec_board_env *env, struct mig_machine *ret,
		       struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *notes = calloc(1, sizeof(*notes));
	_cleanup_free_ struct mig_machine *m = calloc(1, sizeof(*m));
	_cleanup_(spec_doc_done) struct spec_doc doc = { 0 };
	struct machine_reader r = {
		.rd = { .doc = &doc, .env = env, .def = notes, .reterr = reterr }, .m = m
	};
	int res;

	if (!notes || !m)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", file);
	res = spec_doc_load(&doc, file, text, size, reterr);
	if (res >= 0)
		res = machine_read(&r);
	if (res < 0)
		return res;
	m->n_sources = notes->n_sources;
	memcpy(m->sources, notes->sources, sizeof(m->sources));
	m->n_notes = notes->n_notes;
	memcpy(m->notes, notes->notes, sizeof(m->notes));
	*ret = *m;
	return 0;
}
