/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/smi.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "smi/smi_ctx.h"
#include "smi/usage.h"

/* What a line without a command of its own ("-L", "mig", ...) asks for. */
struct request {
	const char *ids;
	enum main_opt change; /* MAIN_OPT_COUNT: none; MAIN_OPT_ID: -i was given twice */
	int mode;	      /* of -mig and -pm */
	bool fail_on_warning;
	enum main_opt query; /* MAIN_OPT_COUNT: none */
	const char *fields, *format;
};

enum kind {
	SUMMARY,
	QUERY,
	CHANGE,
};

/* A modification anywhere decides how the line is read, else a query. */
static enum kind kind_of(const struct smi *smi, int argc, char **argv)
{
	enum kind kind = SUMMARY;
	int i = 1;

	while (i < argc) {
		struct main_word w = main_next_word(smi, argc, argv, &i);

		if (w.opt == MAIN_OPT_COUNT)
			continue;
		if (main_options[w.opt].is_change)
			return CHANGE;
		if (w.opt == MAIN_OPT_EOW && !smi->d->has_error_on_warning)
			return CHANGE;
		if (w.opt == MAIN_OPT_QUERY_GPU || w.opt == MAIN_OPT_QUERY_APPS)
			kind = QUERY;
	}
	return kind;
}

static bool belongs(const struct smi *smi, enum main_opt o, enum kind kind)
{
	switch (o) {
	case MAIN_OPT_ID:
		return true;
	case MAIN_OPT_MIG:
	case MAIN_OPT_PM:
	case MAIN_OPT_RESET:
		return kind == CHANGE;
	case MAIN_OPT_EOW:
		return kind == CHANGE || !smi->d->has_error_on_warning;
	case MAIN_OPT_QUERY_GPU:
	case MAIN_OPT_QUERY_APPS:
	case MAIN_OPT_FORMAT:
		return kind == QUERY;
	default:
		return false;
	}
}

/* "0", "0x1", "ENABLED"; false: neither a number nor a word for one. */
static bool parse_mode(const char *value, int *ret)
{
	char *end;
	long n;

	if (!strcmp(value, "DISABLED") || !strcmp(value, "ENABLED")) {
		*ret = *value == 'E';
		return true;
	}
	errno = 0;
	n = strtol(value, &end, 0);
	if (errno || end == value || *end || n > INT_MAX || n < INT_MIN)
		return false;
	*ret = (int)n;
	return true;
}

/* From R525 on a second -i counts as a modification of its own. */
static int take_change(struct smi *smi, const struct main_word *w, struct request *req)
{
	if (req->change != MAIN_OPT_COUNT)
		return usage_two_changes(smi);
	req->change = w->opt;
	if ((w->opt == MAIN_OPT_MIG || w->opt == MAIN_OPT_PM) &&
	    !parse_mode(w->value, &req->mode)) {
		req->mode = -1;
		return smi->d->usage->bad_value_late ? 0 : usage_bad_value(smi, w);
	}
	if (w->opt == MAIN_OPT_RESET && w->value && strcmp(w->value, "bus") != 0) {
		fputs("Invalid argument with -r\n\n", smi->out);
		return 2;
	}
	return 0;
}

static int take_query(struct smi *smi, const struct main_word *w, struct request *req)
{
	if (req->query != MAIN_OPT_COUNT && req->query != w->opt) {
		fputs("Only one --query-* switch can be used at a time.\n", smi->out);
		return 2;
	}
	req->query = w->opt;
	req->fields = w->value;
	return 0;
}

/* What is wrong with a word before its meaning is looked at; -1: it is to be skipped. */
static int check_word(struct smi *smi, const struct main_word *w, enum kind kind,
		      const struct request *req)
{
	const struct smi_usage_format *u = smi->d->usage;

	if (!belongs(smi, w->opt, kind)) {
		/* Before R525 whatever follows a query was not looked at. */
		if (w->opt == MAIN_OPT_COUNT && smi->d->strict_values &&
		    req->query != MAIN_OPT_COUNT)
			return -1;
		usage_unknown(smi, w, kind != SUMMARY);
		if (kind == QUERY)
			return 2;
		return kind == CHANGE ? u->unknown_change_code : u->unknown_code;
	}
	if (!main_options[w->opt].has_value)
		return 0;
	return w->value ? 0 : usage_missing(smi, w);
}

