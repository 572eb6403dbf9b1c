/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/cmd.h"
#include "cli/names.h"
#include "cli/place.h"
#include "observe/observe.h"

/*
 * "migctl name": names for places. They are of the machine, not of a user, and change no GPU: a
 * name stays when its instance goes and means the same when one comes back there.
 */

struct args {
	struct act_args act;
	bool remove;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt name_opts[] = {
	OPT_FLAG("remove", 'r', A(remove), "the name is to go; the instance stays"),
	OPT_U64("wait", 'w', A(act.wait), "SECONDS", "wait that long for other commands"),
	OPT_ENUM("output", 'o', A(act.source.format), "FORMAT", cli_formats, "how to print"),
	OPT_FLAG("no-color", 0, A(act.source.no_color), "no colour, also on a terminal"),
	OPT_END,
};
#undef A

/* --- what is printed -------------------------------------------------------------------------- */

struct name_row {
	const char *name, *profile, *gpu_uuid;
	char place[MIG_PROFILE_NAME + 24], uuid[64];
	uint32_t start;
	int32_t gpu, gi, devices;
};

#define R(f) offsetof(struct name_row, f)
static const struct cli_field name_fields[] = {
	{ "name", "NAME", F_PTR, R(name) },	{ "", "PLACE", F_STR, R(place) },
	{ "gpu", NULL, F_INT, R(gpu) },		{ "gpu_uuid", NULL, F_PTR, R(gpu_uuid) },
	{ "profile", NULL, F_PTR, R(profile) }, { "start", NULL, F_U32, R(start) },
	{ "gi", "GI", F_INT, R(gi) },		{ "devices", "DEVICES", F_INT, R(devices) },
	{ "uuid", "UUID", F_STR, R(uuid) },	{ NULL },
};
#undef R

static void fill(const struct mig_snapshot *s, const struct engine_name *name, struct name_row *row)
{
	const struct mig_gpu *gpu = cli_place_gpu(s, name->uuid, strlen(name->uuid));
	const struct mig_gi *gi = gpu ? cli_name_gi(name, gpu) : NULL;

	*row = (struct name_row){ .name = name->name,
				  .profile = name->profile,
				  .gpu_uuid = name->uuid,
				  .start = name->start,
				  .gpu = gpu ? (int32_t)gpu->index : CLI_NONE,
				  .gi = gi ? gi->id : CLI_NONE,
				  .devices = gi ? gi->n_ci : 0 };
	if (gpu)
		snprintf(row->place, sizeof(row->place), "%u/%s@%u", gpu->index, name->profile,
			 name->start);
	else
		snprintf(row->place, sizeof(row->place), "?/%s@%u", name->profile, name->start);
	if (gi && gi->n_ci == 1)
		snprintf(row->uuid, sizeof(row->uuid), "%s", gi->ci[0].uuid);
}

static int show(struct cli_out *out, const struct mig_snapshot *s, const struct engine_names *names,
		struct mig_error *reterr)
{
	_cleanup_free_ struct name_row *rows = calloc(names->n + 1, sizeof(*rows));
	bool lost = false;
	int r;

