/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/usage.h"

#include <string.h>

const struct main_option main_options[MAIN_OPT_COUNT] = {
	[MAIN_OPT_ID] = { "-i", "--id", .has_value = true },
	[MAIN_OPT_MIG] = { "-mig", "--multi-instance-gpu", .has_value = true, .is_change = true,
			   .both = "-mig | --multi-instance-gpu=" },
	[MAIN_OPT_PM] = { "-pm", "--persistence-mode", .has_value = true, .is_change = true,
			  .both = "-pm | --persistence-mode=" },
	[MAIN_OPT_RESET] = { "-r", "--gpu-reset", .is_change = true },
	[MAIN_OPT_EOW] = { "-eow", "--error-on-warning" },
	[MAIN_OPT_QUERY_GPU] = { NULL, "--query-gpu", .has_value = true },
	[MAIN_OPT_QUERY_APPS] = { NULL, "--query-compute-apps", .has_value = true },
	[MAIN_OPT_FORMAT] = { NULL, "--format", .has_value = true },
};

/* Compares up to "=", which may stand before a value. */
static bool is_option(const char *word, const char *name)
{
	size_t n;

	if (!name)
		return false;
	n = strlen(name);
	return !strncmp(word, name, n) && (!word[n] || word[n] == '=');
}

static enum main_opt find(const struct smi *smi, const char *word)
{
	unsigned int o;

	for (o = 0; o < MAIN_OPT_COUNT; o++) {
		bool brief = is_option(word, main_options[o].brief);
		bool full = is_option(word, main_options[o].full);
		bool equals = strchr(word, '=');

		if (!brief && !full)
			continue;
		if (smi->d->strict_values && equals != (full && main_options[o].has_value))
			continue;
		break;
	}
	return o;
}

/* "-r bus": the kind of reset is a word of its own, and optional. */
static void take_reset_type(const struct smi *smi, int argc, char **argv, int *i,
			    struct main_word *w)
{
	const char *eq = strchr(w->typed, '=');

	if (!smi->d->reset_type)
		return;
	if (eq) {
		w->value = eq + 1;
	} else if (*i < argc && find(smi, argv[*i]) == MAIN_OPT_COUNT) {
		w->value = argv[*i];
		(*i)++;
	}
}

static bool is_value(const struct smi *smi, const char *word)
{
	if (smi->d->strict_values)
		return smi->d->dash_values || *word != '-';
	return find(smi, word) == MAIN_OPT_COUNT;
}

struct main_word main_next_word(const struct smi *smi, int argc, char **argv, int *i)
{
	struct main_word w = { .typed = argv[*i], .opt = find(smi, argv[*i]) };
	const char *eq = strchr(w.typed, '=');

	(*i)++;
	if (w.opt == MAIN_OPT_RESET)
		take_reset_type(smi, argc, argv, i, &w);
	if (w.opt == MAIN_OPT_COUNT || !main_options[w.opt].has_value)
		return w;
	if (eq) {
		w.value = smi->d->strict_values && !eq[1] ? NULL : eq + 1;
	} else if (*i < argc && is_value(smi, argv[*i])) {
		w.value = argv[*i];
		(*i)++;
	}
	return w;
}

int usage_unknown(struct smi *smi, const struct main_word *w, bool beside_change)
{
	const struct smi_usage_format *u = smi->d->usage;

	fprintf(smi->out, beside_change ? u->unknown_change : u->unknown, w->typed);
	return beside_change ? u->unknown_change_code : u->unknown_code;
}

int usage_missing(struct smi *smi, const struct main_word *w)
{
	fprintf(smi->out, smi->d->usage->missing, w->typed);
	return smi->d->usage->missing_code;
}

int usage_bad_value(struct smi *smi, const struct main_word *w)
{
	const struct smi_usage_format *u = smi->d->usage;

	if (u->bad_value_first)
		fprintf(smi->out, u->bad_value, w->value, w->typed);
	else
		fprintf(smi->out, u->bad_value, main_options[w->opt].both, w->value);
	return u->bad_value_code;
}

int usage_two_changes(struct smi *smi)
{
	fputs(smi->d->usage->two_changes, smi->out);
	return 2;
}

int usage_bad_input(struct smi *smi)
{
	fputs(smi->d->usage->bad_input, smi->out);
	return smi->d->usage->bad_input_code;
}

int usage_not_with_command(struct smi *smi, const char *typed)
{
	fprintf(smi->out, smi->d->usage->not_with_command, typed);
	return 2;
}

int usage_two_commands(struct smi *smi)
{
	fputs(smi->d->usage->two_commands, smi->out);
	return 2;
}
