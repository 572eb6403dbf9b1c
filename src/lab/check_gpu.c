/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/sha1.h"
#include "base/util.h"
#include "lab/check.h"
#include "lab/format.h"

/*
 * The GPUs of a state and their instances. Written from the words (doc/architecture.md, the guide)
 * and not with the functions of rules_gi.c, which decide what may be created.
 */

static bool overlap(unsigned a, unsigned a_size, unsigned b, unsigned b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* --- compute instances ---------------------------------------------------------------------- */

/* false: it is of no profile, and nothing more can be said of it. */
static bool check_ci(struct lab_checking *c, const struct mig_board *b, const struct lab_gi *gi,
		     const struct lab_ci *ci)
{
	const struct mig_gi_profile *gp = &b->gi[gi->profile];
	uint8_t starts[MIG_MAX_STARTS];
	bool offered = false;
	unsigned n;

	if (ci->used > 1 || ci->profile >= gp->n_ci) {
		lab_breach(c, "compute instance %u of GPU instance %u is of no profile", ci->id,
			   gi->id);
		return false;
	}
	if (ci->id >= MIG_MAX_CI)
		lab_breach(c, "a compute instance of GPU instance %u has id %u, and they end at %d",
			   gi->id, ci->id, MIG_MAX_CI - 1);
	if (ci->size != lab_ci_span(b, c->con->rule, gp, ci->profile))
		lab_breach(c,
			   "compute instance %u of GPU instance %u has size %u, not its profile's",
			   ci->id, gi->id, ci->size);
	n = lab_ci_starts(b, c->con->rule, gp, ci->profile, starts);
	for (unsigned i = 0; i < n; i++)
		offered = offered || starts[i] == ci->start;
	if (!offered)
		lab_breach(c,
			   "compute instance %u of GPU instance %u starts at %u, where its profile "
			   "never does",
			   ci->id, gi->id, ci->start);
	return true;
}

static void check_ci_pair(struct lab_checking *c, const struct lab_gi *gi, const struct lab_ci *a,
			  const struct lab_ci *b)
{
	if (a->id == b->id)
		lab_breach(c, "two compute instances of GPU instance %u have id %u", gi->id, a->id);
	if (overlap(a->start, a->size, b->start, b->size))
		lab_breach(c, "compute instances %u and %u of GPU instance %u overlap", a->id,
			   b->id, gi->id);
}

static void check_cis(struct lab_checking *c, const struct mig_board *b, const struct lab_gi *gi)
{
	const struct mig_gi_profile *gp = &b->gi[gi->profile];
	unsigned slices = 0, of_profile[MIG_MAX_CI_PROFILES] = { 0 };

	for (unsigned i = 0; i < MIG_MAX_CI; i++) {
		const struct lab_ci *ci = &gi->ci[i];

		if (!ci->used && !lab_all_zero(ci, sizeof(*ci)))
			lab_breach(c, "a free compute instance of GPU instance %u is not empty",
				   gi->id);
		if (!ci->used || !check_ci(c, b, gi, ci))
			continue;
		slices += gp->ci[ci->profile].slices;
		of_profile[ci->profile]++;
		for (unsigned o = 0; o < i; o++)
			if (gi->ci[o].used)
				check_ci_pair(c, gi, &gi->ci[o], ci);
	}
	if (slices > gp->slices)
		lab_breach(c, "GPU instance %u has %u slices and its compute instances take %u",
			   gi->id, gp->slices, slices);
	for (unsigned i = 0; i < gp->n_ci; i++)
		if (of_profile[i] > gp->ci[i].total)
			lab_breach(c, "GPU instance %u has %u compute instances %s, at most %u fit",
				   gi->id, of_profile[i], gp->ci[i].name, gp->ci[i].total);
	if (gi->next_ci >= MIG_MAX_CI)
		lab_breach(c, "the next compute instance of GPU instance %u would have id %u",
			   gi->id, gi->next_ci);
}

/* --- GPU instances -------------------------------------------------------------------------- */

/*
 * Ids count the places from the whole to the smallest parts: 0 the whole, 1 and 2 its halves, 3 to
 * 6 the quarters, and so on, by the physical place (type X counts from the other half).
 */
static unsigned id_of(const struct mig_board *b, const struct lab_gpu *gpu, const struct lab_gi *gi)
{
	unsigned at = gi->start, span = b->units, id = 0;

	if (gpu->numbering == MIG_NUMBERING_X && gi->size < b->units)
		at = (at + b->units / 2u) % b->units;
	while (span > gi->size) {
		span /= 2;
		id = 2 * id + 1 + (at >= span);
		at -= at >= span ? span : 0;
	}
	return id;
}

/* false: it is of no profile, and nothing more can be said of it. */
static bool check_gi(struct lab_checking *c, const struct mig_board *b, const struct lab_gpu *gpu,
		     const struct lab_gi *gi)
{
	const struct mig_gi_profile *p;
	bool offered = false;

	if (gi->used > 1 || gi->profile >= b->n_gi) {
		lab_breach(c, "GPU instance %u is of no profile", gi->id);
		return false;
	}
	p = &b->gi[gi->profile];
	for (unsigned i = 0; i < p->n_starts; i++)
		offered = offered || p->starts[i] == gi->start;
	if (gi->size != p->size)
		lab_breach(c, "GPU instance %u has size %u, and its profile %s has %u", gi->id,
			   gi->size, p->name, p->size);
	else if (!offered)
		lab_breach(c, "GPU instance %u starts at %u, where its profile %s never does",
			   gi->id, gi->start, p->name);
	else if (gi->id != id_of(b, gpu, gi))
		lab_breach(c, "GPU instance %u has an id that is not that of its placement, %u",
			   gi->id, id_of(b, gpu, gi));
	if ((gi->memory_used_mib < 0 && gi->memory_used_mib != LAB_AUTO) ||
	    (gi->utilization_gpu != LAB_AUTO &&
	     (gi->utilization_gpu < 0 || gi->utilization_gpu > 100)))
		lab_breach(c, "GPU instance %u has a reading that nobody can set", gi->id);
	check_cis(c, b, gi);
	return true;
}

/* Why two of these profiles never exist together; NULL: they may. */
static const char *excluded(const struct mig_board *board, const uint8_t *rule,
			    const struct mig_gi_profile *a, const struct mig_gi_profile *b)
{
	const unsigned least = a->slices < b->slices ? a->slices : b->slices;

	/* The board has one share of JPEG and OFA. */
	if (a->media == MIG_MEDIA_ME && b->media == MIG_MEDIA_ME && !rule[LAB_RULE_ME_EXCLUSIVE])
		return "both with the one share of media engines";
	/* nvml.h: beside +me.all only -me can be created. */
	if ((a->media == MIG_MEDIA_ME_ALL && b->media != MIG_MEDIA_NO_ME) ||
	    (b->media == MIG_MEDIA_ME_ALL && a->media != MIG_MEDIA_NO_ME))
		return "one with all media engines";
	if (rule[LAB_RULE_GFX_BESIDE_COMPUTE] == 1 &&
	    (a->media == MIG_MEDIA_GFX) != (b->media == MIG_MEDIA_GFX))
		return "one for graphics and one for compute alone";
	/* Before R510 the driver refused 4g beside 3g. */
	if (!board->gi_beside_4g3g && least == 3 && a->slices + b->slices == 7)
		return "a 4g beside a 3g, which this driver refuses";
	return NULL;
}

static void check_gi_pair(struct lab_checking *c, const struct mig_board *board,
			  const struct lab_gi *a, const struct lab_gi *b)
{
	const char *why =
		excluded(board, c->con->rule, &board->gi[a->profile], &board->gi[b->profile]);

	if (a->id == b->id)
		lab_breach(c, "two GPU instances have id %u", a->id);
	if (overlap(a->start, a->size, b->start, b->size))
		lab_breach(c, "GPU instances %u and %u overlap", a->id, b->id);
	if (why)
		lab_breach(c, "GPU instances %u and %u exclude each other: %s", a->id, b->id, why);
}

static void check_gis(struct lab_checking *c, const struct mig_board *b, const struct lab_gpu *gpu)
{
	unsigned of_profile[MIG_MAX_GI_PROFILES] = { 0 }, n = 0;
	bool known[MIG_MAX_GI] = { false };

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *gi = &gpu->gi[i];

		if (!gi->used && !lab_all_zero(gi, sizeof(*gi)))
			lab_breach(c, "a free GPU instance is not empty");
		n += gi->used != 0;
		known[i] = gi->used && check_gi(c, b, gpu, gi);
		if (!known[i])
			continue;
		of_profile[gi->profile]++;
		for (unsigned o = 0; o < i; o++)
			if (known[o])
				check_gi_pair(c, b, &gpu->gi[o], gi);
	}
	for (unsigned i = 0; i < b->n_gi; i++)
		if (of_profile[i] > b->gi[i].total)
			lab_breach(c, "there are %u GPU instances %s, at most %u can be",
				   of_profile[i], b->gi[i].name, b->gi[i].total);
	if (n && !gpu->mig_current)
		lab_breach(c, "it has GPU instances and is not in MIG mode");
}