static int take(struct smi *smi, const struct main_word *w, enum kind kind, struct request *req)
{
	bool twice;
	int code = check_word(smi, w, kind, req);

	if (code)
		return code < 0 ? 0 : code;
	switch (w->opt) {
	case MAIN_OPT_ID:
		twice = req->ids && smi->d->usage->bad_input;
		req->ids = w->value;
		return twice ? take_change(smi, w, req) : 0;
	case MAIN_OPT_EOW:
		if (!smi->d->has_error_on_warning)
			return take_change(smi, w, req);
		req->fail_on_warning = true;
		return 0;
	case MAIN_OPT_QUERY_GPU:
	case MAIN_OPT_QUERY_APPS:
		return take_query(smi, w, req);
	case MAIN_OPT_FORMAT:
		req->format = w->value;
		return 0;
	default:
		return take_change(smi, w, req);
	}
}

/* From R525 on this is found out after the GPUs were looked up. */
static int bad_input(struct smi *smi, const char *ids)
{
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	int code;

	if (!smi->d->usage->bad_input)
		return usage_two_changes(smi);
	code = smi_select(smi, ids, &gpus);
	return code ? code : usage_bad_input(smi);
}

static int change(struct smi *smi, const struct request *req)
{
	int code;

	if (req->change == MAIN_OPT_RESET)
		return smi_reset(smi, req->ids);
	if (req->change == MAIN_OPT_ID || req->change == MAIN_OPT_EOW || req->mode < 0)
		return bad_input(smi, req->ids);
	code = smi_may_change(smi, main_options[req->change].brief);
	if (code)
		return code;
	if (req->change == MAIN_OPT_MIG)
		return smi_set_mig_mode(smi, req->ids, (unsigned int)req->mode,
					req->fail_on_warning);
	return smi_set_persistence(smi, req->ids, (unsigned int)req->mode, req->fail_on_warning);
}

static int run_line(struct smi *smi, int argc, char **argv)
{
	struct request req = { .change = MAIN_OPT_COUNT, .query = MAIN_OPT_COUNT };
	enum kind kind = kind_of(smi, argc, argv);
	int i;

	/* Before R525 an empty word was an error of its own kind. */
	for (i = 1; i < argc; i++) {
		const struct main_word empty = { .typed = argv[i], .opt = MAIN_OPT_COUNT };

		if (smi->d->strict_values && !*argv[i]) {
			usage_unknown(smi, &empty, false);
			return 255;
		}
	}
	i = 1;
	while (i < argc) {
		struct main_word w = main_next_word(smi, argc, argv, &i);
		int code = take(smi, &w, kind, &req);

		if (code)
			return code;
	}
	if (req.change != MAIN_OPT_COUNT)
		return change(smi, &req);
	if (req.query != MAIN_OPT_COUNT)
		return smi_query(smi, req.ids, main_options[req.query].full, req.fields,
				 req.format);
	return smi_summary(smi, req.ids);
}

static bool is_one_of(const char *word, const char *brief, const char *full)
{
	return !strcmp(word, brief) || !strcmp(word, full);
}

/*
 * -h and -L stand alone. Returns false when neither is on the line, else the exit code is in *ret.
 */
static bool run_command(struct smi *smi, int argc, char **argv, int *ret)
{
	static const struct {
		const char *brief, *full;
		int (*run)(struct smi *smi);
		bool may_repeat;
	} commands[] = {
		{ "-h", "--help", smi_help, true },
		{ "-L", "--list-gpus", smi_list, false },
	};
	unsigned int c;
	int i, given;

	for (c = 0; c < ARRAY_SIZE(commands); c++) {
		const char *other = NULL;

		for (i = 1, given = 0; i < argc; i++) {
			if (is_one_of(argv[i], commands[c].brief, commands[c].full))
				given++;
			else if (!other)
				other = argv[i];
		}
		if (!given)
			continue;
		if (other)
			*ret = usage_not_with_command(smi, other);
		else if (given > 1 && !commands[c].may_repeat)
			*ret = usage_two_commands(smi);
		else
			*ret = commands[c].run(smi);
		return true;
	}
	return false;
}

