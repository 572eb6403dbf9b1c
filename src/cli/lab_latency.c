/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lab_latency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "cli/nearest.h"
#include "cli/out.h"
#include "lab/trouble.h"

/* How long calls of NVML take in a lab: nothing, as measured, or what a file says. */

/* data/latency, one file behind the other: made by tools/make-latency. */
extern const char lab_latency_measured[];

struct args {
	const char *lab;
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_latency_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"),
	OPT_STR("lab", 0, A(lab), "NAME", "the lab; the chosen one without it"), OPT_END
};
#undef A

_Static_assert(SPEC_LATENCY_CALLS == LAB_MAX_CALLS, "one number for each call");

/* --- names ---------------------------------------------------------------------------------- */

/* nvmlErrorString looks into a table: no driver has to be asked. */
static bool takes_time(unsigned call)
{
	return strcmp(lab_call_groups[lab_calls[call].group].name, "text") != 0;
}

static void suggest(const char *word, struct cli_nearest *near)
{
	cli_nearest_begin(near, word, strlen(word));
	for (unsigned i = 0; i < lab_n_calls; i++)
		if (takes_time(i))
			cli_nearest_add(near, lab_calls[i].name);
	for (unsigned i = 0; i < lab_n_call_groups; i++) {
		char group[48];

		snprintf(group, sizeof(group), "group:%s", lab_call_groups[i].name);
		cli_nearest_add(near, group);
	}
}

int lab_latency_find(const char *word, uint64_t ret[SPEC_LATENCY_WORDS], struct mig_error *reterr)
{
	const char *group = strncmp(word, "group:", 6) ? NULL : word + 6;
	struct cli_nearest near;
	const char *best;
	bool found = false;

	for (unsigned i = 0; i < lab_n_calls; i++) {
		const char *name =
			group ? lab_call_groups[lab_calls[i].group].name : lab_calls[i].name;

		if (!takes_time(i) || strcmp(name, group ? group : word) != 0)
			continue;
		ret[i / 64] |= UINT64_C(1) << i % 64;
		found = true;
	}
	if (found)
		return 0;
	suggest(word, &near);
	best = cli_nearest_get(&near);
	if (best)
		return mig_fail(
			reterr, -ENOENT,
			"there is no call of NVML '%.60s' that takes time: did you mean %s?", word,
			best);
	return mig_fail(
		reterr, -ENOENT,
		"'%.60s' is no call of NVML that takes time, and no group:NAME of such calls",
		word);
}

/* --- setting -------------------------------------------------------------------------------- */

/* The end of a path that is too long for the lab's file. */
static void name_of(const char *path, char *ret, size_t size)
{
	size_t len = strlen(path);

	if (len < size)
		memcpy(ret, path, len + 1);
	else
		snprintf(ret, size, "...%s", path + len + 4 - size);
}

/* Returns how many calls take time; longest is the number of the one that takes most. */
static unsigned take_over(const struct spec_latency *from, struct lab_latency *to,
			  unsigned *longest)
{
	unsigned n = 0;

	*longest = 0;
	for (unsigned i = 0; i < LAB_MAX_CALLS; i++) {
		to->us[i] = from->call[i].us;
		n += to->us[i] > 0;
		if (to->us[i] > to->us[*longest])
			*longest = i;
	}
	return n;
}

static int read_measured(struct spec_latency *ret, struct mig_error *reterr)
{
	return spec_latency_parse("measured", lab_latency_measured, strlen(lab_latency_measured),
				  lab_latency_find, ret, reterr);
}

static void say_time(uint32_t us, char ret[24])
{
	if (us >= 1000000)
		snprintf(ret, 24, "%.4g s", us / 1e6);
	else if (us >= 1000)
		snprintf(ret, 24, "%.4g ms", us / 1e3);
	else
		snprintf(ret, 24, "%u us", us);
}