/* --- the GPU -------------------------------------------------------------------------------- */

static void check_switches(struct lab_checking *c, const struct lab_gpu *gpu)
{
	const struct {
		const char *name;
		uint8_t value;
	} of[] = {
		{ "MIG mode", gpu->mig_current },	  { "pending MIG mode", gpu->mig_pending },
		{ "persistence mode", gpu->persistence }, { "ECC mode", gpu->ecc_current },
		{ "pending ECC mode", gpu->ecc_pending }, { "being lost", gpu->lost },
		{ "display", gpu->display_off },	  { "accounting mode", gpu->accounting },
		{ "need of a reset", gpu->needs_reset },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(of); i++)
		if (of[i].value > 1)
			lab_breach(c, "its %s is neither on nor off but %u", of[i].name,
				   of[i].value);
	if (gpu->compute_mode > 3)
		lab_breach(c, "its compute mode is one that there is not, %u", gpu->compute_mode);
}

static void check_mode(struct lab_checking *c, const struct mig_board *b, const struct lab_gpu *gpu)
{
	if ((gpu->mig_current || gpu->mig_pending) && !lab_has_mig_mode(b, gpu))
		lab_breach(c, "it is in MIG mode, or will be, and has none");
	if (gpu->mig_current != gpu->mig_pending && !b->mode_needs_reset)
		lab_breach(c, "a MIG mode is pending, and this board changes it at once");
	/* nvml.h: in MIG mode there is no accounting, and no compute mode but the default. */
	if (gpu->mig_current && gpu->accounting)
		lab_breach(c, "it is in MIG mode, and its accounting is on");
	if (gpu->mig_current && gpu->compute_mode)
		lab_breach(c, "it is in MIG mode, and its compute mode is %u", gpu->compute_mode);
}

