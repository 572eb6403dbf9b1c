/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "base/util.h"
#include "model/machines.h"
#include "spec/machine_yaml.h"
#include "unit/check.h"

/*
 * tests/machines/bad/NAME.yaml are machines with one thing wrong each, NAME.expect the sentence
 * from the line on; the compiled-in machines against what listings of them show.
 */

static const char *source_root(void)
{
	const char *root = getenv("MIGKIT_SOURCE");

	if (!root)
		CHECK_SKIP("MIGKIT_SOURCE does not name the source folder");
	return root;
}

static int bad_file(const char *folder, const char *name)
{
	char path[PATH_MAX], expect[PATH_MAX], want[512] = "";
	struct mig_machine m = { .n_gpus = 77 };
	struct mig_error err = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	const char *got;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(expect, sizeof(expect), "%.*s.expect", (int)strlen(path) - 5, path);
	if (spec_machine_load(path, &m, &err) != -EINVAL) {
		fprintf(stderr, "%s: accepted\n", path);
		return 1;
	}
	CHECK_EQ(m.n_gpus, 77);
	CHECK(strncmp(err.msg, path, strlen(path)) == 0 && err.msg[strlen(path)] == ':');
	got = err.msg + strlen(path) + 1;
	f = fopen(expect, "re");
	CHECK(f && fgets(want, sizeof(want), f));
	want[strcspn(want, "\n")] = '\0';
	if (strcmp(got, want) == 0)
		return 0;
	fprintf(stderr, "%s: got \"%s\", not \"%s\"\n", path, got, want);
	return 1;
}

static void bad_files(void)
{
	char folder[PATH_MAX - 300];
	int n = 0, failed = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/tests/machines/bad", source_root());
	dir = opendir(folder);
	CHECK(dir);
	while ((d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);

		if (len < 6 || strcmp(d->d_name + len - 5, ".yaml") != 0)
			continue;
		failed += bad_file(folder, d->d_name);
		n++;
	}
	closedir(dir);
	CHECK_EQ(failed, 0);
	CHECK(n >= 20);
}

static void own_machine(void)
{
	struct mig_error err = { 0 };
	struct mig_machine m;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tests/machines/own.yaml", source_root());
	CHECK_EQ(spec_machine_load(path, &m, &err), 0);
	CHECK_STR(m.key, "own");
	CHECK_EQ(m.n_nodes, 2);
	CHECK_EQ(m.cpus[0][0], 0x75);
	CHECK_EQ(m.cpus[1][0], 0x8a);
	CHECK_EQ(m.nvlink, MIG_NVLINK_PAIRS);
	CHECK_EQ(m.nvlinks, 4);
	CHECK_STR(m.gpu[1].board, "a100-80gb-pcie");
	CHECK_EQ(m.gpu[0].bus_id.domain, 10);
	CHECK_EQ(m.gpu[0].bus_id.bus, 0xc1);
	CHECK_EQ(m.gpu[0].bus_id.device, 31);
	CHECK_EQ(m.gpu[1].node, 1);
	CHECK(m.part[MIG_MACHINE_LINKS] & MIG_DEF_UNCONFIRMED);
	CHECK(!(m.part[MIG_MACHINE_NVLINK] & MIG_DEF_UNCONFIRMED));
	CHECK_EQ(spec_machine_load("/nonexistent.yaml", &m, &err), -ENOENT);
}

/* nvidia-smi topo -m of a DGX A100: GPU 0 has 48-63,176-191 and node 3. */
static void compiled_in(void)
{
	const struct mig_machine *m = mig_machine_find("dgx-a100");
	static const uint8_t nodes[] = { 3, 3, 1, 1, 7, 7, 5, 5 };
	unsigned n;

	CHECK(m && m->n_gpus == 8 && m->n_nodes == 8 && m->nodes_per_socket == 4);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(m->gpu[i].node, nodes[i]);
	CHECK_EQ(m->cpus[3][0], UINT64_C(0xffff) << 48);
	CHECK_EQ(m->cpus[3][2], UINT64_C(0xffff) << 48);
	CHECK_EQ(m->nvlinks, 12);
	m = mig_machine_find("dgx-h100");
	CHECK(m && m->n_gpus == 8 && m->nvlinks == 18);
	CHECK_EQ(m->gpu[7].bus_id.bus, 0xdf);
	CHECK_EQ(m->cpus[0][0], (UINT64_C(1) << 56) - 1);
	m = mig_machine_find("nc24ads-a100-v4");
	CHECK(m && m->n_gpus == 1 && m->nvlink == MIG_NVLINK_NONE);
	CHECK_EQ(m->gpu[0].bus_id.domain, 1);
	CHECK(!mig_machine_find("dgx-9"));
	for (n = 0; (m = mig_machine_at(n)) != NULL; n++)
		for (unsigned i = 0; i < m->n_gpus; i++)
			CHECK(mig_board_find(m->gpu[i].board));
	CHECK(n >= 3);
}

int main(void)
{
	bad_files();
	own_machine();
	compiled_in();
	return 0;
}
