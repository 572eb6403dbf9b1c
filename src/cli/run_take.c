/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "cli/run.h"
#include "observe/observe.h"

/* Which device a run gets, and when it is its turn. */

#define DOOR_MS	  30000
#define BEHIND_MS 20  /* looks at the one in front: cheap */
#define FIRST_MS  20  /* looks at the devices */
#define LAST_MS	  500 /* when it has looked for long */

/* --- what is wanted --------------------------------------------------------------------------- */

static int open_snapshot(struct run *run, unsigned wish, struct cli_source *ret,
			 struct mig_error *reterr)
{
	run->args.source.nvml = &run->act.nvml;
	return cli_source_open(&run->args.source, wish, ret, reterr);
}

/* Fills the claim from the devices that there are. Returns how many will do. */
static unsigned describe(struct run *run, const struct mig_snapshot *s,
			 const struct cli_place *place)
{
	struct engine_claim *c = &run->claim;
	unsigned n = 0;

	snprintf(c->profile, sizeof(c->profile), "%s", place->profile);
	for (uint32_t g = 0; g < s->n_gpu; g++)
		for (uint32_t i = 0; i < s->gpu[g].n_gi; i++)
			for (unsigned k = 0; k < s->gpu[g].gi[i].n_ci; k++) {
				const struct mig_gi *gi = &s->gpu[g].gi[i];
				const struct mig_ci *ci = &gi->ci[k];

				if (!cli_place_takes(place, &s->gpu[g], gi, ci))
					continue;
				n++;
				snprintf(c->profile, sizeof(c->profile), "%s", ci->name);
				snprintf(c->device, sizeof(c->device), "%s", ci->uuid);
			}
	/* One who would take any of several waits for all of that profile. */
	if (n != 1 || (place->profile[0] && place->start < 0 && !place->uuid[0]))
		c->device[0] = '\0';
	return n;
}

static int check_create(const struct mig_snapshot *s, const struct cli_place *place,
			const char *word, struct mig_error *reterr)
{
	bool on = false;

	if (!place->whole)
		return mig_fail(reterr, -EINVAL,
				"'%.60s': --create makes a GPU instance of a profile such as "
				"1g.10gb, or of one at its start, such as 1g.10gb@6",
				word);
	for (uint32_t g = 0; g < s->n_gpu; g++)
		on = on ||
		     (s->gpu[g].mode == MIG_MODE_ON && (!place->gpu || place->gpu == &s->gpu[g]));
	if (!on)
		return mig_fail(reterr, -ENOTSUP,
				"MIG mode is off: 'migctl mode on' turns it on; nothing was "
				"changed");
	return 0;
}

/* What stands at a named place, if it is no one device. */
static int check_cut(const struct cli_place *place, const char *word, struct mig_error *reterr)
{
	const struct mig_gi *gi = cli_place_gi(place->gpu, place->profile, place->start);

	if (!gi)
		return 0;
	if (!gi->n_ci)
		return mig_fail(reterr, -ENOENT,
				"the instance at %.60s, %u/%u, has no compute instance: "
				"'migctl create %u/%u/%s' makes one",
				word, place->gpu->index, gi->id, place->gpu->index, gi->id,
				place->profile);
	return mig_fail(reterr, -EINVAL,
			"the instance at %.60s, %u/%u, is cut into %u: say which one, such as "
			"%u/%u/%u",
			word, place->gpu->index, gi->id, gi->n_ci, place->gpu->index, gi->id,
			gi->ci[0].id);
}

int run_resolve(struct run *run, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	struct cli_place place;
	/* Once: what the name stands for meanwhile is for the next one. */
	int r = cli_name_expand(run->word, run->named, &run->place, reterr);

	if (r >= 0)
		r = open_snapshot(run, OBSERVE_BOARD, &source, reterr);
	if (r >= 0)
		r = cli_place_parse(source.snapshot, run->place, &place, reterr);
	if (r >= 0 && run->create)
		r = check_create(source.snapshot, &place, run->word, reterr);
	if (r < 0)
		return r;
	if (describe(run, source.snapshot, &place))
		return 0;
	if (run->place != run->word)
		r = check_cut(&place, run->word, reterr);
	if (r >= 0 && !run->create)
		return mig_fail(reterr, -ENOENT,
				"there is no MIG device %.60s: 'migctl devices' shows what there "
				"is%s",
				run->word, place.whole ? ", --create makes one" : "");
	return r;
}

