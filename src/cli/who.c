/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/names.h"
#include "cli/place.h"
#include "cli/source.h"
#include "cli/who.h"
#include "observe/observe.h"

/* Who holds a GPU or a part of it, and what has to stop before it can be changed. */

#define A(f) offsetof(struct who_args, f)
const struct cli_opt who_opts[] = { CLI_SOURCE_OPTS(A(source)), OPT_END };
#undef A

/* --- which part of the machine ---------------------------------------------------------------- */

/* "GPU/GI/CI": the GPU's own word goes to *ret_gpu. */
static int parse_place(const char *word, struct who_place *ret, char *ret_gpu, size_t size,
		       struct mig_error *reterr)
{
	const char *rest = strchr(word, '/');
	int *id[] = { &ret->gi, &ret->ci };
	size_t n = rest ? (size_t)(rest - word) : strlen(word);

	if (!n || n >= size || strchr(word, ','))
		goto bad;
	memcpy(ret_gpu, word, n);
	ret_gpu[n] = '\0';
	for (unsigned i = 0; rest; i++) {
		char *end;
		unsigned long v = strtoul(rest + 1, &end, 10);

		if (i == ARRAY_SIZE(id) || rest[1] < '0' || rest[1] > '9' || v > 255 ||
		    (*end && *end != '/'))
			goto bad;
		*id[i] = (int)v;
		rest = *end ? end : NULL;
	}
	return 0;
bad:
	return mig_fail(
		reterr, -EINVAL,
		"'%.60s' names no device: a GPU as index, UUID, serial number or bus id; an "
		"instance as GPU/GI or GPU/GI/CI, such as 0/2/0; a MIG device by its UUID; a "
		"name of 'migctl name' (several GPUs: -i 0,1)",
		word);
}

static int find_uuid(const struct mig_snapshot *s, const char *uuid, struct who_place *ret,
		     struct mig_error *reterr)
{
	const struct mig_gi *gi;
	const struct mig_ci *ci;
	int r = cli_place_device(s, uuid, &ret->gpu, &gi, &ci, reterr);

	if (r < 0)
		return r;
	ret->gi = gi->id;
	ret->ci = ci->id;
	return 0;
}

/* "1, 2, 5" */
static void list_ids(const struct mig_gpu *gpu, const struct mig_gi *gi, char *ret, size_t size)
{
	unsigned n = gi ? gi->n_ci : gpu->n_gi;
	size_t at = 0;

	snprintf(ret, size, "none");
	for (unsigned i = 0; i < n && at + 8 < size; i++)
		at += (size_t)snprintf(ret + at, size - at, "%s%u", i ? ", " : "",
				       (unsigned)(gi ? gi->ci[i].id : gpu->gi[i].id));
}

static int check_place(const struct who_place *place, struct mig_error *reterr)
{
	const struct mig_gpu *gpu = place->gpu;
	char ids[80];

	if (place->gi < 0)
		return 0;
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];

		if (gi->id != place->gi)
			continue;
		for (unsigned c = 0; c < gi->n_ci; c++)
			if (gi->ci[c].id == place->ci)
				return 0;
		if (place->ci < 0)
			return 0;
		list_ids(gpu, gi, ids, sizeof(ids));
		return mig_fail(reterr, -ENOENT,
				"GPU %u has no compute instance %d in GPU instance %d; there: %s",
				gpu->index, place->ci, place->gi, ids);
	}
	if (gpu->gi_status && gpu->mode == MIG_MODE_ON)
		return mig_fail(reterr, -EPERM,
				"whether GPU %u has a GPU instance %d the driver does not say (%s)",
				gpu->index, place->gi, observe_status_name(gpu->gi_status));
	list_ids(gpu, NULL, ids, sizeof(ids));
	return mig_fail(reterr, -ENOENT, "GPU %u has no GPU instance %d; there: %s", gpu->index,
			place->gi, ids);
}

static int set_named(const struct engine_name *name, struct who_place *ret,
		     struct mig_error *reterr)
{
	const struct mig_gi *gi = cli_name_gi(name, ret->gpu);

	if (!gi)
		return cli_name_not_there(name, ret->gpu, reterr);
	ret->gi = gi->id;
	return 0;
}

static int open_place(const char *word, struct who_args *a, struct who_place *ret,
		      struct cli_source *source, struct mig_error *reterr)
{
	const unsigned wish = OBSERVE_BOARD | OBSERVE_PROCESSES | OBSERVE_HOLDERS;
	bool is_mig = word && !strncasecmp(word, "MIG-", 4), is_name = false;
	struct engine_name name;
	char gpu[64];
	int r = 0;