static int set(struct lab *lab, const char *word, struct mig_error *reterr)
{
	_cleanup_free_ struct spec_latency *read = calloc(1, sizeof(*read));
	struct lab_latency latency = { .name = "" };
	unsigned n, longest;
	char time[24];
	int r = 0;

	if (!read)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	if (!strcmp(word, "measured"))
		r = read_measured(read, reterr);
	else if (strcmp(word, "none") != 0)
		r = spec_latency_load(word, lab_latency_find, read, reterr);
	if (r == -ENOENT)
		return mig_fail(
			reterr, r,
			"there is no file '%.200s': write none, measured or a file of times", word);
	if (r < 0)
		return r;
	if (strcmp(word, "none") != 0)
		name_of(word, latency.name, sizeof(latency.name));
	n = take_over(read, &latency, &longest);
	r = lab_latency_set(lab, &latency, reterr);
	if (r < 0)
		return r;
	say_time(latency.us[longest], time);
	if (n)
		printf("%u calls take time, the longest %s: %s.\n", n, lab_calls[longest].name,
		       time);
	else
		puts("Calls take no time.");
	return 0;
}

/* --- showing -------------------------------------------------------------------------------- */

struct row {
	const char *call, *group, *source;
	uint32_t us;
	bool unconfirmed;
	char time[24];
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "call", "CALL", F_PTR, R(call) },
	{ "group", "GROUP", F_PTR, R(group) },
	{ "time_us", NULL, F_U32, R(us) },
	{ "", "TIME", F_STR, R(time) },
	{ "source", "SOURCE", F_PTR, R(source), CLI_WRAP },
	{ "unconfirmed", NULL, F_BOOL, R(unconfirmed) },
	{ NULL },
};
#undef R

int lab_latency_line(const struct lab *lab, struct cli_out *out)
{
	struct lab_latency latency;

	lab_latency_read(lab, &latency);
	return cli_out_str(out, "latency", "Latency:", latency.name[0] ? latency.name : NULL);
}

/* Where the times are from is not in the lab: those of "measured" are looked up again. */
static size_t rows_of(const struct lab_latency *latency, const struct spec_latency *measured,
		      struct row rows[LAB_MAX_CALLS])
{
	size_t n = 0;

	for (unsigned i = 0; i < lab_n_calls && i < LAB_MAX_CALLS; i++) {
		const struct spec_latency_figure *known = measured ? &measured->call[i] : NULL;
		struct row *row = &rows[n];

		if (!latency->us[i])
			continue;
		*row = (struct row){ .call = lab_calls[i].name,
				     .group = lab_call_groups[lab_calls[i].group].name,
				     .us = latency->us[i] };
		say_time(row->us, row->time);
		if (known && known->us == row->us) {
			row->source = known->source[0] ? known->source : NULL;
			row->unconfirmed = known->unconfirmed;
			if (row->unconfirmed)
				strncat(row->time, "?", sizeof(row->time) - strlen(row->time) - 1);
		}
		n++;
	}
	return n;
}

static int show(const struct lab *lab, int format, struct mig_error *reterr)
{
	_cleanup_free_ struct spec_latency *measured = calloc(1, sizeof(*measured));
	_cleanup_free_ struct row *rows = calloc(LAB_MAX_CALLS, sizeof(*rows));
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct lab_latency latency;
	bool known;
	size_t n;
	int r;

	if (!measured || !rows)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	lab_latency_read(lab, &latency);
	known = !strcmp(latency.name, "measured") && read_measured(measured, reterr) >= 0;
	n = rows_of(&latency, known ? measured : NULL, rows);
	r = cli_out_new(format, &out, reterr);
	if (r < 0)
		return r;
	r = cli_out_str(out, "lab", NULL, lab_const(lab)->name);
	if (r >= 0)
		r = lab_latency_line(lab, out);
	if (r >= 0)
		r = cli_out_list(out, "calls", NULL, n ? NULL : "Calls take no time.", fields, rows,
				 n, sizeof(*rows));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the latencies: %s", strerror(-r));
	return cli_out_end(out, reterr);
}

int cmd_lab_latency(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;
	struct args a = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = lab_open_named(a.lab, &lab, reterr);
	if (r >= 0)
		r = argc ? set(lab, argv[0], reterr) : show(lab, a.format, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
