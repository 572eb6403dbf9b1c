/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cli/lab_fault.h"
#include "cli/nearest.h"
#include "lab/trouble.h"
#include "nvml/nvml_abi.h"
#include "observe/observe.h"

/* The words of "lab fault add" become a fault, or one sentence about what is wrong with them. */

#define PREFIX	    "NVML_ERROR_"
#define MAX_TAKE_US UINT64_C(86400000000)
#define MAX_XID	    100000
#define CHANCES	    4294967296.0

_Static_assert(LAB_LAST_STATUS == NVML_ERROR_UNKNOWN, "what can be ordered is what a lab may hold");

/* --- calls ---------------------------------------------------------------------------------- */

static void add_call(struct lab_fault *f, unsigned call)
{
	f->calls[call / 64] |= UINT64_C(1) << call % 64;
}

/* nvmlErrorString returns words, and no status that could be another one. */
static bool has_status(unsigned call)
{
	return strcmp(lab_call_groups[lab_calls[call].group].name, "text") != 0;
}

/* Length of a name without the version behind it: "_v2", or the "V" of those with versioned
 * structs. */
static size_t base_length(const char *name)
{
	const char *v = strrchr(name, '_');
	size_t len = strlen(name);

	if (v && v[1] == 'v' && isdigit((unsigned char)v[2]))
		return (size_t)(v - name);
	return len && name[len - 1] == 'V' ? len - 1 : len;
}

/* Whether a word without "nvml" means the call: it itself, or a base name all its versions. */
static bool means(const char *word, const char *call)
{
	size_t len = strlen(word);

	if (!strcmp(word, call))
		return true;
	if (len > 3 && !strcmp(word + len - 3, "_v1")) /* the base name alone */
		return strlen(call) == len - 3 && !strncmp(word, call, len - 3);
	return base_length(call) == len && !strncmp(word, call, len);
}

static const char *without_prefix(const char *name)
{
	return strncmp(name, "nvml", 4) ? name : name + 4;
}

static int parse_group(const char *word, struct lab_fault *f, struct mig_error *reterr)
{
	struct cli_nearest near;
	const char *best;
	bool found = false;

	cli_nearest_begin(&near, word, strlen(word));
	for (unsigned i = 0; i < lab_n_calls; i++)
		if (!strcmp(lab_call_groups[lab_calls[i].group].name, word) && has_status(i)) {
			add_call(f, i);
			found = true;
		}
	if (found)
		return 0;
	for (unsigned i = 0; i < lab_n_call_groups; i++)
		cli_nearest_add(&near, lab_call_groups[i].name);
	best = cli_nearest_get(&near);
	if (best && strcmp(best, word) != 0)
		return mig_fail(reterr, -EINVAL,
				"there is no group '%.60s' of calls: did you mean group:%s?", word,
				best);
	return mig_fail(
		reterr, -EINVAL,
		"there is no group '%.60s' of calls that can fail: 'migctl lab fault calls' "
		"lists them",
		word);
}

static int parse_call(const char *word, struct lab_fault *f, struct mig_error *reterr)
{
	struct cli_nearest near;
	const char *best;
	bool found = false, silent = false;

	if (!strncmp(word, "group:", 6))
		return parse_group(word + 6, f, reterr);
	for (unsigned i = 0; i < lab_n_calls; i++) {
		if (strcmp(word, "any") != 0 &&
		    !means(without_prefix(word), without_prefix(lab_calls[i].name)))
			continue;
		if (has_status(i))
			add_call(f, i);
		else
			silent = true;
		found = found || has_status(i);
	}
	if (found)
		return 0;
	if (silent)
		return mig_fail(reterr, -EINVAL, "%.60s returns no status, so it cannot fail",
				word);
	cli_nearest_begin(&near, without_prefix(word), strlen(without_prefix(word)));
	for (unsigned i = 0; i < lab_n_calls; i++)
		cli_nearest_add(&near, without_prefix(lab_calls[i].name));
	best = cli_nearest_get(&near);
	if (best)
		return mig_fail(reterr, -EINVAL,
				"NVML has no function '%.60s': did you mean nvml%s?", word, best);
	return mig_fail(reterr, -EINVAL,
			"'%.60s' is no function of NVML, group:NAME or any: 'migctl lab fault "
			"calls' lists them",
			word);
}

