/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/util.h"
#include "lab/check.h"

/* What "lab create" wrote and nothing changes: the machine, its driver, the tables of its boards.
 */

/* Bounds of what is read through it; the rest of a board is figures. */
static bool check_ci_profiles(struct lab_checking *c, const struct mig_board *b,
			      const struct mig_gi_profile *p)
{
	unsigned before = c->breaches;

	if (p->n_ci > MIG_MAX_CI_PROFILES) {
		lab_breach(c, "profile %s of board %s has %u kinds of compute instances", p->name,
			   b->key, p->n_ci);
		return false;
	}
	for (unsigned i = 0; i < p->n_ci; i++) {
		const struct mig_ci_profile *ci = &p->ci[i];

		if (!lab_text_ends(ci->name, sizeof(ci->name)) || !ci->slices ||
		    ci->slices > p->slices || !ci->span || ci->span > 8 ||
		    ci->id >= MIG_MAX_CI_PROFILES)
			lab_breach(
				c,
				"compute instance profile %u of profile %s of board %s is not possible",
				i, p->name, b->key);
		for (unsigned o = 0; o < i; o++)
			if (p->ci[o].id == ci->id)
				lab_breach(c,
					   "profile %s of board %s has two compute instance "
					   "profiles with id %u",
					   p->name, b->key, ci->id);
	}
	return c->breaches == before;
}

static bool check_starts(struct lab_checking *c, const struct mig_board *b,
			 const struct mig_gi_profile *p)
{
	unsigned before = c->breaches;

	for (unsigned i = 0; i < p->n_starts; i++) {
		if (p->starts[i] + p->size > b->units)
			lab_breach(c, "profile %s of board %s has a placement outside the memory",
				   p->name, b->key);
		if (i && p->starts[i] <= p->starts[i - 1])
			lab_breach(c, "the starts of profile %s of board %s do not ascend", p->name,
				   b->key);
	}
	return c->breaches == before;
}

static bool check_profile(struct lab_checking *c, const struct mig_board *b, unsigned n)
{
	const struct mig_gi_profile *p = &b->gi[n];
	unsigned before = c->breaches;

	if (!lab_text_ends(p->name, sizeof(p->name)) || !p->size || p->size > b->units ||
	    b->units % p->size || !p->slices || !p->n_starts || p->n_starts > MIG_MAX_STARTS ||
	    !p->total || p->total > MIG_MAX_GI || p->id > 255 || p->index > 31 ||
	    p->media > MIG_MEDIA_GFX) {
		lab_breach(c, "profile %u of board %s is not possible", n, b->key);
		return false;
	}
	for (unsigned o = 0; o < n; o++)
		if (b->gi[o].id == p->id || b->gi[o].index == p->index)
			lab_breach(c, "profiles %u and %u of board %s have the same id or index", o,
				   n, b->key);
	(void)check_starts(c, b, p);
	(void)check_ci_profiles(c, b, p);
	return c->breaches == before;
}

static bool check_board(struct lab_checking *c, unsigned n)
{
	const struct mig_board *b = &c->con->board[n];
	bool fine = true;

	if (!lab_text_ends(b->key, sizeof(b->key)) || !lab_text_ends(b->name, sizeof(b->name)) ||
	    !lab_text_ends(b->arch_name, sizeof(b->arch_name)) ||
	    !lab_text_ends(b->vbios, sizeof(b->vbios)) ||
	    !lab_text_ends(b->part_number, sizeof(b->part_number)) ||
	    !lab_text_ends(b->gpu_part_number, sizeof(b->gpu_part_number)) ||
	    !lab_text_ends(b->inforom_image, sizeof(b->inforom_image)) ||
	    !lab_text_ends(b->inforom_oem, sizeof(b->inforom_oem)) ||
	    !lab_text_ends(b->inforom_ecc, sizeof(b->inforom_ecc))) {
		lab_breach(c, "the table of board %u holds a text without an end", n);
		return false;
	}
	if (b->n_gi > MIG_MAX_GI_PROFILES || b->units > 31 || (b->n_gi && !b->units)) {
		lab_breach(c, "the table of board %s is not possible", b->key);
		return false;
	}
	for (unsigned i = 0; i < b->n_gi; i++)
		fine = check_profile(c, b, i) && fine;
	return fine;
}

