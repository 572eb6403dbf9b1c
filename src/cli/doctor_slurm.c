/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/doctor.h"

/*
 * Slurm's gres.conf names the device files of what it hands out (its manual, gres.conf): a GPU by
 * "File=/dev/nvidia0", a MIG device by "MultipleFiles=" of the GPU's and both instances' nodes.
 * With AutoDetect slurmd asks NVML when it starts, and adds what no line has.
 */

#define MINORS 65536

struct gres {
	struct doctor *d;
	const char *path;
	char *node; /* "NodeName=gpu1 " as the first line of this node's has it; NULL: none */
	bool *caps, *gpus;
	bool detects, names_files;
	FILE *stale, *lines; /* words on what is no more; "3d;4d" for sed */
	unsigned n_stale;
};

/* --- host lists: "gpu[01-04,7]", also in names of files --------------------------------------- */

/* Calls fn for each word of "a,b[1-3]"; true: one of them said so. */
typedef bool word_fn(void *arg, const char *word);

static bool each_in_brackets(const char *word, size_t n, const char *open, word_fn *fn, void *arg)
{
	const char *end = word + n, *close = memchr(open, ']', (size_t)(end - open)),
		   *at = open + 1;
	char one[512];

	while (close && at < close) {
		size_t width = strspn(at, "0123456789"), part = strcspn(at, ",]");
		unsigned long from = strtoul(at, NULL, 10), to = from;

		if (at[width] == '-')
			to = strtoul(at + width + 1, NULL, 10);
		for (unsigned long i = from; width && i <= to && i - from < MINORS; i++) {
			snprintf(one, sizeof(one), "%.*s%0*lu%.*s", (int)(open - word), word,
				 (int)width, i, (int)(end - close - 1), close + 1);
			if (fn(arg, one))
				return true;
		}
		at += part + 1;
	}
	return false;
}

static bool each_word(const char *list, word_fn *fn, void *arg)
{
	while (*list) {
		const char *open = NULL, *end = list;
		char one[512];

		for (unsigned depth = 0; *end && (*end != ',' || depth); end++) {
			if (*end == '[' && !depth++)
				open = open ?: end;
			else if (*end == ']' && depth)
				depth--;
		}
		snprintf(one, sizeof(one), "%.*s", (int)(end - list), list);
		if (open ? each_in_brackets(list, (size_t)(end - list), open, fn, arg)
			 : fn(arg, one))
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}

/* --- one line --------------------------------------------------------------------------------- */

struct line {
	struct gres *g;
	unsigned first, last; /* more than one where a backslash joins them */
	int gpu, dead;
	bool caps; /* names a capability */
};

static bool is_host(void *arg, const char *word)
{
	const struct gres *g = arg;
	char host[256] = "";

	/* In a lab the machine is called as the lab is. */
	if (g->d->s->lab && !strncmp(g->d->s->host, "lab ", 4) &&
	    !strcasecmp(word, g->d->s->host + 4))
		return true;
	if (gethostname(host, sizeof(host) - 1))
		return true;
	host[strcspn(host, ".")] = '\0';
	return !strcasecmp(word, host);
}

static bool take_file(void *arg, const char *path)
{
	struct line *l = arg;
	struct gres *g = l->g;
	const struct cli_capability *cap;
	bool is_gpu;
	int minor = doctor_node_minor(path, &is_gpu);

	if (minor < 0)
		return false;
	g->names_files = true;
	if (is_gpu) {
		l->gpu = minor;
		return false;
	}
	l->caps = true;
	cap = doctor_capability(g->d, minor);
	if (cap && !doctor_is_there(g->d, cap))
		l->dead = minor;
	else if (cap && cap->ci >= 0)
		g->caps[minor] = true;
	return false;
}

/* The value of "Key=value" in the line; the keys of Slurm have no case. */
static char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		size_t n = strcspn(text, " \t");

		if (n > len && !strncasecmp(text, key, len) && text[len] == '=')
			return strndup(text + len + 1, n - len - 1);
		text += n;
	}
	return NULL;
}

