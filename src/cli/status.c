/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/source.h"
#include "cli/status_rows.h"
#include "cli/watch.h"
#include "observe/observe.h"

/* "migctl status", and migctl alone: each GPU as a picture, and what a picture has no room for. */

struct args {
	struct cli_source_args source;
	const char *watch;
};

const struct cli_opt status_opts[] = {
	CLI_SOURCE_OPTS(offsetof(struct args, source)),
	OPT_MAYBE("watch", 'w', offsetof(struct args, watch), "[SECONDS]",
		  "again and again, every 2 seconds without a number; Ctrl-C ends it"),
	OPT_END,
};

/* "3, 6 and 7" */
static void list_text(uint64_t mask, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < 64 && mask >> i; i++) {
		bool last = mask >> i == 1;

		if (mask >> i & 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%u",
						 !used	? ""
						 : last ? " and "
							: ", ",
						 i);
	}
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void say_full(struct cli_out *out, const struct mig_gpu *gpu,
		     const struct mig_plan_measure *m)
{
	/* Twelve units are four slices of memory: a unit is then no slice. */
	const char *unit =
		gpu->board.units == gpu->board.memory_slices ? "memory slice" : "memory unit";
	const char *best = m->largest_best < 0 ? "nothing" : gpu->board.gi[m->largest_best].name;
	char dead[64];

	cli_out_say(out, RENDER_PLAIN, "Free: %u of %u compute slices, %u of %u %ss; %s%s.",
		    m->slices_free, m->slices, m->units_free, m->units, unit,
		    m->largest < 0 ? "nothing more fits" : "the largest that fits is ",
		    m->largest < 0 ? "" : gpu->board.gi[m->largest].name);
	list_text(m->dead_mask, dead, sizeof(dead));
	if (m->dead_mask)
		cli_out_say(out, RENDER_PLAIN, "No profile can use %s%s %s as it is.", unit,
			    plural((unsigned)__builtin_popcountll(m->dead_mask)), dead);
	if (m->largest != m->largest_best)
		cli_out_say(out, RENDER_HERE,
			    "Fragmented: at other places the same instances would leave room for "
			    "%s (see 'migctl help fragmentation').",
			    best);
	else if (m->room < m->room_best)
		cli_out_say(out, RENDER_HERE,
			    "Fragmented: %u layout%s can still be reached; with the same instances "
			    "at other places it would be %u (see 'migctl help fragmentation').",
			    m->room, plural(m->room), m->room_best);
}

static void say_pending(struct cli_out *out, const struct mig_snapshot *s,
			const struct mig_gpu *gpu)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < s->n_process; i++)
		n += s->process[i].gpu == gpu->index && cli_process_runs(&s->process[i]);
	cli_out_say(
		out, RENDER_HERE,
		"MIG mode is %s and turns %s when the GPU is reset or the machine starts again.",
		gpu->mode == MIG_MODE_ON ? "on" : "off",
		gpu->pending == MIG_MODE_ON ? "on" : "off");
	if (n)
		cli_out_say(out, RENDER_HERE,
			    "%u process%s run%s on it, and a reset has to wait for %s "
			    "('migctl who -i %u').",
			    n, n == 1 ? "" : "es", n == 1 ? "s" : "", n == 1 ? "it" : "them",
			    gpu->index);
	else
		cli_out_say(out, RENDER_PLAIN,
			    "Whoever has it open keeps it from a reset: 'migctl who -i %u' tells.",
			    gpu->index);
}

static void say_without_ci(struct cli_out *out, const struct mig_gpu *gpu)
{
	char ids[64] = "";
	uint64_t mask = 0;

	for (unsigned i = 0; i < gpu->n_gi; i++)
		if (!gpu->gi[i].ci_status && !gpu->gi[i].n_ci)
			mask |= 1ull << (gpu->gi[i].id & 63);
	if (!mask || gpu->gi_status)
		return;
	list_text(mask, ids, sizeof(ids));
	cli_out_say(out, RENDER_HERE, "GI %s ha%s no compute instance: CUDA cannot use %s.", ids,
		    mask & (mask - 1) ? "ve" : "s", mask & (mask - 1) ? "them" : "it");
}

/* Of an ordinary user a real driver hides where instances lie; a guess would be worse than none. */
static void say_hidden(struct cli_out *out, const struct mig_gpu *gpu)
{
	if (gpu->gi_status)
		cli_out_say(out, RENDER_HERE,
			    "GPU %u  %s: MIG is on. Its instances cannot be read as this user "
			    "(%s); those that have a MIG device are listed below.",
			    gpu->index, gpu->name, observe_status_name(gpu->gi_status));
	else
		cli_out_say(out, RENDER_HERE,
			    "GPU %u  %s: MIG is on. The driver does not tell where all of its "
			    "instances lie; they are listed below.",
			    gpu->index, gpu->name);
}