	if (!rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < names->n; i++) {
		fill(s, &names->name[i], &rows[i]);
		lost = lost || rows[i].gpu == CLI_NONE;
	}
	r = cli_out_list(out, "names", NULL,
			 "No place has a name: 'migctl name train-a 0/3g.40gb@4' gives one.",
			 name_fields, rows, names->n, sizeof(*rows));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the names: %s", strerror(-r));
	if (lost)
		cli_out_say(out, RENDER_PLAIN,
			    "?: this GPU is not in the machine now, or does not answer.");
	return cli_out_end(out, reterr);
}

/* --- which place ------------------------------------------------------------------------------ */

/* By its ids or its UUID: what stands there now. */
static int place_of_instance(const struct cli_place *p, const char *word, struct engine_name *ret,
			     struct mig_error *reterr)
{
	for (uint32_t i = 0; i < p->gpu->n_gi; i++) {
		const struct mig_gi *gi = &p->gpu->gi[i];
		const struct mig_ci *ci = gi->n_ci ? &gi->ci[0] : NULL;
		bool is = p->gi == gi->id && p->ci < 0;

		for (unsigned c = 0; c < gi->n_ci && !is; c++) {
			ci = &gi->ci[c];
			is = cli_place_takes(p, p->gpu, gi, ci);
		}
		if (!is)
			continue;
		if (ci && gi->n_ci > 1 && (p->ci >= 0 || p->uuid[0]))
			return mig_fail(reterr, -EINVAL,
					"%.60s is one of %u parts of a GPU instance, and a name is "
					"for a whole one: %u/%u",
					word, gi->n_ci, p->gpu->index, gi->id);
		if (gi->start == MIG_START_UNKNOWN || gi->profile >= p->gpu->board.n_gi)
			return mig_fail(reterr, -EIO, "the driver does not say where %.60s lies",
					word);
		snprintf(ret->profile, sizeof(ret->profile), "%s",
			 p->gpu->board.gi[gi->profile].name);
		ret->start = gi->start;
		return 0;
	}
	return mig_fail(reterr, -ENOENT, "there is no instance %.60s: 'migctl devices' shows all",
			word);
}

static int the_start(const struct mig_gi_profile *p, const struct cli_place *place,
		     struct engine_name *ret, struct mig_error *reterr)
{
	uint64_t starts = 0;
	char text[200];

	if (place->start >= 0) {
		ret->start = (uint8_t)place->start;
		return 0;
	}
	for (unsigned i = 0; i < p->n_starts; i++)
		starts |= 1ull << p->starts[i];
	if (p->n_starts == 1) {
		ret->start = p->starts[0];
		return 0;
	}
	return mig_fail(reterr, -EINVAL,
			"'%s' is no place without a start, such as %s@%u: it can start at %s",
			p->name, p->name, p->n_starts ? p->starts[0] : 0,
			cli_starts_text(starts, text, sizeof(text)));
}

static int place_of_profile(const struct cli_place *p, struct engine_name *ret,
			    struct mig_error *reterr)
{
	snprintf(ret->profile, sizeof(ret->profile), "%s", p->profile);
	for (unsigned i = 0; i < p->gpu->board.n_gi; i++)
		if (!strcmp(p->gpu->board.gi[i].name, p->profile))
			return the_start(&p->gpu->board.gi[i], p, ret, reterr);
	return mig_fail(reterr, -EINVAL, "GPU %u has no profile %s", p->gpu->index, p->profile);
}

static int find_place(const struct mig_snapshot *s, const char *word, struct engine_name *ret,
		      struct mig_error *reterr)
{
	struct cli_place p = { 0 };
	int r = cli_place_parse(s, word, &p, reterr);