/* NVIDIA's program has XML for its log only. */
static bool is_xml_without_log(int argc, char **argv)
{
	bool xml = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (is_one_of(argv[i], "-q", "--query"))
			return false;
		xml |= is_one_of(argv[i], "-x", "--xml-format");
	}
	return xml;
}

/* Words that NVIDIA's program knows and that have nothing to do with MIG. */
static bool is_elsewhere(const char *word)
{
	static const char *const words[] = {
		"-q",
		"--query",
		"-x",
		"--xml-format",
		"-d",
		"--display",
		"-l",
		"--loop",
		"-lms",
		"--loop-ms",
		"-f",
		"--filename",
		"-u",
		"--unit",
		"--dtd",
		"-B",
		"--list-excluded-gpus",
		"-col",
		"--columns",
		"--version",
		"-e",
		"--ecc-config",
		"-c",
		"--compute-mode",
		"-p",
		"--reset-ecc-errors",
		"-pl",
		"--power-limit",
		"-ac",
		"-rac",
		"-lgc",
		"-rgc",
		"-lmc",
		"-rmc",
		"topo",
		"drain",
		"nvlink",
		"clocks",
		"dmon",
		"daemon",
		"replay",
		"pmon",
		"encodersessions",
		"fbcsessions",
		"vgpu",
		"compute-policy",
		"boost-slider",
		"power-hint",
		"base-clocks",
		"conf-compute",
		"gpm",
		"pci",
		"c2c",
		"power-smoothing",
		"power-profiles",
		"prm",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

int smi_not_started(FILE *out, nvmlReturn_t status, const char *text)
{
	if (status == NVML_ERROR_DRIVER_NOT_LOADED)
		fputs("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
		      "driver. Make sure that the latest NVIDIA driver is installed and running."
		      "\n\n",
		      out);
	else if (status == NVML_ERROR_LIBRARY_NOT_FOUND)
		fputs("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please "
		      "make sure that the NVIDIA Display Driver is properly installed and present "
		      "in your system.\nPlease also try adding directory that contains "
		      "libnvidia-ml.so to your system PATH.\n",
		      out);
	else
		fprintf(out, "Failed to initialize NVML: %s\n",
			status == NVML_ERROR_NOT_SUPPORTED ? "N/A" : text);
	return smi_exit_code(status);
}

/* Only -L says why. */
static int not_counted(struct smi *smi, bool list, nvmlReturn_t r)
{
	if (list)
		fprintf(smi->out, "Unable to determine the number of available GPUs: %s\n",
			smi_main_error(smi, r));
	else
		fputs("Unable to determine the number of GPUs", smi->out);
	return smi_exit_code(r);
}

static int start(struct smi *smi, bool list)
{
	nvmlReturn_t r;

	r = smi->api->nvmlSystemGetDriverVersion(smi->driver, sizeof(smi->driver));
	if (r)
		return smi_not_started(smi->out, r, smi_error(smi, r));
	smi->d = smi_dialect_of((unsigned int)strtoul(smi->driver, NULL, 10));
	r = smi->api->nvmlDeviceGetCount_v2(&smi->n_gpus);
	return r ? not_counted(smi, list, r) : 0;
}

int smi_main(struct nvml_api *api, const struct smi_env *env, int argc, char **argv)
{
	struct smi smi = { .api = api, .env = env, .out = env->out };
	bool list = argc > 1 && is_one_of(argv[1], "-L", "--list-gpus");
	int i, code = start(&smi, list);

	if (code)
		return code;
	if (argc > 1 && !strcmp(argv[1], "mig"))
		return smi_mig(&smi, argc - 2, argv + 2);
	if (run_command(&smi, argc, argv, &code))
		return code;
	if (is_xml_without_log(argc, argv)) {
		fputs("Invalid combination of input arguments. Specify -q/--query and "
		      "-x/--xml-format to run an XML query.  Please run 'nvidia-smi -h' for help."
		      "\n\n",
		      smi.out);
		return 2;
	}
	for (i = 1; i < argc; i++) {
		if (!is_elsewhere(argv[i]))
			continue;
		fprintf(env->err,
			"%s: \"%s\" is not part of MIG work: use NVIDIA's own nvidia-smi\n",
			env->program, argv[i]);
		return 2;
	}
	return run_line(&smi, argc, argv);
}
