/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/mig.h"

#include <string.h>

#include "base/util.h"

enum value {
	NO_VALUE,
	NEEDS_VALUE,
	MAY_HAVE_VALUE,
};

struct option {
	const char *brief, *full;
	enum value value;
	const char *what;     /* what its value names */
	bool ci_placements;   /* only where the dialect has placements of compute instances */
	const char *help;     /* lines */
	const char *help_450; /* where the dialect has no placements of GPU instances */
};

static const struct option options[MIG_OPT_COUNT] = {
	[MIG_OPT_HELP] = { "-h", "--help", .help = "Display help information." },
	[MIG_OPT_ID] = { "-i", "--id", NEEDS_VALUE, "device(s)",
			 .help = "Enumeration index, PCI bus ID or UUID.\n"
				 "Provide comma separated values for more than one device." },
	[MIG_OPT_GI] = { "-gi", "--gpu-instance-id", NEEDS_VALUE, "GPU instance(s)",
			 .help = "GPU instance ID.\nProvide comma separated values for more "
				 "than one GPU instance." },
	[MIG_OPT_CI] = { "-ci", "--compute-instance-id", NEEDS_VALUE, "compute instance(s)",
			 .help = "Compute instance ID.\nProvide comma separated values for more "
				 "than one compute \ninstance." },
	[MIG_OPT_LGIP] = { "-lgip", "--list-gpu-instance-profiles",
			   .help = "List supported GPU instance profiles.\n"
				   "Option -i can be used to restrict the command to\n"
				   "run on a specific GPU." },
	[MIG_OPT_LGIPP] = { "-lgipp", "--list-gpu-instance-possible-placements",
			    .help = "List possible GPU instance placements\n"
				    "in the following format, {Start}:Size.\n"
				    "Option -i can be used to restrict the\n"
				    "command to run on a specific GPU." },
	[MIG_OPT_C] = { "-C", "--default-compute-instance",
			.help = "Create compute instance with the default profile when used\n"
				"with the option to create a GPU instance (-cgi)." },
	[MIG_OPT_CGI] = { "-cgi", "--create-gpu-instance", NEEDS_VALUE, "profiles",
			  .help = "Create GPU instances for the given profile tuples. A profile\n"
				  "tuple consists of a profile name or ID and an optional "
				  "placement\nspecifier, which consists of a colon and a "
				  "placement start index.\n"
				  "Provide comma separated values for more than one profile "
				  "tuple.\nOption -i can be used to restrict the command to "
				  "run on\na specific GPU.",
			  .help_450 = "Create GPU instance for the given profile names or IDs.\n"
				      "Provide comma separated values for more than one "
				      "profile.\nOption -i can be used to restrict the command "
				      "to run on\na specific GPU." },
	[MIG_OPT_DGI] = { "-dgi", "--destroy-gpu-instance",
			  .help = "Destroy GPU instances.\n"
				  "Options -i and -gi can be used individually or combined\n"
				  "to restrict the command to run on a specific GPU or GPU\n"
				  "instance." },
	[MIG_OPT_LGI] = { "-lgi", "--list-gpu-instances",
			  .help = "List GPU instances.\n"
				  "Option -i can be used to restrict the command to run on a\n"
				  "specific GPU." },
	[MIG_OPT_LCIP] = { "-lcip", "--list-compute-instance-profiles",
			   .help = "List supported compute instance profiles.\n"
				   "Options -i and -gi can be used individually or\n"
				   "combined to restrict the command to run on a\n"
				   "specific GPU or GPU instance." },
	[MIG_OPT_LCIPP] = { "-lcipp", "--list-compute-instance-possible-placements",
			    .ci_placements = true,
			    .help = "List possible compute instance placements\n"
				    "in the following format, {Start}:Size.\n"
				    "Options -i and -gi can be used individually or\n"
				    "combined to restrict the command to run on a\n"
				    "specific GPU or GPU instance." },
	[MIG_OPT_CCI] = { "-cci", "--create-compute-instance", MAY_HAVE_VALUE,
			  .help = "Create compute instance for the given profile name or IDs.\n"
				  "Provide comma separated values for more than one profile.\n"
				  "If no profile name or ID is given, then the default*\n"
				  "compute instance profile ID will be used. Options -i and\n"
				  "-gi can be used individually or combined to restrict the\n"
				  "command to run on a specific GPU or GPU instance." },
	[MIG_OPT_DCI] = { "-dci", "--destroy-compute-instance",
			  .help = "Destroy compute instances.\n"
				  "Options -i, -gi and -ci can be used individually or\n"
				  "combined to restrict the command to run on a specific\n"
				  "GPU or GPU instance or compute instance." },
	[MIG_OPT_LCI] = { "-lci", "--list-compute-instances",
			  .help = "List compute instances.\n"
				  "Options -i and -gi can be used individually or combined\n"
				  "to restrict the command to run on a specific GPU or GPU\n"
				  "instance." },
};

static bool known(const struct smi *smi, enum mig_opt o)
{
	return smi->d->ci_placements || !options[o].ci_placements;
}

static enum mig_opt find(const struct smi *smi, const char *word)
{
	unsigned int o;

