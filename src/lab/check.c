/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/sha1.h"
#include "base/util.h"
#include "lab/format.h"

/*
 * Every invariant of a lab's tables and of its state. Run when a process maps the file (so that a
 * foreign or damaged file is a sentence, never a crash) and by the tests after each torture.
 */

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int check_profile(const struct mig_board *b, const struct mig_gi_profile *p,
			 struct mig_error *reterr)
{
	if (!text_ends(p->name, sizeof(p->name)) || !p->size || p->size > b->units ||
	    b->units % p->size || !p->slices || !p->n_starts || p->n_starts > MIG_MAX_STARTS ||
	    p->n_ci > MIG_MAX_CI_PROFILES || p->id > 255 || p->index > 31)
		return mig_fail(reterr, -EBADMSG, "a profile of board %s is not possible", b->key);
	for (unsigned i = 0; i < p->n_starts; i++)
		if (p->starts[i] + p->size > b->units)
			return mig_fail(reterr, -EBADMSG,
					"profile %s of board %s has a placement outside the memory",
					p->name, b->key);
	for (unsigned i = 0; i < p->n_ci; i++)
		if (!text_ends(p->ci[i].name, sizeof(p->ci[i].name)) || !p->ci[i].slices ||
		    p->ci[i].slices > p->slices || !p->ci[i].span || p->ci[i].span > 8 ||
		    p->ci[i].id >= MIG_MAX_CI_PROFILES)
			return mig_fail(
				reterr, -EBADMSG,
				"a compute instance profile of %s on board %s is not possible",
				p->name, b->key);
	return 0;
}