	if (r < 0)
		return r;
	if (!p.gpu && s->n_gpu == 1)
		p.gpu = &s->gpu[0];
	if (p.profile[0] && !p.whole)
		return mig_fail(
			reterr, -EINVAL,
			"'%.60s' is a part of a GPU instance, and a name is for a whole one", word);
	if (!p.gpu)
		return mig_fail(reterr, -EINVAL,
				"'%.60s' of which GPU? There are %u: such as 0/%.60s", word,
				s->n_gpu, word);
	r = p.gi >= 0 || p.uuid[0] ? place_of_instance(&p, word, ret, reterr)
				   : place_of_profile(&p, ret, reterr);
	if (r < 0)
		return r;
	if (!p.gpu->uuid[0])
		return mig_fail(reterr, -EIO, "the driver names no UUID of GPU %u", p.gpu->index);
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", p.gpu->uuid);
	return 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

static int add(struct engine_names *names, const struct mig_snapshot *s, const char *name,
	       const char *word, struct mig_error *reterr)
{
	const struct engine_name *there = engine_name_find(names, name);
	struct engine_name new = { 0 }, *more;
	const char *called;
	int r;

	if (there)
		return mig_fail(
			reterr, -EEXIST,
			"'%s' is the name of %s@%u already: 'migctl name --remove %s' frees "
			"it",
			name, there->profile, there->start, name);
	r = find_place(s, word, &new, reterr);
	if (r < 0)
		return r;
	called = engine_name_of(names, new.uuid, new.profile, new.start);
	if (called)
		return mig_fail(reterr, -EEXIST,
				"%.60s is called '%s' already: 'migctl name --remove %s' ends that",
				word, called, called);
	if (names->n == ENGINE_MAX_NAMES)
		return mig_fail(reterr, -ENOSPC, "there are %d names already", ENGINE_MAX_NAMES);
	more = realloc(names->name, (names->n + 1) * sizeof(*more));
	if (!more)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	snprintf(new.name, sizeof(new.name), "%s", name);
	names->name = more;
	names->name[names->n++] = new;
	return 0;
}

static int drop(struct engine_names *names, const char *name, struct mig_error *reterr)
{
	const struct engine_name *there = engine_name_find(names, name);
	size_t at;

	if (!there)
		return mig_fail(reterr, -ENOENT,
				"there is no name '%.60s': 'migctl name' shows what there is",
				name);
	at = (size_t)(there - names->name);
	memmove(&names->name[at], &names->name[at + 1],
		(names->n - at - 1) * sizeof(names->name[0]));
	names->n--;
	return 0;
}

static int keep_only(struct engine_names *names, const char *name, struct mig_error *reterr)
{
	const struct engine_name *there = engine_name_find(names, name);

	if (!there)
		return mig_fail(reterr, -ENOENT,
				"there is no name '%.60s': 'migctl name' shows what there is",
				name);
	names->name[0] = *there;
	names->n = 1;
	return 0;
}

/* Two who name at once: one after the other. */
static int change(struct act *act, const struct args *a, const struct mig_snapshot *s, char **argv,
		  struct engine_names *names, struct mig_error *reterr)
{
	int r = act_lock_only(act, &a->act, reterr);

	if (r >= 0)
		r = engine_names_read(act->dir, names, reterr);
	if (r >= 0)
		r = a->remove ? drop(names, argv[0], reterr)
			      : add(names, s, argv[0], argv[1], reterr);
	if (r >= 0)
		r = engine_names_write(act->dir, names, reterr);
	act_unlock(act);
	return r >= 0 && !a->remove ? keep_only(names, argv[0], reterr) : r;
}

static int check_words(const struct args *a, int argc, char **argv, struct mig_error *reterr)
{
	if (a->remove && argc != 1)
		return mig_fail(reterr, -EINVAL,
				"--remove takes the name that is to go, and nothing else");
	return argc ? engine_name_check(argv[0], reterr) : 0;
}

static int name(struct act *act, struct args *a, struct cli_out *out, int argc, char **argv,
		struct mig_error *reterr)
{
	_cleanup_(engine_names_free) struct engine_names names = { 0 };
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	int r;

	a->act.source.nvml = &act->nvml;
	r = cli_source_open(&a->act.source, OBSERVE_BOARD, &source, reterr);
	if (r >= 0 && (a->remove || argc == 2))
		r = change(act, a, source.snapshot, argv, &names, reterr);
	else if (r >= 0)
		r = engine_names_read(act->dir, &names, reterr);
	if (r >= 0 && argc == 1 && !a->remove)
		r = keep_only(&names, argv[0], reterr);
	if (r < 0)
		return r;
	r = cli_source_heading(&source, out);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the names: %s", strerror(-r));
	r = show(out, source.snapshot, &names, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}

int cmd_name(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(act_close) struct act act = { 0 };
	struct args a = { 0 };
	int r;

	act_command(cmd, argc, argv, act.command, sizeof(act.command));
	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = check_words(&a, argc, argv, reterr);
	if (r >= 0)
		r = cli_source_out(&a.act.source, &out, reterr);
	if (r >= 0)
		r = act_open(&act, reterr);
	if (r >= 0)
		r = name(&act, &a, out, argc, argv, reterr);
	return act_refused(&act, r, reterr);
}