static int parse_calls(char *const *calls, int n, struct lab_fault *f, struct mig_error *reterr)
{
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		int r = parse_call(calls[i], f, reterr);

		if (r < 0)
			return r;
		if (len + strlen(calls[i]) + 2 > sizeof(f->what))
			return mig_fail(reterr, -EINVAL,
					"these are too many calls for one fault: name a group "
					"(group:NAME), or add them one by one");
		len += (size_t)snprintf(f->what + len, sizeof(f->what) - len, "%s%s", i ? " " : "",
					calls[i]);
	}
	return 0;
}

/* --- numbers -------------------------------------------------------------------------------- */

static int parse_number(const char *option, const char *word, uint64_t min, uint64_t max,
			uint64_t *ret, struct mig_error *reterr)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(word, &end, 10);
	if (errno || !isdigit((unsigned char)word[0]) || *end || n < min || n > max)
		return mig_fail(reterr, -EINVAL,
				"--%s needs a number from %llu to %llu, not '%.60s'", option,
				(unsigned long long)min, (unsigned long long)max, word);
	*ret = n;
	return 0;
}

#define MAX_COUNT UINT64_C(1000000000000)

/* "3", "3-5" or "3-": which of the calls. */
static int parse_nth(const char *word, struct lab_fault *f, struct mig_error *reterr)
{
	unsigned long long first, last;
	char *end;

	errno = 0;
	first = last = strtoull(word, &end, 10);
	if (isdigit((unsigned char)word[0]) && *end == '-' && !end[1]) {
		last = UINT64_MAX;
		end++;
	} else if (isdigit((unsigned char)word[0]) && *end == '-' &&
		   isdigit((unsigned char)end[1])) {
		last = strtoull(end + 1, &end, 10);
	}
	if (errno || !isdigit((unsigned char)word[0]) || *end || !first || last < first)
		return mig_fail(reterr, -EINVAL,
				"--nth needs a number from 1 on, or a range such as 3-5 or 3-, not "
				"'%.60s'",
				word);
	f->first = first;
	f->last = last;
	return 0;
}

static int parse_probability(const char *word, struct lab_fault *f, struct mig_error *reterr)
{
	char *end;
	double p;

	errno = 0;
	p = strtod(word, &end);
	if (end != word && *end == '%' && !end[1]) {
		p /= 100;
		end++;
	}
	if (errno || end == word || *end || !(p > 0) || !(p <= 1) || isspace((unsigned char)*word))
		return mig_fail(reterr, -EINVAL,
				"--probability needs a number above 0 and up to 1, such as 0.25 or "
				"25%%, not '%.60s'",
				word);
	f->chance = (uint64_t)(p * CHANCES);
	if (!f->chance)
		f->chance = 1;
	return 0;
}

static int parse_time(const char *word, struct lab_fault *f, struct mig_error *reterr)
{
	static const struct {
		const char *unit;
		double us;
	} units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "min", 6e7 } };
	double n, us = 0;
	char *end;

	errno = 0;
	n = strtod(word, &end);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit))
			us = n * units[i].us;
	if (errno || !isdigit((unsigned char)word[0]) || !(us >= 1) || !(us <= (double)MAX_TAKE_US))
		return mig_fail(reterr, -EINVAL,
				"--take needs a time with its unit (us, ms, s, min), up to a day, "
				"such as 250ms or 1.5s, not '%.60s'",
				word);
	f->take_us = (uint64_t)us;
	f->does |= LAB_FAULT_TAKE;
	return 0;
}

/* --- what happens --------------------------------------------------------------------------- */

static bool same_status(const char *word, const char *name)
{
	if (!strcasecmp(word, name))
		return true;
	if (!strncmp(name, PREFIX, strlen(PREFIX)))
		return !strcasecmp(word, name + strlen(PREFIX));
	return !strcasecmp(word, name + strlen("NVML_"));
}

/* Codes that nobody has named, too: a program may meet a driver younger than itself. */
static int parse_status(const char *option, const char *word, int32_t *ret,
			struct mig_error *reterr)
{
	struct cli_nearest near;
	const char *best;
	uint64_t n;