/* --- a free one ------------------------------------------------------------------------------- */

static uint32_t parent_of(uint32_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[40], line[512];
	const char *behind;
	unsigned parent = 0;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	/* A name may hold anything, brackets as well. */
	behind = strrchr(line, ')');
	if (!behind || sscanf(behind, ") %*c %u", &parent) != 1)
		return 0;
	return parent;
}

/* Whether it is of a run, which has a device of its own. */
static bool is_of_a_run(const struct engine_claim_list *list, uint32_t pid)
{
	for (int depth = 0; depth < 40 && pid > 1; depth++, pid = parent_of(pid))
		for (size_t i = 0; i < list->n; i++)
			if (!list->claim[i].waiting && list->claim[i].pid == pid)
				return true;
	return false;
}

/*
 * A process that has work there, whoever started it. On whose instance a process is, the driver
 * tells only those who may manage the GPU: of the others those of runs are known to be elsewhere.
 */
static bool in_use(const struct mig_snapshot *s, const struct mig_gpu *gpu, int gi, int ci,
		   const struct engine_claim_list *list)
{
	const uint32_t working = MIG_PROCESS_COMPUTE | MIG_PROCESS_GRAPHICS | MIG_PROCESS_MPS;
	const struct mig_change change = { MIG_ACTION_DESTROY_CI, gi, ci };

	for (uint32_t i = 0; i < s->n_process; i++) {
		const struct mig_process *p = &s->process[i];

		if (p->kind & working && mig_is_in_the_way(s, gpu, &change, p) &&
		    (p->gi >= 0 || !is_of_a_run(list, p->pid)))
			return true;
	}
	return false;
}

int run_claim_device(struct run *run, const struct mig_ci *ci, struct mig_error *reterr)
{
	struct engine_claim *c = &run->claim;

	if (!ci->uuid[0])
		return mig_fail(reterr, -EIO, "the driver names no UUID of the device %s",
				ci->name);
	snprintf(c->device, sizeof(c->device), "%s", ci->uuid);
	snprintf(c->profile, sizeof(c->profile), "%s", ci->name);
	engine_now(c->since);
	c->waiting = false;
	return engine_claim_write(run->fd, c, reterr);
}

struct search {
	struct run *run;
	const struct mig_snapshot *s;
	const struct engine_claim_list *list;
	struct cli_place place;
	const struct engine_claim *first; /* who has one that would do */
	unsigned n, busy;		  /* of them; with strangers' processes */
};

