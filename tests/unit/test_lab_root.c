/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=180 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/*
 * The capability files of a lab follow its layout, also when a process dies just before its n-th
 * change of a file or its n-th store into the state, for every n: whoever comes next, to change the
 * lab or just to bring the files in step, leaves them as the layout asks. Both parts are compiled
 * in here with their dying switched on; the archive's own are then not linked.
 */
#define LAB_CRASH_TEST
#include "lab/root_follow.c" /* NOLINT(bugprone-suspicious-include) */
#include "lab/store.c"	     /* NOLINT(bugprone-suspicious-include) */

#include "base/util.h"

#include "unit/lab_fixture.h"

#define CAPS "proc/driver/nvidia/capabilities"

static void minors(void)
{
	/* transcript 13 and mig-hardware's examples; the last of the driver's table */
	CHECK_EQ(lab_cap_minor(0, 2, -1), 21);
	CHECK_EQ(lab_cap_minor(0, 2, 0), 22);
	CHECK_EQ(lab_cap_minor(0, 3, -1), 30);
	CHECK_EQ(lab_cap_minor(0, 3, 0), 31);
	CHECK_EQ(lab_cap_minor(0, 3, 1), 32);
	CHECK_EQ(lab_cap_minor(0, 9, -1), 84);
	CHECK_EQ(lab_cap_minor(0, 9, 0), 85);
	CHECK_EQ(lab_cap_minor(31, 14, 7), 4322);
}

/* --- what is there against what should be ---------------------------------------------------- */

static void read_text(const char *path, char ret[256])
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	n = fread(ret, 1, 255, f);
	ret[n] = '\0';
	fclose(f);
}

