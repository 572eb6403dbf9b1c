/* SPDX-License-Identifier: Apache-2.0 */
#include "gen_tables.h"
#include "spec/machine_yaml.h"
#include "spec/yaml_doc.h"

/*
 * gen-machines OUT.c OUT.d SOURCES.yaml FOLDER: the tables of the compiled-in machines from
 * FOLDER/NAME.yaml. Runs at build time; a file that contradicts itself stops the build.
 */

struct gen {
	struct mig_source sources[MAX_SOURCES];
	unsigned n_sources;
	struct table_paths paths;
	struct mig_machine machines[MAX_TABLES];
};

static int read_machine(const struct gen *gen, const char *path, struct mig_machine *ret,
			struct mig_error *reterr)
{
	struct spec_board_env env = { .sources = gen->sources, .n_sources = gen->n_sources };
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	_cleanup_free_ char *text = NULL;
	size_t size, n;
	int r;

	r = spec_file_read(path, &text, &size, reterr);
	if (r >= 0)
		r = spec_machine_parse(path, text, size, &env, ret, reterr);
	if (r < 0)
		return r;
	n = strlen(ret->key);
	if (strncmp(base, ret->key, n) != 0 || strcmp(base + n, ".yaml") != 0)
		return mig_fail(reterr, -EINVAL, "%s:1:1: the machine %s belongs into %s.yaml",
				path, ret->key, ret->key);
	return 0;
}

static void put_cpus(FILE *f, const struct mig_machine *m)
{
	fprintf(f, "\t.cpus = {\n");
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		fprintf(f, "\t\t{");
		for (unsigned w = 0; w < MIG_MACHINE_CPU_WORDS; w++)
			fprintf(f, " 0x%llx,", (unsigned long long)m->cpus[i][w]);
		fprintf(f, " },\n");
	}
	fprintf(f, "\t},\n");
}

static void put_machine(FILE *f, const struct mig_machine *m)
{
	fprintf(f, "{\n\t.key = \"%s\", .title = ", m->key);
	put_text(f, m->title);
	fprintf(f, ",\n\t.n_nodes = %u, .nodes_per_socket = %u, .nvlink = %u, .nvlinks = %u,\n",
		m->n_nodes, m->nodes_per_socket, m->nvlink, m->nvlinks);
	put_cpus(f, m);
	fprintf(f, "\t.n_gpus = %u,\n\t.gpu = {\n", m->n_gpus);
	for (uint32_t i = 0; i < m->n_gpus; i++)
		fprintf(f, "\t\t{ \"%s\", { 0x%x, 0x%x, 0x%x }, %u, %u },\n", m->gpu[i].board,
			m->gpu[i].bus_id.domain, m->gpu[i].bus_id.bus, m->gpu[i].bus_id.device,
			m->gpu[i].node, m->gpu[i].pcie_switch);
	fprintf(f, "\t},\n\t.part = {");
	for (unsigned i = 0; i < MIG_MACHINE_PART_MAX; i++)
		fprintf(f, " 0x%xu,", m->part[i]);
	fprintf(f, " },\n\t.n_sources = %u,\n\t.sources = {\n", m->n_sources);
	put_sources(f, "\t\t", m->sources, m->n_sources);
	fprintf(f, "\t},\n\t.n_notes = %u,\n\t.notes = {\n", m->n_notes);
	put_notes(f, "\t\t", m->notes, m->n_notes);
	fprintf(f, "\t},\n},\n");
}

static int write_tables(const struct gen *gen, const char *path, struct mig_error *reterr)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return mig_fail(reterr, -errno, "%s: %s", path, strerror(errno));
	fprintf(f, "/* Written by gen-machines from data/machines/: do not edit. */\n");
	fprintf(f, "#include \"model/machines_gen.h\"\n\n");
	fprintf(f, "const struct mig_machine mig_machines[] = {\n");
	for (unsigned i = 0; i < gen->paths.n; i++)
		put_machine(f, &gen->machines[i]);
	fprintf(f, "};\nconst unsigned mig_n_machines = %u;\n", gen->paths.n);
	if (ferror(f) | fclose(f))
		return mig_fail(reterr, -EIO, "%s: cannot be written", path);
	return 0;
}

static int generate(struct gen *gen, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = spec_file_read(argv[3], &text, &size, reterr);
	if (r >= 0)
		r = spec_sources_parse(argv[3], text, size, gen->sources, MAX_SOURCES,
				       &gen->n_sources, reterr);
	if (r >= 0)
		r = list_tables(&gen->paths, argv[4], reterr);
	for (unsigned i = 0; r >= 0 && i < gen->paths.n; i++)
		r = read_machine(gen, gen->paths.path[i], &gen->machines[i], reterr);
	if (r >= 0)
		r = write_deps(&gen->paths, argv[2], argv[1], argv[3], argv[4], reterr);
	return r < 0 ? r : write_tables(gen, argv[1], reterr);
}

int main(int argc, char **argv)
{
	_cleanup_free_ struct gen *gen = calloc(1, sizeof(*gen));
	struct mig_error err = { 0 };

	if (argc != 5) {
		fprintf(stderr, "usage: %s OUT.c OUT.d SOURCES.yaml FOLDER\n", argv[0]);
		return 2;
	}
	if (!gen || generate(gen, argv, &err) < 0) {
		fprintf(stderr, "%s\n", gen ? err.msg : "out of memory");
		return 1;
	}
	return 0;
}