/* 1: taken */
static int try_gi(struct search *f, const struct mig_gpu *gpu, const struct mig_gi *gi,
		  struct mig_error *reterr)
{
	for (unsigned c = 0; c < gi->n_ci; c++) {
		const struct engine_claim *other = engine_claim_of(f->list, gi->ci[c].uuid);
		int r;

		if (!cli_place_takes(&f->place, gpu, gi, &gi->ci[c]))
			continue;
		f->n++;
		if (other) {
			f->first = f->first ? f->first : other;
			continue;
		}
		if (in_use(f->s, gpu, gi->id, gi->ci[c].id, f->list)) {
			f->busy++;
			continue;
		}
		r = run_claim_device(f->run, &gi->ci[c], reterr);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int none_free(const struct search *f, struct mig_error *reterr)
{
	const char *word = f->run->word;

	if (!f->n)
		return mig_fail(reterr, -ENOENT, "there is no MIG device %.60s now", word);
	if (f->first)
		return mig_fail(
			reterr, -EBUSY,
			"no %.60s is free: of %u the first is claimed by run %llu, '%.100s' "
			"(process %u, %s): wait with --wait, 'migctl runs' shows all",
			word, f->n, (unsigned long long)f->first->number, f->first->command,
			f->first->pid, f->first->user);
	return mig_fail(reterr, -EBUSY,
			"no %.60s is free: others compute on it: 'migctl who' shows them; wait "
			"with --wait",
			word);
}

int run_take_free(struct run *run, const struct engine_claim_list *list, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	struct search f = { .run = run, .list = list };
	int r = open_snapshot(run, OBSERVE_BOARD | OBSERVE_PROCESSES, &source, reterr);

	f.s = source.snapshot;
	if (r >= 0)
		r = cli_place_parse(f.s, run->place, &f.place, reterr);
	for (uint32_t g = 0; r == 0 && g < f.s->n_gpu; g++)
		for (uint32_t i = 0; r == 0 && i < f.s->gpu[g].n_gi; i++)
			r = try_gi(&f, &f.s->gpu[g], &f.s->gpu[g].gi[i], reterr);
	if (r)
		return r < 0 ? r : 0;
	return none_free(&f, reterr);
}

/* --- its turn --------------------------------------------------------------------------------- */

static int arrive(struct run *run, struct mig_error *reterr)
{
	int fd = run->fd < 0 ? engine_claim_arrive(&run->claims, &run->claim, reterr) : 0;

	if (run->fd < 0 && fd >= 0)
		run->fd = fd;
	return fd < 0 ? fd : 0;
}

/* One look, inside the door. *ret_before: whose turn it is first, 0: nobody's. */
static int look(struct run *run, uint64_t *ret_before, struct mig_error *reterr)
{
	struct engine_claim_list list = { 0 };
	const struct engine_claim *before;
	int r = engine_claims_enter(&run->claims, DOOR_MS, reterr);

	*ret_before = 0;
	if (r >= 0)
		r = arrive(run, reterr);
	if (r >= 0)
		r = engine_claims_list(&run->claims, &list, reterr);
	before = r >= 0 ? engine_claim_before(&list, &run->claim) : NULL;
	if (before) {
		*ret_before = before->number;
		r = mig_fail(
			reterr, -EBUSY,
			"run %llu, '%.100s' (%s), came first and waits for the same: wait with "
			"--wait, 'migctl runs' shows all",
			(unsigned long long)before->number, before->command, before->user);
	} else if (r >= 0) {
		r = run_take_free(run, &list, reterr);
	}
	engine_claim_list_free(&list);
	engine_claims_leave(&run->claims);
	return r;
}

/* It is this one's turn, and there is no free one. */
static int look_and_make(struct run *run, struct mig_error *reterr)
{
	struct engine_claim_list list = { 0 };
	struct act_args once = { 0 };
	int r = act_lock(&run->act, &once, reterr);

	if (r < 0)
		return r;
	r = engine_claims_enter(&run->claims, DOOR_MS, reterr);
	if (r >= 0)
		r = engine_claims_list(&run->claims, &list, reterr);
	/* One may have become free meanwhile. */
	if (r >= 0 && run_take_free(run, &list, NULL) < 0)
		r = run_make(run, reterr);
	engine_claim_list_free(&list);
	engine_claims_leave(&run->claims);
	act_unlock(&run->act);
	return r;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static bool time_is_over(const struct run *run)
{
	return run->until > 0 && now() >= run->until;
}

/*
 * Until the one in front has a device, or is gone. The driver is let go of meanwhile, so that many
 * who wait are in nobody's way.
 */
static int stand_behind(struct run *run, uint64_t before, struct mig_error *reterr)
{
	act_close(&run->act);
	while (!time_is_over(run) && engine_claim_waits(&run->claims, before))
		pause_ms(BEHIND_MS);
	return act_open(&run->act, reterr);
}

/* Whether waiting can help: room comes back as well. */
static bool may_change(const struct run *run, int r)
{
	return r == -EBUSY || r == -ENOENT || (run->create && r == -ENOTSUP);
}

int run_take(struct run *run, struct mig_error *reterr)
{
	unsigned pause = FIRST_MS;

	for (;;) {
		struct mig_error err = { 0 };
		uint64_t before;
		int r = look(run, &before, &err);

		if (r < 0 && !before && run->create && (r == -EBUSY || r == -ENOENT))
			r = look_and_make(run, &err);
		if (r >= 0)
			return 0;
		if (!run->wait || !may_change(run, r) || time_is_over(run)) {
			if (reterr)
				*reterr = err;
			return r;
		}
		if (before) {
			r = stand_behind(run, before, reterr);
			if (r < 0)
				return r;
			continue;
		}
		pause_ms(pause);
		pause = pause + 5 < LAST_MS ? pause + 5 : LAST_MS;
	}
}