static void check_cap(const char *dir, const char *folder, unsigned minor)
{
	char path[700], want[100], got[256];
	struct stat sb;

	snprintf(path, sizeof(path), "%.500s/access", folder);
	read_text(path, got);
	snprintf(want, sizeof(want),
		 "DeviceFileMinor: %u\nDeviceFileMode: 292\nDeviceFileModify: 1\n", minor);
	CHECK_STR(got, want);
	snprintf(path, sizeof(path), "%.500s/dev/nvidia-caps/nvidia-cap%u", dir, minor);
	if (lstat(path, &sb) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* How many folders of a name are in a folder. */
static unsigned count(const char *folder, const char *prefix)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	unsigned n = 0;

	CHECK(dir != NULL);
	while ((e = readdir(dir)))
		n += !strncmp(e->d_name, prefix, strlen(prefix));
	closedir(dir);
	return n;
}

static void check_tree(const char *dir)
{
	struct fixture f = { 0 };
	struct lab_state st;
	struct lab *lab;

	snprintf(f.dir, sizeof(f.dir), "%s", dir);
	lab = fixture_open(&f);
	CHECK_EQ(lab_read_state(lab, &st), 0);
	for (unsigned i = 0; i < st.n_gpus; i++) {
		char mig[400], folder[500];
		unsigned n = 0;

		snprintf(mig, sizeof(mig), "%.300s/" CAPS "/gpu%u/mig", dir, i);
		for (unsigned g = 0; g < MIG_MAX_GI; g++) {
			const struct lab_gi *gi = &st.gpu[i].gi[g];
			unsigned n_ci = 0;

			if (!gi->used)
				continue;
			n++;
			snprintf(folder, sizeof(folder), "%s/gi%u", mig, gi->id);
			check_cap(dir, folder, 3 + 135 * i + 9 * gi->id);
			for (unsigned c = 0; c < MIG_MAX_CI; c++) {
				if (!gi->ci[c].used)
					continue;
				n_ci++;
				snprintf(folder, sizeof(folder), "%s/gi%u/ci%u", mig, gi->id,
					 gi->ci[c].id);
				check_cap(dir, folder, 4 + 135 * i + 9 * gi->id + gi->ci[c].id);
			}
			snprintf(folder, sizeof(folder), "%s/gi%u", mig, gi->id);
			CHECK_EQ(count(folder, "ci"), n_ci);
		}
		CHECK_EQ(count(mig, "gi"), n);
	}
	lab_close(lab);
}

/* --- changes --------------------------------------------------------------------------------- */

static void gi_at(struct lab *lab, unsigned at, struct lab_gi *ret)
{
	struct lab_gpu gpu;

	CHECK_EQ(lab_read_gpu(lab, 1, &gpu), 0);
	*ret = gpu.gi[at];
	CHECK(ret->used);
}

static int do_gi_create(struct lab *lab)
{
	struct lab_made made;

	return lab_gi_create(lab, 1, 14, -1, -1, &made);
}

static int do_gi_destroy(struct lab *lab)
{
	struct lab_gi gi;

	gi_at(lab, 1, &gi);
	return lab_gi_destroy(lab, 1, gi.id, gi.generation);
}

/* Again what was there before: its folder is a spare one now. */
static int do_gi_again(struct lab *lab)
{
	struct lab_made made;
	int r = do_gi_destroy(lab);

	return r < 0 ? r : lab_gi_create(lab, 1, 19, -1, -1, &made);
}

static int do_ci_create(struct lab *lab)
{
	struct lab_gi gi;
	struct lab_made made;

	gi_at(lab, 0, &gi);
	return lab_ci_create(lab, 1, gi.id, gi.generation, 0, -1, -1, &made);
}

static int do_ci_destroy(struct lab *lab)
{
	struct lab_gi gi;

	gi_at(lab, 0, &gi);
	return lab_ci_destroy(lab, 1, gi.id, gi.ci[0].id, gi.ci[0].generation);
}

static int do_reset(struct lab *lab)
{
	return lab_gpu_reset(lab, 1);
}

static int do_reboot(struct lab *lab)
{
	return lab_reboot(lab, NULL);
}

static int do_set(struct lab *lab)
{
	return lab_set_reading(lab, 0, -1, "temperature", "77", NULL);
}

static const struct {
	const char *name;
	int (*run)(struct lab *lab);
	bool files; /* changes some */
} changes[] = {
	{ "gi create", do_gi_create, true },   { "gi destroy", do_gi_destroy, true },
	{ "gi again", do_gi_again, true },     { "ci create", do_ci_create, true },
	{ "ci destroy", do_ci_destroy, true }, { "gpu reset", do_reset, true },
	{ "reboot", do_reboot, true },	       { "set a reading", do_set, false },
};

/* GPU 1 in MIG mode with a 3g that has a CI of one slice, and an empty 1g. */
static void before(struct fixture *f)
{
	static const char *const still[] = { "sys", "usr", "proc/driver/nvidia-caps" };
	struct lab_made gi, ci;
	struct lab *lab;

	fixture_lab(f, "a100-80gb-pcie", "535.261.03", 2, MIG_NUMBERING_X);
	lab = fixture_open(f);
	CHECK_EQ(lab_set_mig_mode(lab, 1, true), 0);
	CHECK_EQ(lab_gi_create(lab, 1, 9, -1, -1, &gi), 0);
	CHECK_EQ(lab_ci_create(lab, 1, gi.id, gi.generation, 0, -1, -1, &ci), 0);
	CHECK_EQ(lab_gi_create(lab, 1, 19, -1, -1, &gi), 0);
	lab_close(lab);
	check_tree(f->dir);
	/* What does not change is not copied a thousand times. */
	for (unsigned i = 0; i < ARRAY_SIZE(still); i++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", f->dir, still[i]);
		fixture_clear(path);
	}
}

/* The lab with all its files. */
static void copy_whole(const char *from, const char *to)
{
	int status;
	pid_t pid;

	fixture_clear(to);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		execlp("cp", "cp", "-a", from, to, (char *)NULL);
		_exit(127);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

/* One change in a child that dies before its n-th step of a kind (0: never); true: it died. */
static bool run_dying(const char *dir, int (*run)(struct lab *lab), long file, long store)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct lab *lab = NULL;

		if (lab_open(dir, 0, &lab, NULL) < 0)
			_exit(4);
		test_die_at_file = file;
		test_die_at = store;
		_exit(run(lab) < 0 ? 3 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return true;
	CHECK_EQ(WEXITSTATUS(status), 0);
	return false;
}

static int repair_by_sync(struct lab *lab)
{
	lab_root_sync(lab);
	return 0;
}

/* Any change does it, also one that has nothing to do with the layout. */
static int repair_by_change(struct lab *lab)
{
	return lab_set_persistence(lab, 0, true);
}

static unsigned torture(const struct fixture *f, unsigned which, bool stores)
{
	char dir[300];
	long n;

	snprintf(dir, sizeof(dir), "%.200s/copy", f->base);
	for (n = 1;; n++) {
		copy_whole(f->dir, dir);
		if (!run_dying(dir, changes[which].run, stores ? 0 : n, stores ? n : 0))
			break;
		CHECK(!run_dying(dir, n % 2 ? repair_by_sync : repair_by_change, 0, 0));
		check_tree(dir);
	}
	check_tree(dir); /* who lived needs nobody */
	return (unsigned)(n - 1);
}

/* The number of nodes, with those of config and monitor. */
static unsigned nodes(const struct fixture *f)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/dev/nvidia-caps", f->dir);
	return count(path, "nvidia-cap");
}

/* As on hardware they stay when the instance goes, and go when the machine is rebooted. */
static void stale_nodes(void)
{
	struct fixture f;
	struct lab *lab;

	before(&f);
	CHECK_EQ(nodes(&f), 5);
	lab = fixture_open(&f);
	CHECK_EQ(do_gi_destroy(lab), 0);
	CHECK_EQ(do_ci_destroy(lab), 0);
	CHECK_EQ(nodes(&f), 5);
	CHECK_EQ(do_gi_create(lab), 0);
	CHECK_EQ(nodes(&f), 6);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK_EQ(nodes(&f), 2);
	lab_close(lab);
	check_tree(f.dir);
	fixture_end(&f);
}

/* NVML works on, whatever becomes of the files, and somebody's own file is no obstacle. */
static void spoilt(void)
{
	char path[400];
	struct fixture f;
	struct lab *lab;

	before(&f);
	lab = fixture_open(&f);
	snprintf(path, sizeof(path), "%s/" CAPS "/gpu1", f.dir);
	fixture_clear(path);
	CHECK_EQ(do_gi_create(lab), 0);
	CHECK_EQ(do_ci_create(lab), 0);
	/* The folder is back: the next one finds out. */
	CHECK(!mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/" CAPS "/gpu1/mig", f.dir);
	CHECK(!mkdir(path, 0755));
	lab_root_sync(lab);
	check_tree(f.dir);
	/* A node that somebody removed comes back with its instance. */
	snprintf(path, sizeof(path), "%s/dev/nvidia-caps", f.dir);
	fixture_clear(path);
	CHECK(!mkdir(path, 0755));
	CHECK_EQ(do_gi_again(lab), 0);
	snprintf(path, sizeof(path), "%s/" LAB_ROOT_SPARE, f.dir);
	fixture_clear(path);
	CHECK_EQ(do_ci_destroy(lab), 0);
	CHECK_EQ(do_reset(lab), 0);
	lab_close(lab);
	fixture_end(&f);
}

int main(void)
{
	struct fixture f;

	minors();
	before(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		unsigned files = torture(&f, i, false), stores = torture(&f, i, true);

		printf("%-14s %u deaths before a file, %u before a store\n", changes[i].name, files,
		       stores);
		CHECK(changes[i].files ? files >= 1 : !files);
		CHECK(stores >= 2);
	}
	fixture_end(&f);
	stale_nodes();
	spoilt();
	return 0;
}