	if (isdigit((unsigned char)word[0])) {
		int r = parse_number(option, word, 0, NVML_ERROR_UNKNOWN, &n, reterr);

		*ret = r < 0 ? 0 : (int32_t)n;
		return r;
	}
	cli_nearest_begin(&near, word, strlen(word));
	for (int32_t code = 0; code <= NVML_ERROR_UNKNOWN; code++) {
		const char *name = observe_status_name(code);

		if (strncmp(name, "NVML_", 5) != 0)
			continue;
		if (same_status(word, name)) {
			*ret = code;
			return 0;
		}
		cli_nearest_add(&near, strncmp(name, PREFIX, strlen(PREFIX))
					       ? name + strlen("NVML_")
					       : name + strlen(PREFIX));
	}
	best = cli_nearest_get(&near);
	if (best)
		return mig_fail(reterr, -EINVAL,
				"NVML has no status '%.60s': did you mean --%s %s?", word, option,
				best);
	return mig_fail(
		reterr, -EINVAL,
		"--%s needs a status of NVML such as GPU_IS_LOST, or its number, not '%.60s'",
		option, word);
}

/*
 * Success that did nothing leaves what the caller asked for unwritten: only calls that give nothing
 * back may lie so.
 */
static int may_claim_success(const struct lab_fault *f, const char *option,
			     struct mig_error *reterr)
{
	static const char *const silent[] = { "destroy", "mode", "set" };

	for (unsigned i = 0; i < lab_n_calls; i++) {
		const char *group = lab_call_groups[lab_calls[i].group].name;
		bool gives_nothing = false;

		if (!(f->calls[i / 64] >> i % 64 & 1))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(silent); k++)
			gives_nothing = gives_nothing || !strcmp(group, silent[k]);
		if (!gives_nothing)
			return mig_fail(reterr, -EINVAL,
					"--%s SUCCESS is for calls of the groups destroy, mode and "
					"set: %s would leave its caller with an answer that nobody "
					"wrote",
					option, lab_calls[i].name);
	}
	return 0;
}

static int parse_effects(const struct lab_fault_words *w, struct lab_fault *f,
			 struct mig_error *reterr)
{
	uint64_t n;
	int r = 0;

	if (w->status) {
		r = parse_status("return", w->status, &f->code, reterr);
		f->does |= LAB_FAULT_RETURN;
		if (r >= 0 && !f->code)
			r = may_claim_success(f, "return", reterr);
	}
	if (r >= 0 && w->status_after) {
		r = parse_status("return-after", w->status_after, &f->code_after, reterr);
		f->does |= LAB_FAULT_RETURN_AFTER;
		if (r >= 0 && !f->code_after)
			r = may_claim_success(f, "return-after", reterr);
	}
	if (r >= 0 && w->take)
		r = parse_time(w->take, f, reterr);
	if (r >= 0 && w->xid) {
		r = parse_number("xid", w->xid, 1, MAX_XID, &n, reterr);
		if (r >= 0)
			f->xid = (uint32_t)n;
		f->does |= LAB_FAULT_XID;
	}
	if (r < 0)
		return r;
	if (w->hang)
		f->does |= LAB_FAULT_HANG;
	if (!w->kill)
		return 0;
	if (!strcmp(w->kill, "before"))
		f->does |= LAB_FAULT_KILL_BEFORE;
	else if (!strcmp(w->kill, "after"))
		f->does |= LAB_FAULT_KILL_AFTER;
	else
		return mig_fail(reterr, -EINVAL, "--kill needs before or after, not '%.60s'",
				w->kill);
	return 0;
}

static const struct {
	uint32_t one, other;
	const char *text;
} excludes[] = {
	{ LAB_FAULT_RETURN, LAB_FAULT_RETURN_AFTER,
	  "--return and --return-after exclude each other: the call either does nothing or what it "
	  "does" },
	{ LAB_FAULT_TAKE, LAB_FAULT_HANG,
	  "--take and --hang exclude each other: a call that hangs takes until it is released" },
	{ LAB_FAULT_RETURN, LAB_FAULT_KILL_AFTER,
	  "--return and --kill after exclude each other: the call does nothing that there could be "
	  "an after of" },
	{ LAB_FAULT_KILL_BEFORE, LAB_FAULT_RETURN | LAB_FAULT_RETURN_AFTER,
	  "--kill and a returned status exclude each other: nobody is left to be told" },
	{ LAB_FAULT_KILL_AFTER, LAB_FAULT_RETURN_AFTER,
	  "--kill and a returned status exclude each other: nobody is left to be told" },
};