static void stale(struct gres *g, const struct line *l, const char *what)
{
	if (!g->stale || !g->lines)
		return;
	fprintf(g->stale, "%sline %u (%s)", g->n_stale ? ", " : "", l->first, what);
	fprintf(g->lines, "%s%u", g->n_stale ? ";" : "", l->first);
	if (l->last > l->first)
		fprintf(g->lines, ",%u", l->last);
	fputc('d', g->lines);
	g->n_stale++;
}

static void judge(struct gres *g, const struct line *l)
{
	const struct mig_gpu *gpu = doctor_gpu_of_minor(g->d, l->gpu);
	char what[96];

	if (l->dead >= 0) {
		const struct cli_capability *cap = doctor_capability(g->d, l->dead);

		snprintf(what, sizeof(what),
			 "nvidia-cap%d is no instance now: it was GPU %d, GI %d", l->dead, cap->gpu,
			 cap->gi);
		stale(g, l, what);
	} else if (!l->caps && gpu && doctor_is_sure(gpu) && gpu->mode == MIG_MODE_ON) {
		snprintf(what, sizeof(what), "all of GPU %u, which is in MIG mode", gpu->index);
		stale(g, l, what);
	} else if (!l->caps && l->gpu >= 0) {
		g->gpus[l->gpu] = true;
	}
}

static void take_line(struct gres *g, const char *text, unsigned first, unsigned last)
{
	struct line l = { .g = g, .first = first, .last = last, .gpu = -1, .dead = -1 };
	_cleanup_free_ char *node = NULL, *name = NULL, *file = NULL, *files = NULL, *detect = NULL;

	node = value_of(text, "NodeName");
	if (node && !each_word(node, is_host, g))
		return;
	detect = value_of(text, "AutoDetect");
	if (detect && strcasecmp(detect, "off") != 0)
		g->detects = true;
	name = value_of(text, "Name");
	if (!name || strcasecmp(name, "gpu") != 0)
		return;
	if (node && !g->node && asprintf(&g->node, "NodeName=%s ", node) < 0)
		g->node = NULL;
	file = value_of(text, "File");
	files = value_of(text, "MultipleFiles");
	if (file)
		each_word(file, take_file, &l);
	if (files)
		each_word(files, take_file, &l);
	judge(g, &l);
}

/* --- the file --------------------------------------------------------------------------------- */

static void say_stale(struct gres *g, const char *words, const char *edits)
{
	struct doctor *d = g->d;
	struct doctor_finding *f = doctor_new(d, DOCTOR_PROBLEM, "slurm-stale", CLI_NONE, CLI_NONE);
	_cleanup_free_ char *path = NULL;

	doctor_file(d, f, g->path);
	path = doctor_quoted(f->file ?: g->path);
	doctor_what(d, f,
		    "%s shows an old layout: %s; the command takes the line%s out, then slurmd has "
		    "to be restarted",
		    g->path, words, g->n_stale == 1 ? "" : "s");
	doctor_command(d, f, "sudo sed -i '%s' %s", edits, path ?: g->path);
}

/* A line of gres.conf for each MIG device and GPU that none has, as words of a shell. */
static unsigned lines_for(const struct gres *g, const struct mig_gpu *gpu, FILE *words, FILE *lines,
			  unsigned n)
{
	const char *node = g->node ?: "";

	if (!doctor_is_sure(gpu) || gpu->minor >= MINORS)
		return n;
	if (gpu->mode != MIG_MODE_ON && !g->gpus[gpu->minor]) {
		fprintf(words, "%sGPU %u", n++ ? ", " : "", gpu->index);
		fprintf(lines, " '%sName=gpu File=/dev/nvidia%d'", node, gpu->minor);
	}
	for (uint32_t i = 0; i < gpu->n_gi; i++) {
		const struct mig_gi *gi = &gpu->gi[i];
		int of_gi = doctor_minor_of(g->d, gpu, gi->id, -1);

		for (unsigned k = 0; k < gi->n_ci; k++) {
			int minor = doctor_minor_of(g->d, gpu, gi->id, gi->ci[k].id);

			if (minor < 0 || minor >= MINORS || of_gi < 0 || g->caps[minor])
				continue;
			fprintf(words, "%sMIG device %u/%u/%u (nvidia-cap%d)", n++ ? ", " : "",
				gpu->index, gi->id, gi->ci[k].id, minor);
			fprintf(lines,
				" '%sName=gpu Type=%s MultipleFiles=/dev/nvidia%d,"
				"/dev/nvidia-caps/nvidia-cap%d,/dev/nvidia-caps/nvidia-cap%d'",
				node, gi->ci[k].name, gpu->minor, of_gi, minor);
		}
	}
	return n;
}