	*ret = (struct who_place){ .gi = -1, .ci = -1 };
	if (word && a->source.gpus)
		return mig_fail(
			reterr, -EINVAL,
			"-i and the device '%.60s' are two ways to say which: leave one out", word);
	if (word && !a->source.snapshot)
		r = cli_name_look_up(word, &name, reterr);
	is_name = r > 0;
	if (is_name) {
		a->source.gpus = name.uuid;
	} else if (r >= 0 && word && !is_mig) {
		r = parse_place(word, ret, gpu, sizeof(gpu), reterr);
		a->source.gpus = gpu;
	}
	if (r >= 0)
		r = cli_source_open(&a->source, wish, source, reterr);
	a->source.gpus = NULL;
	if (r < 0 || !word)
		return r;
	if (is_mig)
		return find_uuid(source->snapshot, word, ret, reterr);
	r = cli_source_one_gpu(source, &ret->gpu, reterr);
	if (r >= 0 && is_name)
		return set_named(&name, ret, reterr);
	return r < 0 ? r : check_place(ret, reterr);
}

/* --- what is printed -------------------------------------------------------------------------- */

static void say_hidden(const struct mig_holders_seen *seen, struct cli_out *out)
{
	if (!seen->asked)
		cli_out_say(out, RENDER_PLAIN,
			    "Who has device files open is not known: /proc was not searched.");
	if (seen->n_unread)
		cli_out_say(
			out, RENDER_PLAIN,
			"%u process%s of other users could not be looked at and may hold device "
			"files: root sees them.",
			seen->n_unread, seen->n_unread == 1 ? "" : "es");
	if (seen->hidden)
		cli_out_say(
			out, RENDER_PLAIN,
			"/proc shows no processes of other users here (hidepid): root sees them.");
	if (seen->namespaced)
		cli_out_say(
			out, RENDER_PLAIN,
			"This is a container's pid namespace: processes outside are not seen, and "
			"the driver's lists may number those inside otherwise.");
	if (seen->lab_status)
		cli_out_say(out, RENDER_PLAIN,
			    "The lab could not say who only has its driver open (%s).",
			    observe_status_name(seen->lab_status));
}

static void say_gpus(const struct cli_source *source, struct cli_out *out)
{
	const struct mig_snapshot *s = source->snapshot;

	for (uint32_t i = 0; i < s->n_gpu; i++) {
		const struct mig_gpu *gpu = &s->gpu[i];

		if (gpu->status)
			cli_out_say(out, RENDER_PLAIN, "GPU %u does not answer: %s says %s.",
				    gpu->index, gpu->failed_call, observe_status_name(gpu->status));
		else if (gpu->process_status)
			cli_out_say(out, RENDER_PLAIN,
				    "GPU %u: the driver did not list its processes (%s).",
				    gpu->index, observe_status_name(gpu->process_status));
		if (!gpu->status && gpu->gi_status && gpu->gi_status != NVML_ERROR_NO_PERMISSION)
			cli_out_say(out, RENDER_PLAIN,
				    "GPU %u: the driver did not list all of its instances (%s).",
				    gpu->index, observe_status_name(gpu->gi_status));
		if (!gpu->status && gpu->mode == MIG_MODE_ON && gpu->board_origin == MIG_BOARD_NONE)
			cli_out_say(out, RENDER_PLAIN,
				    "GPU %u: the driver did not list all of its instances, as it "
				    "names no profiles.",
				    gpu->index);
	}
}

static void say_files(const struct mig_snapshot *s, struct cli_out *out)
{
	for (uint32_t i = 0; i < s->n_process; i++) {
		if (!s->lab || s->process[i].kind != MIG_PROCESS_FILE)
			continue;
		cli_out_say(
			out, RENDER_PLAIN,
			"Open device files alone block nothing in a lab; on a real GPU they block a "
			"reset, and those of an instance its end.");
		return;
	}
}

/* Facts beside the lists: how far this could see. */
static int seen_facts(const struct mig_holders_seen *seen, struct cli_out *out)
{
	int r = cli_out_u64(out, "unread_processes", NULL, seen->n_unread);

	if (r >= 0)
		r = cli_out_bool(out, "others_hidden", NULL, seen->hidden);
	if (r >= 0)
		r = cli_out_bool(out, "in_pid_namespace", NULL, seen->namespaced);
	if (r >= 0)
		r = cli_out_bool(out, "files_searched", NULL, seen->asked);
	return r;
}

static int print(const struct cli_source *source, const struct who_place *place,
		 struct cli_out *out, struct mig_error *reterr)
{
	const struct mig_snapshot *s = source->snapshot;
	int r = cli_source_heading(source, out);

	cli_out_main_list(out, "processes");
	if (r >= 0)
		r = seen_facts(&s->holders, out);
	if (r >= 0)
		r = who_processes(s, place, out);
	if (r >= 0)
		r = who_stops(s, place, out);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	cli_out_gap(out);
	say_gpus(source, out);
	say_files(s, out);
	say_hidden(&s->holders, out);
	return cli_out_end(out, reterr);
}

static void source_closep(struct cli_source *source)
{
	cli_source_close(source);
}

int cmd_who(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(source_closep) struct cli_source source = { 0 };
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct who_args a = { 0 };
	struct who_place place;
	bool chosen;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	chosen = argv[0] || a.source.gpus;
	r = open_place(argv[0], &a, &place, &source, reterr);
	place.whole_machine = !chosen;
	if (r >= 0)
		r = cli_source_out(&a.source, &out, reterr);
	if (r < 0)
		return r;
	r = print(&source, &place, out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