static int check_effects(const struct lab_fault *f, struct mig_error *reterr)
{
	if (!f->does)
		return mig_fail(reterr, -EINVAL,
				"say what is to happen: --return, --return-after, --take, --hang, "
				"--kill or --xid");
	for (size_t i = 0; i < ARRAY_SIZE(excludes); i++)
		if ((f->does & excludes[i].one) && (f->does & excludes[i].other))
			return mig_fail(reterr, -EINVAL, "%s", excludes[i].text);
	return 0;
}

/* --- when and whom -------------------------------------------------------------------------- */

static int parse_when(const struct lab_fault_words *w, struct lab_fault *f,
		      struct mig_error *reterr)
{
	int r = 0;

	f->first = f->every = 1;
	f->last = UINT64_MAX;
	if (w->every) {
		r = parse_number("every", w->every, 1, MAX_COUNT, &f->every, reterr);
		f->first = f->every;
	}
	if (r >= 0 && w->nth)
		r = parse_nth(w->nth, f, reterr);
	if (r >= 0 && w->probability)
		r = parse_probability(w->probability, f, reterr);
	if (r >= 0 && w->seed && !w->probability)
		r = mig_fail(reterr, -EINVAL, "--seed is of a --probability");
	if (r >= 0 && w->seed)
		r = parse_number("seed", w->seed, 0, UINT64_MAX, &f->seed, reterr);
	if (r >= 0 && w->times)
		r = parse_number("times", w->times, 1, MAX_COUNT, &f->times, reterr);
	return r;
}

/* Whether some of the calls begin with a handle, so that they are about a GPU. */
static bool any_handle(const struct lab_fault *f)
{
	static const char *const begin[] = { "nvmlDevice", "nvmlGpuInstance", "nvmlComputeInstance",
					     "smi_" };

	for (unsigned i = 0; i < lab_n_calls; i++)
		for (size_t k = 0; k < ARRAY_SIZE(begin); k++)
			if ((f->calls[i / 64] >> i % 64 & 1) &&
			    !strncmp(lab_calls[i].name, begin[k], strlen(begin[k])))
				return true;
	return false;
}

static int parse_whom(const struct lab_fault_words *w, struct lab_fault *f,
		      struct mig_error *reterr)
{
	uint64_t n;
	int r;

	f->gpu = -1;
	f->permanent = w->permanent;
	if (w->gpu) {
		r = parse_number("gpu", w->gpu, 0, LAB_MAX_GPUS - 1, &n, reterr);
		if (r < 0)
			return r;
		f->gpu = (int16_t)n;
	}
	if ((w->gpu || w->xid) && !any_handle(f))
		return mig_fail(reterr, -EINVAL,
				"--%s is for calls that are about a GPU, and %s is not",
				w->gpu ? "gpu" : "xid", f->what);
	if (!w->process)
		return 0;
	if (!w->process[0] || strchr(w->process, '/'))
		return mig_fail(
			reterr, -EINVAL,
			"--name needs a process's name as 'ps -o comm' shows it, not '%.60s'",
			w->process);
	/* The kernel keeps 15 characters of it. */
	snprintf(f->process, sizeof(f->process), "%.15s", w->process);
	return 0;
}

int lab_fault_parse(char *const *calls, int n_calls, const struct lab_fault_words *words,
		    struct lab_fault *ret, struct mig_error *reterr)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = parse_calls(calls, n_calls, ret, reterr);
	if (r >= 0)
		r = parse_when(words, ret, reterr);
	if (r >= 0)
		r = parse_effects(words, ret, reterr);
	if (r >= 0)
		r = check_effects(ret, reterr);
	if (r >= 0)
		r = parse_whom(words, ret, reterr);
	return r;
}