static void check_settings(struct lab_checking *c, const struct mig_board *b,
			   const struct lab_gpu *gpu)
{
	const struct lab_settings *user = &gpu->user;
	const char *reading = lab_reading_wrong(&gpu->set);

	if (reading)
		lab_breach(c, "its reading %s is one that nobody can set", reading);
	if (user->power_limit_mw &&
	    (user->power_limit_mw < b->power_min_mw || user->power_limit_mw > b->power_max_mw))
		lab_breach(c, "its power limit is %u mW, and %u to %u mW can be set",
			   user->power_limit_mw, b->power_min_mw, b->power_max_mw);
	if (!user->app_mem_mhz != !user->app_sm_mhz)
		lab_breach(c, "one of its application clocks is set without the other");
	if (user->lock_sm_min > user->lock_sm_max || user->lock_mem_min > user->lock_mem_max)
		lab_breach(c, "its clocks are locked to a range that ends before it begins");
	if (user->fan_percent > 100)
		lab_breach(c, "its fan is set to %u percent", user->fan_percent);
}

/* What it is, and where. false: its instances can't be looked at. */
static bool check_identity(struct lab_checking *c, const struct lab_gpu *gpu)
{
	const struct lab_const *con = c->con;
	const struct mig_board *b;
	uint8_t uuid[16];

	if (memcmp(gpu->uuid, "GPU-", 4) != 0 || gpu->uuid[40] ||
	    base_uuid_parse(gpu->uuid + 4, uuid) < 0)
		lab_breach(c, "its UUID is none");
	if (!lab_text_ends(gpu->serial, sizeof(gpu->serial)))
		lab_breach(c, "its serial number has no end");
	if (gpu->numa_node < 0 || (uint32_t)gpu->numa_node >= con->n_nodes)
		lab_breach(c, "it is on NUMA node %d, and the machine has %u", gpu->numa_node,
			   con->n_nodes);
	if (gpu->pci_bus > 0xff || gpu->pci_device > 0x1f)
		lab_breach(c, "its bus id is none");
	if (gpu->board >= con->n_boards) {
		lab_breach(c, "it is of board %u, and there are %u", gpu->board, con->n_boards);
		return false;
	}
	b = &con->board[gpu->board];
	/* Quarters are of the boards of four slices; of them none counts from the other half. */
	if (gpu->numbering > MIG_NUMBERING_QUARTER ||
	    (b->n_gi && gpu->numbering == MIG_NUMBERING_QUARTER && b->memory_slices != 4) ||
	    (b->n_gi && gpu->numbering == MIG_NUMBERING_X && b->memory_slices == 4))
		lab_breach(c, "it has another board's numbering, %u", gpu->numbering);
	return true;
}