	for (o = 0; o < MIG_OPT_COUNT; o++)
		if (known(smi, o) &&
		    (!strcmp(word, options[o].brief) || !strcmp(word, options[o].full)))
			break;
	return o;
}

int smi_mig_help(struct smi *smi)
{
	unsigned int o;

	fputs("\n    mig -- Multi Instance GPU management.\n\n"
	      "    Usage: nvidia-smi mig [options]\n\n"
	      "    Options include:\n",
	      smi->out);
	for (o = 0; o < MIG_OPT_COUNT; o++) {
		const char *text = options[o].help;
		int indent;

		if (!known(smi, o))
			continue;
		if (!smi->d->gi_placements && options[o].help_450)
			text = options[o].help_450;
		indent = fprintf(smi->out, "    [%s | %s]: ", options[o].brief, options[o].full);
		for (; *text; text++)
			if (*text == '\n')
				fprintf(smi->out, "\n%*s", indent, "");
			else
				fputc(*text, smi->out);
		fputc('\n', smi->out);
	}
	fputs("\n\n", smi->out);
	return 0;
}

void mig_args_free(struct mig_args *args)
{
	free(args->words);
	args->words = NULL;
}

/* Where to cut a word: behind an option, or anywhere, as the dialect has it. */
static char *cut(const struct smi *smi, char *word)
{
	char *eq = strchr(word, '=');
	enum mig_opt o;

	if (!eq || smi->d->mig_equals == SMI_EQUALS_NO)
		return NULL;
	if (smi->d->mig_equals == SMI_EQUALS_ALL)
		/* "=" and "-=" are words of their own. */
		return eq == word || (eq == word + 1 && *word == '-') ? NULL : eq;
	*eq = '\0';
	o = find(smi, word);
	*eq = '=';
	return o == MIG_OPT_COUNT ? NULL : eq;
}

/* Copies the words, one after the other, and cuts them. Returns how many, -1 without memory. */
static int cut_words(const struct smi *smi, int argc, char **argv, char **ret)
{
	size_t size = 1;
	int i, n = 0;
	char *p;

	for (i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	p = *ret = malloc(size);
	if (!p)
		return -1;
	for (i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;
		char *eq;

		memcpy(p, argv[i], len);
		eq = cut(smi, p);
		while (eq) {
			*eq++ = '\0';
			n++;
			eq = smi->d->mig_equals == SMI_EQUALS_ALL ? strchr(eq, '=') : NULL;
		}
		n++;
		p += len;
	}
	return n;
}

static int missing_value(const struct smi *smi, const char *word)
{
	fprintf(smi->out, "Option \"%s\" is missing its value.\n", word);
	return 2;
}

static int unknown(const struct smi *smi, const char *word)
{
	fprintf(smi->out, "Option \"%s\" is not recognized.\n", word);
	return 2;
}

/* Before R525 a value cannot begin with "-"; what was typed there is told by what it is for. */
static bool is_dashed(const struct smi *smi, const char *word)
{
	return smi->d->mig_dash_is_no_value && word[0] == '-' && word[1];
}

int mig_args_check(struct smi *smi, const struct mig_args *args, enum mig_opt opt)
{
	if (!args->dashed[opt])
		return 0;
	fprintf(smi->out, "Failed to parse %s specified at the command-line.\n", options[opt].what);
	return 2;
}

/* Takes the value behind an option, if it has one. 0, or an exit code. */
static int take_value(const struct smi *smi, enum mig_opt o, const char *word, const char *next,
		      const char **ret_value, const char **ret_missing)
{
	*ret_value = NULL;
	if (next && find(smi, next) == MIG_OPT_COUNT) {
		*ret_value = next;
		return 0;
	}
	if (options[o].value != NEEDS_VALUE || *ret_missing)
		return 0;
	*ret_missing = word;
	/* Older branches stop at once, newer ones read on: unknown words first. */
	return smi->d->mig_help_first ? missing_value(smi, word) : 0;
}

int mig_args_parse(struct smi *smi, int argc, char **argv, struct mig_args *ret)
{
	const char *word, *missing = NULL;
	int n = cut_words(smi, argc, argv, &ret->words);

	if (n < 0)
		return 255;
	for (word = ret->words; n > 0; n--, word += strlen(word) + 1) {
		enum mig_opt o = find(smi, word);
		const char *next = n > 1 ? word + strlen(word) + 1 : NULL;
		int code;

		if (o == MIG_OPT_COUNT)
			return unknown(smi, word);
		ret->given[o] = true;
		if (o == MIG_OPT_HELP && smi->d->mig_help_first)
			return 0;
		if (options[o].value == NO_VALUE)
			continue;
		code = take_value(smi, o, word, next, &ret->value[o], &missing);
		if (code)
			return code;
		if (!ret->value[o])
			continue;
		word = next;
		n--;
		ret->dashed[o] = options[o].value == NEEDS_VALUE && is_dashed(smi, word);
		if (is_dashed(smi, word))
			ret->value[o] = NULL;
	}
	return missing ? missing_value(smi, missing) : 0;
}