/* Each NUMA node's CPUs are its own, and together they are all that there are. */
static void check_machine(struct lab_checking *c)
{
	const struct lab_const *con = c->con;
	uint64_t seen[LAB_CPU_WORDS] = { 0 }, twice = 0;
	uint32_t n = 0;

	if (con->n_nodes < 1 || con->n_nodes > LAB_MAX_NODES || !con->nodes_per_socket ||
	    con->n_nodes % con->nodes_per_socket) {
		lab_breach(c, "the machine's NUMA nodes and sockets are not possible");
		return;
	}
	for (unsigned i = 0; i < con->n_nodes; i++) {
		for (unsigned w = 0; w < LAB_CPU_WORDS; w++) {
			twice |= seen[w] & con->node[i].cpus[w];
			seen[w] |= con->node[i].cpus[w];
			n += (uint32_t)__builtin_popcountll(con->node[i].cpus[w]);
		}
	}
	if (twice)
		lab_breach(c, "a CPU of the machine is on two NUMA nodes");
	if (n != con->n_cpus)
		lab_breach(c, "the machine has %u CPUs, and its NUMA nodes have %u", con->n_cpus,
			   n);
	if (con->nvlink > LAB_NVLINK_PAIRS || con->nvlinks > 18)
		lab_breach(c, "the machine's links between GPUs are not possible");
	if (!lab_text_ends(con->machine, sizeof(con->machine)))
		lab_breach(c, "the machine's name has no end");
}

static unsigned values_of(enum lab_rule rule)
{
	unsigned n = 1;

	for (const char *p = lab_rule_values(rule); *p; p++)
		n += *p == '|';
	return n;
}

static void check_rules(struct lab_checking *c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(c->con->rule); i++) {
		if (i < LAB_RULE_MAX && c->con->rule[i] >= values_of((enum lab_rule)i))
			lab_breach(c, "rule %s has value %u, and there are %u",
				   lab_rule_name((enum lab_rule)i), c->con->rule[i],
				   values_of((enum lab_rule)i));
		else if (i >= LAB_RULE_MAX && c->con->rule[i])
			lab_breach(c, "rule %u is set, and there are %u", i, LAB_RULE_MAX);
	}
}

/* By hand: strtoul is too young a symbol of glibc's (sim/parse.c). */
static uint32_t branch_of(const char *version)
{
	uint32_t n = 0;

	while (*version >= '0' && *version <= '9' && n < 100000)
		n = n * 10 + (uint32_t)(*version++ - '0');
	return n;
}

bool lab_check_const(struct lab_checking *c)
{
	const struct lab_const *con = c->con;
	bool fine = true;

	if (con->n_gpus < 1 || con->n_gpus > LAB_MAX_GPUS || con->n_boards < 1 ||
	    con->n_boards > LAB_MAX_GPUS || c->st->n_gpus != con->n_gpus) {
		lab_breach(c, "it has %u GPUs of %u boards, and a state of %u", con->n_gpus,
			   con->n_boards, c->st->n_gpus);
		return false;
	}
	if (!lab_text_ends(con->name, sizeof(con->name)) ||
	    !lab_text_ends(con->driver_version, sizeof(con->driver_version)))
		lab_breach(c, "the lab's name or its driver's version has no end");
	else if (branch_of(con->driver_version) != con->driver_major)
		lab_breach(c, "driver %s is kept as one of branch %u", con->driver_version,
			   con->driver_major);
	if (con->permissions_real > 1 || con->persistenced > 1)
		lab_breach(c, "what the lab was made with is neither yes nor no");
	check_rules(c);
	check_machine(c);
	for (unsigned i = 0; i < con->n_boards; i++)
		fine = check_board(c, i) && fine;
	return fine;
}
