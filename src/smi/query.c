/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/query.h"

#include <string.h>

#include "base/util.h"

/* The fields that were asked for, in order. */
struct fields {
	const struct query_field **f;
	unsigned int n;
};

static void fields_free(struct fields *fields)
{
	free(fields->f);
	fields->f = NULL;
}

static const struct query_field *find(const struct smi *smi, const struct query_table *table,
				      const char *name)
{
	unsigned int i;

	for (i = 0; i < table->n; i++) {
		const struct query_field *f = &table->field[i];

		if (f->is_reserved && !smi->d->reserved_memory)
			continue;
		if (!strcmp(name, f->name) || (f->other && !strcmp(name, f->other)))
			return f;
	}
	return NULL;
}

static int parse_fields(struct smi *smi, const struct query_table *table, const char *names,
			struct fields *ret)
{
	_cleanup_free_ char *copy = strdup(names);
	char *name, *rest;

	ret->f = calloc(strlen(names) + 1, sizeof(const struct query_field *));
	if (!copy || !ret->f)
		return 255;
	for (name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		const struct query_field *f = find(smi, table, name);

		if (!f) {
			fprintf(smi->out, "Field \"%s\" is not a valid field to query.\n\n", name);
			return 2;
		}
		ret->f[ret->n++] = f;
	}
	return 0;
}

static int parse_format(struct smi *smi, const char *words, struct query_style *ret)
{
	_cleanup_free_ char *copy = strdup(words);
	bool csv = false;
	char *word, *rest;

	if (!copy)
		return 255;
	for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (!strcmp(word, "csv")) {
			csv = true;
		} else if (!strcmp(word, "noheader")) {
			ret->no_header = true;
		} else if (!strcmp(word, "nounits")) {
			ret->no_units = true;
		} else {
			fputs("Format modifier is not recognized.\n", smi->out);
			return 2;
		}
	}
	if (!csv && !smi->d->format_optional) {
		fputs("Format modifier --format=csv is mandatory.\n", smi->out);
		return 2;
	}
	return 0;
}

static void print_header(struct smi *smi, const struct fields *fields)
{
	unsigned int i;

	for (i = 0; i < fields->n; i++) {
		const struct query_field *f = fields->f[i];

		fprintf(smi->out, "%s%s", i ? ", " : "", f->name);
		if (f->unit)
			fprintf(smi->out, " [%s]", f->unit);
	}
	fputc('\n', smi->out);
}

static void print_row(struct smi *smi, const struct fields *fields, const struct query_style *style,
		      const struct query_row *row)
{
	unsigned int i;

	for (i = 0; i < fields->n; i++) {
		const struct query_field *f = fields->f[i];
		char text[QUERY_VALUE] = "";
		nvmlReturn_t r = f->get(smi, row, text);

		fputs(i ? ", " : "", smi->out);
		if (r)
			fprintf(smi->out, "[%s]",
				r == NVML_ERROR_NOT_SUPPORTED ? "N/A" : smi_error(smi, r));
		else
			fprintf(smi->out, "%s%s%s", text, f->unit && !style->no_units ? " " : "",
				f->unit && !style->no_units ? f->unit : "");
	}
	fputc('\n', smi->out);
}

static void print_apps(struct smi *smi, const struct fields *fields,
		       const struct query_style *style, const struct smi_gpu *gpu)
{
	_cleanup_(processes_free) struct processes all = { 0 };
	unsigned int i;

	processes_add(smi, gpu->dev, gpu->index, PROCESS_COMPUTE, &all);
	for (i = 0; i < all.n; i++) {
		const struct query_row row = { .gpu = gpu, .process = &all.p[i] };

		print_row(smi, fields, style, &row);
	}
}

static void print_gpu(struct smi *smi, const struct fields *fields, const struct query_style *style,
		      const struct smi_gpu *gpu)
{
	const struct query_row row = { .gpu = gpu };

	print_row(smi, fields, style, &row);
}

/* Names of groups are found out late, one of them, in the order of the table. */
static const struct query_field *first_group(const struct fields *fields)
{
	const struct query_field *first = NULL;
	unsigned int i;

	for (i = 0; i < fields->n; i++)
		if (!fields->f[i]->get && (!first || fields->f[i] < first))
			first = fields->f[i];
	return first;
}

static int no_format(struct smi *smi)
{
	fputs("\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n\n",
	      smi->out);
	return 2;
}

int smi_query(struct smi *smi, const char *ids, const char *option, const char *names,
	      const char *format)
{
	_cleanup_(smi_gpus_free) struct smi_gpus gpus = { 0 };
	_cleanup_(fields_free) struct fields fields = { 0 };
	bool apps = !strcmp(option, "--query-compute-apps");
	struct query_style style = { 0 };
	const struct query_field *group;
	unsigned int i;
	int code;

	if (!format && !smi->d->format_optional)
		return no_format(smi);
	code = parse_fields(smi, apps ? &query_app_fields : &query_gpu_fields, names, &fields);
	if (code)
		return code;
	code = parse_format(smi, format ? format : "", &style);
	if (!code)
		code = smi_select(smi, ids, &gpus);
	if (code)
		return code;
	if (!style.no_header)
		print_header(smi, &fields);
	group = first_group(&fields);
	if (group) {
		fprintf(smi->out, "%s : not a valid field to query.\n\n", group->name);
		return 2;
	}
	for (i = 0; i < gpus.n; i++)
		(apps ? print_apps : print_gpu)(smi, &fields, &style, &gpus.gpu[i]);
	return 0;
}