static void lacks(struct gres *g)
{
	struct doctor *d = g->d;
	_cleanup_free_ char *words = NULL, *lines = NULL, *path = NULL;
	size_t n_words, n_lines;
	FILE *say = open_memstream(&words, &n_words), *add = open_memstream(&lines, &n_lines);
	struct doctor_finding *f;
	unsigned n = 0;

	for (uint32_t i = 0; say && add && i < d->s->n_gpu; i++)
		n = lines_for(g, &d->s->gpu[i], say, add, n);
	fclosep(&say);
	fclosep(&add);
	if (!n || !words || !lines)
		return;
	f = doctor_new(d, DOCTOR_PROBLEM, "slurm-lacks", CLI_NONE, CLI_NONE);
	doctor_file(d, f, g->path);
	path = doctor_quoted(f->file ?: g->path);
	doctor_what(d, f,
		    "%s shows an old layout: no line of it has %s; the command adds what lacks, "
		    "then the counts in slurm.conf have to follow and slurmd has to be restarted",
		    g->path, words);
	doctor_command(d, f, "printf '%%s\\n'%s | sudo tee -a %s", lines, path ?: g->path);
}

/* Appends a line to the one that goes on; true: the next one belongs to it, too. */
static bool join(char **whole, char *text)
{
	size_t have = *whole ? strlen(*whole) : 0, n;
	char *more;
	bool joined;

	/* What follows a # is nothing. */
	text[strcspn(text, "#\r\n")] = '\0';
	n = strlen(text);
	joined = n && text[n - 1] == '\\';
	if (joined)
		text[n - 1] = ' ';
	more = realloc(*whole, have + n + 1);
	if (!more)
		return false;
	memcpy(more + have, text, n + 1);
	*whole = more;
	return joined;
}

/* A backslash at its end joins a line with the next. */
static void read_lines(struct gres *g, FILE *in)
{
	_cleanup_free_ char *text = NULL, *whole = NULL;
	unsigned number = 0, first = 1;
	size_t room = 0;

	while (getline(&text, &room, in) > 0) {
		number++;
		if (join(&whole, text))
			continue;
		if (whole)
			take_line(g, whole, first, number);
		free(whole);
		whole = NULL;
		first = number + 1;
	}
	if (whole)
		take_line(g, whole, first, number);
}

static void look_at(struct gres *g, FILE *in)
{
	_cleanup_free_ char *words = NULL, *edits = NULL;
	size_t n_words, n_edits;

	g->stale = open_memstream(&words, &n_words);
	g->lines = open_memstream(&edits, &n_edits);
	read_lines(g, in);
	fclosep(&g->stale);
	fclosep(&g->lines);
	g->stale = g->lines = NULL;
	if (g->n_stale && words && edits)
		say_stale(g, words, edits);
	/* What it detects by itself needs no line. */
	if (g->names_files && !g->detects)
		lacks(g);
}

void doctor_slurm(struct doctor *d)
{
	static const char *const files[] = { "/etc/slurm/gres.conf", "/etc/slurm-llnl/gres.conf" };
	_cleanup_free_ bool *caps = calloc(MINORS, sizeof(*caps));
	_cleanup_free_ bool *gpus = calloc(MINORS, sizeof(*gpus));

	if (!caps || !gpus) {
		d->failed = true;
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		struct gres g = { .d = d, .path = files[i], .caps = caps, .gpus = gpus };
		char full[PATH_MAX + 64];
		FILE *in;

		snprintf(full, sizeof(full), "%s%s", d->root, files[i]);
		in = fopen(full, "re");
		if (in) {
			look_at(&g, in);
			fclosep(&in);
		} else if (errno != ENOENT && errno != ENOTDIR) {
			doctor_not_seen(d, CLI_NONE, doctor_why(errno), "Slurm's %s", files[i]);
		}
		free(g.node);
	}
}