static int show_gpu(struct cli_out *out, const struct mig_snapshot *s, const struct mig_gpu *gpu,
		    const struct cli_gpu_full *full)
{
	struct render_gpu picture;
	int r = 0;

	cli_out_gap(out);
	if (gpu->status) {
		cli_out_say(out, RENDER_HERE, "GPU %u  %s%sdoes not answer: %s says %s.",
			    gpu->index, gpu->name, gpu->name[0] ? ": " : "", gpu->failed_call,
			    observe_status_name(gpu->status));
		return 0;
	}
	if (cli_gpu_picture(s, gpu, cli_out_columns(out), &picture)) {
		/* A recording knows the slices with MIG off, too: the driver is not asked for them
		 * then, as it costs calls, and the same GPU is to look the same.
		 */
		if (gpu->mode != MIG_MODE_ON)
			picture.units = picture.compute_slices = picture.memory_slices = 0;
		r = cli_out_draw(out, 0, render_gpu, &picture);
	} else {
		say_hidden(out, gpu);
	}
	if (r < 0)
		return r;
	cli_out_say(out, RENDER_FAINT, "%s  %s", gpu->bus_id, gpu->uuid);
	if (gpu->mode != gpu->pending)
		say_pending(out, s, gpu);
	if (full)
		say_full(out, gpu, &full->measure);
	say_without_ci(out, gpu);
	if (gpu->process_status && gpu->process_status != MIG_NOT_ASKED)
		cli_out_say(out, RENDER_HERE, "Who runs on it could not be read: %s.",
			    observe_status_name(gpu->process_status));
	return 0;
}

/* Pictures for people; programs get the same as records. */
static int show_gpus(struct cli_out *out, const struct mig_snapshot *s)
{
	_cleanup_free_ struct status_gpu_row *rows = calloc(s->n_gpu + 1, sizeof(*rows));
	_cleanup_(cli_gpu_full_done) struct cli_gpu_full full = { 0 };
	int r = rows ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < s->n_gpu && r >= 0; i++) {
		const struct cli_gpu_full *have = &full;

		r = cli_gpu_measure(&s->gpu[i], &full);
		if (r == -ENOMEM)
			break;
		if (r < 0)
			have = NULL;
		r = 0;
		if (cli_out_is_table(out))
			r = show_gpu(out, s, &s->gpu[i], have);
		status_gpu_row(&s->gpu[i], have, &rows[i]);
	}
	if (r < 0 || cli_out_is_table(out))
		return r;
	return cli_out_list(out, "gpus", NULL, NULL, status_gpu_fields, rows, s->n_gpu,
			    sizeof(rows[0]));
}

static int show_lists(struct cli_out *out, const struct mig_snapshot *s,
		      const struct engine_names *names)
{
	_cleanup_free_ struct status_instance_row *instances =
		calloc(status_instances_max(s) + 1, sizeof(*instances));
	_cleanup_free_ struct status_process_row *processes =
		calloc(s->n_process + 1, sizeof(*processes));
	int r;

	if (!instances || !processes)
		return -ENOMEM;
	r = cli_out_list(out, "instances", "Instances", NULL, status_instance_fields, instances,
			 status_instance_rows(s, names, instances), sizeof(instances[0]));
	if (r < 0)
		return r;
	return cli_out_list(out, "processes", "Processes", NULL, status_process_fields, processes,
			    status_process_rows(s, processes), sizeof(processes[0]));
}

/* One look at the machine. The driver is let go afterwards: whoever has it open blocks a reset. */
static int look(const void *what, FILE *to, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_(engine_names_free) struct engine_names names = { 0 };
	const struct args *a = what;
	int r = cli_source_open(&a->source, OBSERVE_MEMORY | OBSERVE_PROCESSES, &source, reterr);

	if (r >= 0)
		r = cli_source_out(&a->source, &out, reterr);
	if (r < 0)
		return r;
	cli_out_to(out, to);
	cli_names_for(&source, &names);
	r = cli_source_heading(&source, out);
	if (r >= 0 && !source.snapshot->n_gpu)
		cli_out_say(out, RENDER_PLAIN, "There is no GPU.");
	if (r >= 0)
		r = show_gpus(out, source.snapshot);
	if (r >= 0)
		r = show_lists(out, source.snapshot, &names);
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the status: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

int cmd_status(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct args a = { 0 };
	double seconds;
	int r = cli_parse(cmd, &a, &argc, argv, reterr);

	if (r < 0)
		return r;
	if (!a.watch) {
		r = look(&a, stdout, reterr);
		return r < 0 ? r : CLI_EXIT_OK;
	}
	a.source.again = true;
	r = cli_watch_seconds(a.watch, &seconds, reterr);
	if (r >= 0)
		r = cli_watch(look, &a, seconds, a.source.format == CLI_TABLE, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