static int check_board(const struct mig_board *b, struct mig_error *reterr)
{
	if (!text_ends(b->key, sizeof(b->key)) || !text_ends(b->name, sizeof(b->name)) ||
	    !text_ends(b->arch_name, sizeof(b->arch_name)) ||
	    !text_ends(b->vbios, sizeof(b->vbios)) ||
	    !text_ends(b->part_number, sizeof(b->part_number)) || b->n_gi > MIG_MAX_GI_PROFILES ||
	    b->units > 31 || (b->n_gi && !b->units))
		return mig_fail(reterr, -EBADMSG, "a board's table is not possible");
	for (unsigned i = 0; i < b->n_gi; i++) {
		int r = check_profile(b, &b->gi[i], reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_ci(const struct mig_board *b, const uint8_t *rule, const struct lab_gi *gi,
		    unsigned c, struct mig_error *reterr)
{
	const struct mig_gi_profile *gp = &b->gi[gi->profile];
	const struct lab_ci *ci = &gi->ci[c];
	unsigned slices = 0;

	if (ci->id >= MIG_MAX_CI || ci->profile >= gp->n_ci || !ci->generation ||
	    ci->size != lab_ci_span(b, rule, gp, ci->profile))
		return mig_fail(reterr, -EBADMSG,
				"compute instance %u of GPU instance %u is not one of its profiles",
				ci->id, gi->id);
	for (unsigned o = 0; o < MIG_MAX_CI; o++) {
		if (!gi->ci[o].used || gi->ci[o].profile >= gp->n_ci)
			continue;
		slices += gp->ci[gi->ci[o].profile].slices;
		if (o != c && gi->ci[o].id == ci->id)
			return mig_fail(reterr, -EBADMSG,
					"two compute instances of GPU instance %u have id %u",
					gi->id, ci->id);
		if (o != c && gi->ci[o].start < ci->start + ci->size &&
		    ci->start < gi->ci[o].start + gi->ci[o].size)
			return mig_fail(reterr, -EBADMSG,
					"compute instances %u and %u of GPU instance %u overlap",
					ci->id, gi->ci[o].id, gi->id);
	}
	if (slices > gp->slices)
		return mig_fail(reterr, -EBADMSG,
				"GPU instance %u has %u slices and its compute instances take %u",
				gi->id, gp->slices, slices);
	return 0;
}

static int check_gi(const struct mig_board *b, const uint8_t *rule, const struct lab_gpu *gpu,
		    unsigned g, struct mig_error *reterr)
{
	const struct lab_gi *gi = &gpu->gi[g];
	struct lab_gpu others = *gpu;
	bool offered = false;

	if (gi->profile >= b->n_gi || gi->size != b->gi[gi->profile].size || !gi->generation)
		return mig_fail(reterr, -EBADMSG, "GPU instance %u is not one of the profiles",
				gi->id);
	for (unsigned i = 0; i < b->gi[gi->profile].n_starts; i++)
		offered = offered || b->gi[gi->profile].starts[i] == gi->start;
	if (!offered)
		return mig_fail(reterr, -EBADMSG,
				"GPU instance %u starts at %u, where its profile never does",
				gi->id, gi->start);
	if (gi->id != lab_gi_id(b, gpu->numbering, gi->start, gi->size))
		return mig_fail(reterr, -EBADMSG,
				"GPU instance %u has an id that is not that of its placement",
				gi->id);
	others.gi[g].used = 0;
	if (!lab_gi_fits(b, &others, rule, gi->profile, gi->start))
		return mig_fail(reterr, -EBADMSG, "GPU instance %u does not fit beside the others",
				gi->id);
	for (unsigned c = 0; c < MIG_MAX_CI; c++) {
		int r = gi->ci[c].used ? check_ci(b, rule, gi, c, reterr) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_gpu(const struct lab_const *con, const struct lab_gpu *gpu, unsigned n,
		     struct mig_error *reterr)
{
	const struct mig_board *b;
	uint8_t uuid[16];

	if (gpu->numa_node < 0 || (uint32_t)gpu->numa_node >= con->n_nodes)
		return mig_fail(reterr, -EBADMSG, "GPU %u is on no NUMA node of the machine", n);
	if (gpu->board >= con->n_boards || gpu->numbering > MIG_NUMBERING_QUARTER ||
	    gpu->mig_current > 1 || gpu->mig_pending > 1 ||
	    !text_ends(gpu->serial, sizeof(gpu->serial)) || memcmp(gpu->uuid, "GPU-", 4) != 0 ||
	    base_uuid_parse(gpu->uuid + 4, uuid) < 0 || gpu->uuid[40])
		return mig_fail(reterr, -EBADMSG, "GPU %u is not possible", n);
	b = &con->board[gpu->board];
	if (b->n_gi && b->units == 8 && gpu->numbering == MIG_NUMBERING_QUARTER)
		return mig_fail(reterr, -EBADMSG, "GPU %u has another board's numbering", n);
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		int r;

		if (!gpu->gi[i].used)
			continue;
		if (!gpu->mig_current)
			return mig_fail(reterr, -EBADMSG,
					"GPU %u has instances and is not in MIG mode", n);
		r = check_gi(b, con->rule, gpu, i, reterr);
		if (r < 0)
			return mig_fail_wrap(reterr, r, "GPU %u", n);
	}
	return 0;
}

static int check_events(const struct lab_state *st, struct mig_error *reterr)
{
	for (unsigned i = 0; i < LAB_MAX_EVENTS; i++) {
		const struct lab_event *e = &st->event[i];

		if (!e->number)
			continue;
		if (e->number > st->n_events || e->number % LAB_MAX_EVENTS != i || !e->kind ||
		    e->kind >= LAB_EVENT_KINDS || e->gpu >= st->n_gpus)
			return mig_fail(reterr, -EBADMSG, "an event's entry is not possible");
	}
	return 0;
}

static int check_accounts(const struct lab_state *st, struct mig_error *reterr)
{
	for (unsigned i = 0; i < LAB_MAX_ACCOUNTS; i++)
		if (st->account[i].used &&
		    (st->account[i].gpu >= st->n_gpus || st->account[i].slot >= LAB_MAX_CLIENTS))
			return mig_fail(reterr, -EBADMSG, "an account's entry is not possible");
	return 0;
}

static int check_client(const struct lab_state *st, const struct lab_client *c,
			struct mig_error *reterr)
{
	if ((c->kind != LAB_CLIENT_ATTACHED && c->kind != LAB_CLIENT_COMPUTE) ||
	    c->gpu >= st->n_gpus || !text_ends(c->name, sizeof(c->name)))
		return mig_fail(reterr, -EBADMSG, "a client's entry is not possible");
	return 0;
}

static int check_machine(const struct lab_const *con, struct mig_error *reterr)
{
	uint64_t seen[LAB_CPU_WORDS] = { 0 }, twice = 0;
	uint32_t n = 0;

	for (unsigned i = 0; i < con->n_nodes && i < LAB_MAX_NODES; i++) {
		for (unsigned w = 0; w < LAB_CPU_WORDS; w++) {
			twice |= seen[w] & con->node[i].cpus[w];
			seen[w] |= con->node[i].cpus[w];
			n += (uint32_t)__builtin_popcountll(con->node[i].cpus[w]);
		}
	}
	if (con->n_nodes < 1 || con->n_nodes > LAB_MAX_NODES || twice || n != con->n_cpus ||
	    !con->nodes_per_socket || con->n_nodes % con->nodes_per_socket ||
	    con->nvlink > LAB_NVLINK_PAIRS || con->nvlinks > 18 ||
	    !text_ends(con->machine, sizeof(con->machine)))
		return mig_fail(reterr, -EBADMSG, "its CPUs, NUMA nodes or links are not possible");
	return 0;
}

int lab_check(const struct lab_const *con, const struct lab_state *st, struct mig_error *reterr)
{
	int r = 0;

	if (st->n_gpus != con->n_gpus || !text_ends(con->name, sizeof(con->name)) ||
	    !text_ends(con->driver_version, sizeof(con->driver_version)))
		return mig_fail(reterr, -EBADMSG, "its constants are not possible");
	r = check_machine(con, reterr);
	for (unsigned i = 0; r >= 0 && i < con->n_boards; i++)
		r = check_board(&con->board[i], reterr);
	if (r >= 0 && st->clients != lab_used_clients(st))
		r = mig_fail(reterr, -EBADMSG, "its clients are not those that it counts");
	for (unsigned i = 0; r >= 0 && i < LAB_MAX_CLIENTS; i++)
		if (st->client[i].used)
			r = check_client(st, &st->client[i], reterr);
	if (r >= 0)
		r = check_events(st, reterr);
	if (r >= 0)
		r = check_accounts(st, reterr);
	for (unsigned i = 0; r >= 0 && i < st->n_gpus; i++)
		r = check_gpu(con, &st->gpu[i], i, reterr);
	return r;
}
