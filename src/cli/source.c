/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "model/snapshot.h"
#include "observe/observe.h"
#include "spec/snapshot_json.h"

static bool has_gpu(const struct mig_snapshot *s, uint32_t index)
{
	for (uint32_t i = 0; i < s->n_gpu; i++)
		if (s->gpu[i].index == index)
			return true;
	return false;
}

/*
 * Of a recording: the GPUs that -i names, and their processes; those that have files open which
 * belong to no GPU may stand in the way of any.
 */
static int keep_chosen(struct mig_snapshot *s, const char *gpus, struct mig_error *reterr)
{
	struct mig_choice choice;
	uint32_t before = s->n_gpu, n = 0, first, last;
	int r;

	if (!gpus)
		return 0;
	first = before ? s->gpu[0].index : 0;
	last = before ? s->gpu[before - 1].index : 0;
	r = mig_choice_begin(&choice, gpus, reterr);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < s->n_gpu; i++)
		if (mig_choice_takes(&choice, &s->gpu[i]))
			s->gpu[n++] = s->gpu[i];
	s->n_gpu = n;
	r = mig_choice_end(&choice, before, first, last, reterr);
	if (r < 0)
		return r;
	n = 0;
	for (uint32_t i = 0; i < s->n_process; i++)
		if (s->process[i].gpu == MIG_NO_GPU || has_gpu(s, s->process[i].gpu))
			s->process[n++] = s->process[i];
	s->n_process = n;
	return 0;
}

static int open_recording(const struct cli_source_args *args, struct cli_source *source,
			  struct mig_error *reterr)
{
	int r = spec_snapshot_read(args->snapshot, &source->snapshot, reterr);

	return r < 0 ? r : keep_chosen(source->snapshot, args->gpus, reterr);
}

static int open_machine(const struct cli_source_args *args, unsigned wish,
			struct cli_source *source, struct mig_error *reterr)
{
	int r = 0;

	if (args->nvml) {
		source->nvml = *args->nvml;
	} else {
		r = cli_nvml_open(&source->nvml, reterr);
		source->open = r >= 0;
	}
	if (r < 0)
		return r;
	return observe_machine(&source->nvml.api, args->gpus, wish, &source->snapshot, reterr);
}

int cli_source_open(const struct cli_source_args *args, unsigned wish, struct cli_source *ret,
		    struct mig_error *reterr)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->again = args->again;
	r = args->snapshot ? open_recording(args, ret, reterr)
			   : open_machine(args, wish, ret, reterr);
	if (r < 0)
		cli_source_close(ret);
	return r;
}

void cli_source_close(struct cli_source *source)
{
	mig_snapshot_free(source->snapshot);
	source->snapshot = NULL;
	/*
	 * A process that ends need not shut NVML down: the kernel takes back what it has, as it
	 * does after a kill. On an H200 (580.159.04) that saves 1.3 of 21 ms.
	 */
	if (source->open && source->again)
		cli_nvml_close(&source->nvml);
	source->open = false;
}

int cli_source_out(const struct cli_source_args *args, struct cli_out **ret,
		   struct mig_error *reterr)
{
	int r = cli_out_new((enum cli_format)args->format, ret, reterr);

	if (r >= 0 && args->no_color)
		cli_out_no_color(*ret);
	return r;
}

bool cli_source_say_nothing(struct cli_out *out, const struct mig_gpu *gpu)
{
	if (gpu->status)
		cli_out_say(out, RENDER_HERE, "GPU %u does not answer: %s says %s.", gpu->index,
			    gpu->failed_call, observe_status_name(gpu->status));
	else if (!gpu->mig_capable)
		cli_out_say(out, RENDER_PLAIN, "GPU %u (%s) has no MIG mode.", gpu->index,
			    gpu->name);
	return gpu->status || !gpu->mig_capable;
}

int cli_source_heading(const struct cli_source *source, struct cli_out *out)
{
	const struct mig_snapshot *s = source->snapshot;
	char taken[sizeof(s->taken) + sizeof(s->host) + 4];
	int r = cli_out_str(out, "source", s->recorded ? "Recording:" : "Machine:", s->source);

	/* A real driver's machine is called by its version already. */
	if (r >= 0)
		r = cli_out_str(out, "driver", s->recorded || s->lab ? "Driver:" : NULL,
				s->driver[0] ? s->driver : NULL);
	if (r < 0)
		return r;
	/* For people also where: a recording travels. */
	snprintf(taken, sizeof(taken), "%s%s%s", s->taken, s->host[0] ? " on " : "", s->host);
	return cli_out_str(out, "recorded", "Taken:",
			   !s->recorded		   ? NULL
			   : cli_out_is_table(out) ? taken
						   : s->taken);
}

int cli_source_one_gpu(const struct cli_source *source, const struct mig_gpu **ret,
		       struct mig_error *reterr)
{
	const struct mig_snapshot *s = source->snapshot;

	if (!s->n_gpu)
		return mig_fail(reterr, -ENOENT, "there is no GPU in %s", s->source);
	if (s->n_gpu > 1)
		return mig_fail(reterr, -EINVAL,
				"there are %u GPUs: say with -i which one is meant, such as -i %u",
				s->n_gpu, s->gpu[0].index);
	*ret = &s->gpu[0];
	return 0;
}

int cli_source_must_be_live(const struct cli_source_args *args, const char *what,
			    struct mig_error *reterr)
{
	if (!args->snapshot)
		return 0;
	return mig_fail(reterr, -EINVAL,
			"%s is a recording, not this machine: '%s' needs the machine itself; leave "
			"--snapshot out",
			args->snapshot, what);
}