static void check_gpu_pair(struct lab_checking *c, unsigned n, unsigned o)
{
	const struct lab_gpu *a = &c->st->gpu[n], *b = &c->st->gpu[o];

	if (!memcmp(a->uuid, b->uuid, sizeof(a->uuid)))
		lab_breach(c, "it has the UUID of GPU %u", o);
	if (a->minor == b->minor)
		lab_breach(c, "it has the minor number of GPU %u", o);
	if (a->pci_domain == b->pci_domain && a->pci_bus == b->pci_bus &&
	    a->pci_device == b->pci_device)
		lab_breach(c, "it has the bus id of GPU %u", o);
}

/* --- what all instances have together ------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned generations_of(const struct lab_gpu *gpu, uint32_t *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		const struct lab_gi *gi = &gpu->gi[i];

		if (!gi->used)
			continue;
		ret[n++] = gi->generation;
		for (unsigned k = 0; k < MIG_MAX_CI; k++)
			if (gi->ci[k].used)
				ret[n++] = gi->ci[k].generation;
	}
	return n;
}

/* A handle knows its instance by the generation: given out once, and counted from 1. */
static void check_generations(struct lab_checking *c)
{
	uint32_t all[LAB_MAX_GPUS * MIG_MAX_GI * (1 + MIG_MAX_CI)] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < c->st->n_gpus; i++)
		n += generations_of(&c->st->gpu[i], all + n);
	qsort(all, n, sizeof(all[0]), by_value);
	for (unsigned i = 0; i < n; i++) {
		if (!all[i])
			lab_breach(c, "an instance has no generation");
		else if (i && all[i] == all[i - 1])
			lab_breach(c, "two instances have generation %u", all[i]);
		if (all[i] > c->st->next_generation)
			lab_breach(c, "an instance has generation %u, and the last given out is %u",
				   all[i], c->st->next_generation);
	}
}

void lab_check_gpus(struct lab_checking *c)
{
	for (unsigned i = 0; i < c->st->n_gpus; i++) {
		const struct lab_gpu *gpu = &c->st->gpu[i];

		c->gpu = (int)i;
		check_switches(c, gpu);
		for (unsigned o = 0; o < i; o++)
			check_gpu_pair(c, i, o);
		if (!check_identity(c, gpu))
			continue;
		check_mode(c, &c->con->board[gpu->board], gpu);
		check_settings(c, &c->con->board[gpu->board], gpu);
		check_gis(c, &c->con->board[gpu->board], gpu);
	}
	c->gpu = -1;
	check_generations(c);
}
