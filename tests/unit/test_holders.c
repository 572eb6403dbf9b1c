/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe/holders.h"
#include "observe/proc.h"
#include "unit/check.h"

/*
 * Who has device files open, in a /proc that this test makes: a machine with a real driver cannot
 * be had here, and no node may have a real driver's number.
 */

static char root[128];

static void put(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes the folders of a path below the root. */
static void folders(char *path)
{
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static void put(const char *path, const char *fmt, ...)
{
	char whole[400];
	va_list ap;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	folders(whole);
	f = fopen(whole, "we");
	CHECK(f != NULL);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	CHECK(fclose(f) == 0);
}

static void opened(int pid, int fd, const char *what)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", root, pid, fd);
	folders(path);
	CHECK_EQ(symlink(what, path), 0);
}

/* A process with standard descriptors, that belongs to a user whom no machine knows. */
static void process(int pid, const char *name, const char *cgroup)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/status", pid);
	put(path, "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t7\t4004004\t7\t7\n", name);
	snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	put(path, "/opt/%s%c--epochs%c3%c", name, 0, 0, 0);
	snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
	put(path, "0::%s\n", cgroup);
	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	put(path, "%d (%s) S 1 1 1 0 -1 4194304 0 0\n", pid, name);
	snprintf(path, sizeof(path), "proc/%d/maps", pid);
	put(path, "7f00-7f10 r--p 00000000 fe:00 12   /usr/lib/libc.so.6\n");
	opened(pid, 0, "/dev/null");
	opened(pid, 1, "/var/log/out.log");
	opened(pid, 2, "socket:[4711]");
}

static int remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

static void machine(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, sizeof(root), "%s/migkit-proc.XXXXXX", tmp ? tmp : "/tmp");
	CHECK(mkdtemp(root) != NULL);
	CHECK_EQ(chmod(root, 0755), 0);
	put("proc/devices", "Character devices:\n  1 mem\n195 nvidia\n195 nvidia-modeset\n"
			    "195 nvidiactl\n238 nvidia-uvm\n241 nvidia-caps\n"
			    "242 nvidia-caps-imex-channels\n\nBlock devices:\n195 nvidia-no\n");
	put("proc/driver/nvidia-caps/mig-minors",
	    "config 1\nmonitor 2\ngpu0/gi1/access 12\ngpu0/gi1/ci0/access 13\n"
	    "gpu0/gi2/access 21\ngpu0/gi2/ci0/access 22\ngpu1/gi1/access 147\n");
	process(1, "init", "/init.scope");
}

static void machine_end(void)
{
	CHECK_EQ(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void search(struct mig_snapshot *s)
{
	struct mig_error err = { 0 };

	CHECK_EQ(observe_holders_below(root, NULL, s, &err), 0);
}

/* Two GPUs whose minor numbers are not their indexes, as after a GPU was taken out. */
static void snapshot(struct mig_snapshot *s, unsigned n_nvml)
{
	*s = (struct mig_snapshot){ .n_gpu = 2 };
	s->gpu = calloc(2, sizeof(*s->gpu));
	s->process = n_nvml ? calloc(n_nvml, sizeof(*s->process)) : NULL;
	CHECK(s->gpu && (!n_nvml || s->process));
	s->gpu[0].index = 0;
	s->gpu[0].minor = 1;
	s->gpu[1].index = 1;
	s->gpu[1].minor = 0;
}

static void listed(struct mig_snapshot *s, uint32_t gpu, int gi, int ci, uint32_t pid)
{
	s->process[s->n_process++] = (struct mig_process){ .gpu = gpu,
							   .gi = gi,
							   .ci = ci,
							   .pid = pid,
							   .kind = MIG_PROCESS_COMPUTE,
							   .uid = UINT32_MAX,
							   .name = "as NVML says" };
}

static const struct mig_process *the(const struct mig_snapshot *s, uint32_t gpu, int gi, int ci,
				     uint32_t pid)
{
	for (uint32_t i = 0; i < s->n_process; i++) {
		const struct mig_process *p = &s->process[i];

		if (p->gpu == gpu && p->gi == gi && p->ci == ci && p->pid == pid)
			return p;
	}
	fprintf(stderr, "no record of pid %u on %u/%d/%d among %u\n", pid, gpu, gi, ci,
		s->n_process);
	exit(1);
}

static void test_files_only(void)
{
	const struct mig_process *p;
	struct mig_snapshot s;

	machine();
	process(20, "monitor", "/system.slice/dcgm.service");
	opened(20, 3, "/dev/nvidiactl");
	opened(20, 4, "/dev/nvidia0");
	opened(20, 5, "/dev/nvidia0");
	opened(20, 6, "/dev/nvidia-uvm");
	process(30, "both", "/");
	opened(30, 3, "/dev/nvidia0");
	opened(30, 4, "/dev/nvidia1 (deleted)");
	process(40, "driver only", "/");
	opened(40, 3, "/dev/nvidiactl");
	process(50, "near", "/");
	opened(50, 3, "/dev/nvme0");
	opened(50, 4, "/srv/x/dev/nvidia0");
	process(60, "mapped", "/");
	put("proc/60/maps", "7f00-7f10 rw-s 00000000 00:06 470   /dev/nvidia1\n");
	snapshot(&s, 0);
	search(&s);
	CHECK(s.holders.asked && !s.holders.hidden && !s.holders.n_unread && !s.holders.namespaced);
	CHECK_EQ(s.n_process, 5);
	p = the(&s, 1, -1, -1, 20); /* by the minor number */
	CHECK_EQ(p->kind, MIG_PROCESS_FILE);
	CHECK_STR(p->unit, "dcgm.service");
	CHECK_STR(p->command, "/opt/monitor --epochs 3");
	CHECK_STR(p->name, "/opt/monitor");
	CHECK_EQ(p->uid, 4004004);
	CHECK_STR(p->user, "4004004");
	CHECK(p->memory.status == MIG_NOT_ASKED);
	CHECK(strstr(p->files, "/dev/nvidiactl") && strstr(p->files, "/dev/nvidia-uvm"));
	CHECK_EQ(strlen(p->files), strlen("/dev/nvidiactl /dev/nvidia0 /dev/nvidia-uvm"));
	CHECK_STR(the(&s, 0, -1, -1, 30)->files, "/dev/nvidia1");
	CHECK_STR(the(&s, 1, -1, -1, 30)->files, "/dev/nvidia0");
	CHECK_STR(the(&s, MIG_NO_GPU, -1, -1, 40)->files, "/dev/nvidiactl");
	CHECK_STR(the(&s, 0, -1, -1, 60)->files, "/dev/nvidia1");
	free(s.gpu);
	free(s.process);
	machine_end();
}

/* What NVML lists gets its files; what it does not list of the same process is added. */
static void test_instances(void)
{
	const struct mig_process *p;
	struct mig_snapshot s;

	machine();
	process(20, "train", "/");
	opened(20, 3, "/dev/nvidia0");
	opened(20, 4, "/dev/nvidia-caps/nvidia-cap12");
	opened(20, 5, "/dev/nvidia-caps/nvidia-cap13");
	opened(20, 6, "/dev/nvidia-caps/nvidia-cap21");
	process(30, "dcgm", "/");
	opened(30, 3, "/dev/nvidia-caps/nvidia-cap21");
	opened(30, 4, "/dev/nvidia-caps/nvidia-cap22");
	opened(30, 5, "/dev/nvidia-caps/nvidia-cap147");
	process(40, "daemon", "/");
	opened(40, 3, "/dev/nvidia-caps/nvidia-cap2");
	opened(40, 4, "/dev/nvidia-caps/nvidia-cap99999");
	snapshot(&s, 2);
	listed(&s, 1, 1, 0, 20);
	listed(&s, 0, -1, -1, 77); /* gone meanwhile */
	search(&s);
	p = the(&s, 1, 1, 0, 20);
	CHECK_EQ(p->kind, MIG_PROCESS_COMPUTE);
	CHECK_STR(p->name, "as NVML says");
	CHECK_STR(p->command, "/opt/train --epochs 3");
	CHECK(strstr(p->files, "nvidia-cap12") && strstr(p->files, "nvidia-cap13") &&
	      strstr(p->files, "/dev/nvidia0") && !strstr(p->files, "nvidia-cap21"));
	CHECK_EQ(the(&s, 1, 2, -1, 20)->kind, MIG_PROCESS_FILE);
	p = the(&s, 1, 2, 0, 30);
	CHECK_EQ(p->kind, MIG_PROCESS_FILE);
	CHECK_STR(the(&s, 0, 1, -1, 30)->files, "/dev/nvidia-caps/nvidia-cap147");
	CHECK(strstr(the(&s, MIG_NO_GPU, -1, -1, 40)->files, "nvidia-cap2"));
	CHECK_STR(the(&s, 0, -1, -1, 77)->command, "");
	CHECK_EQ(the(&s, 0, -1, -1, 77)->uid, UINT32_MAX);
	CHECK_EQ(s.n_process, 6);
	free(s.gpu);
	free(s.process);
	machine_end();
}

/* A GPU that was not asked for (-i) makes nobody a holder of nothing. */
static void test_other_gpu(void)
{
	struct mig_snapshot s;

	machine();
	process(20, "elsewhere", "/");
	opened(20, 3, "/dev/nvidiactl");
	opened(20, 4, "/dev/nvidia7");
	snapshot(&s, 0);
	s.n_gpu = 1;
	search(&s);
	CHECK_EQ(s.n_process, 0);
	free(s.gpu);
	free(s.process);
	machine_end();
}

/* Many files: those that fit, and a sign that there are more. */
static void test_many_files(void)
{
	struct mig_snapshot s;
	const char *files;

	machine();
	process(20, "all", "/");
	opened(20, 3, "/dev/nvidia0");
	for (int i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "/dev/nvidia-caps-imex-channels/channel%d", i);
		opened(20, 10 + i, name);
	}
	snapshot(&s, 0);
	search(&s);
	files = the(&s, 1, -1, -1, 20)->files;
	CHECK(strlen(files) < sizeof(s.process->files));
	CHECK_STR(files + strlen(files) - 4, " ...");
	free(s.gpu);
	free(s.process);
	machine_end();
}

/* Command lines are any bytes. */
static void test_text(void)
{
	struct mig_process p = { .pid = 20, .uid = UINT32_MAX };
	char long_word[600];

	machine();
	process(20, "x", "/");
	put("proc/20/cmdline",
	    "a\xff\x1b[31mb\xc3\xa9\xe2\x82\xac\xed\xa0\x80%cz\xc2\x9b\xf4\x90\x80\x80", 0);
	proc_describe(root, &p);
	CHECK_STR(p.command, "a??[31mb\xc3\xa9\xe2\x82\xac??? z??????");
	/* No character is cut in two. */
	memset(long_word, 'a', sizeof(long_word));
	memcpy(long_word + 254, "\xc3\xa9", 2);
	long_word[sizeof(long_word) - 1] = '\0';
	put("proc/20/cmdline", "%s", long_word);
	proc_describe(root, &p);
	CHECK_EQ(strlen(p.command), 254);
	/* Without a command line the name of the status stands in. */
	put("proc/20/cmdline", "%s", "");
	p = (struct mig_process){ .pid = 20, .uid = UINT32_MAX };
	proc_describe(root, &p);
	CHECK_STR(p.name, "x");
	CHECK_STR(p.command, "");
	machine_end();
}

static void test_names(void)
{
	static const struct {
		const char *path;
		int kind;
		uint32_t minor;
	} cases[] = {
		{ "/dev/nvidia0", PROC_GPU, 0 },
		{ "/dev/nvidia15 (deleted)", PROC_GPU, 15 },
		{ "/dev/nvidia-caps/nvidia-cap12", PROC_CAP, 12 },
		{ "/dev/nvidiactl", PROC_COMMON, 0 },
		{ "/dev/nvidia-uvm-tools", PROC_COMMON, 0 },
		{ "/dev/nvidia0x", PROC_COMMON, 0 },
		{ "/dev/nvidia99999999999999", PROC_COMMON, 0 },
		{ "/dev/nvidia-caps/nvidia-cap", PROC_COMMON, 0 },
		{ "/dev/nvme0", 0, 0 },
		{ "/dev/null", 0, 0 },
		{ "nvidia0", 0, 0 },
	};
	struct proc_device d;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = proc_device_by_name(cases[i].path, &d);

		CHECK_EQ(found, cases[i].kind != 0);
		if (found)
			CHECK(d.kind == cases[i].kind && d.minor == cases[i].minor);
	}
}

/* By the numbers of the node, whatever it is called; of a lab's /dev/null nothing is said. */
static void test_numbers(void)
{
	struct proc_world *w = calloc(1, sizeof(*w));
	struct proc_device d;

	CHECK(w != NULL);
	machine();
	proc_world_init(w, root, NULL);
	CHECK(proc_device_by_number(w, "/dev/gpu", makedev(195, 3), &d));
	CHECK(d.kind == PROC_GPU && d.minor == 3);
	CHECK_STR(d.path, "/dev/gpu");
	CHECK(proc_device_by_number(w, "/dev/nvidiactl", makedev(195, 255), &d));
	CHECK(d.kind == PROC_COMMON);
	CHECK(proc_device_by_number(w, "/dev/nvidia-modeset", makedev(195, 254), &d));
	CHECK(d.kind == PROC_COMMON);
	CHECK(proc_device_by_number(w, "/dev/x", makedev(241, 12), &d));
	CHECK(d.kind == PROC_CAP && d.minor == 12);
	CHECK(proc_device_by_number(w, "/dev/nvidia-uvm", makedev(238, 0), &d));
	CHECK(d.kind == PROC_COMMON);
	CHECK(!proc_device_by_number(w, "/dev/nvidia0", makedev(1, 3), &d));
	CHECK(!proc_device_by_number(w, "/dev/nvidia0", makedev(8, 0), &d));
	/* A sandbox whose /proc/devices says nothing. */
	put("proc/devices", "Character devices:\n  1 mem\n\nBlock devices:\n");
	proc_world_init(w, root, NULL);
	CHECK(proc_device_by_number(w, "/dev/nvidia3", makedev(195, 3), &d));
	CHECK(d.kind == PROC_GPU && d.minor == 3);
	CHECK(!proc_device_by_number(w, "/dev/nvidia3", makedev(1, 3), &d));
	CHECK(!proc_device_by_number(w, "/dev/gpu", makedev(195, 3), &d));
	machine_end();
	free(w);
}

static void as_nobody(void)
{
	struct mig_snapshot s;

	if (geteuid() == 0)
		CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	snapshot(&s, 0);
	search(&s);
	CHECK_EQ(s.holders.n_unread, 2);
	CHECK_EQ(s.n_process, 1);
	the(&s, 1, -1, -1, 20);
	exit(0);
}

/* Processes whose files may not be seen are counted; those that can have none are not. */
static void test_unread(void)
{
	static const int closed[] = { 1, 30, 2, 3 };
	char path[300];
	int status;
	pid_t pid;

	machine();
	process(20, "mine", "/");
	opened(20, 3, "/dev/nvidia0");
	process(30, "theirs", "/");
	opened(30, 3, "/dev/nvidia0");
	process(2, "kthreadd", "/");
	put("proc/2/stat", "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0\n");
	process(3, "dead", "/");
	put("proc/3/stat", "3 (de) ad) Z 0 0 0 0 -1 4194304 0 0\n");
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/proc/%d/fd", root, closed[i]);
		CHECK_EQ(chmod(path, 0), 0);
	}
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		as_nobody();
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/proc/%d/fd", root, closed[i]);
		CHECK_EQ(chmod(path, 0755), 0);
	}
	machine_end();
}

/* /proc with hidepid=2: even process 1 is not there. */
static void test_hidden(void)
{
	struct mig_snapshot s;
	char path[300];

	machine();
	snprintf(path, sizeof(path), "%s/proc/1", root);
	CHECK_EQ(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	snapshot(&s, 0);
	search(&s);
	CHECK(s.holders.asked && s.holders.hidden);
	free(s.gpu);
	machine_end();
}

int main(void)
{
	test_files_only();
	test_instances();
	test_other_gpu();
	test_many_files();
	test_text();
	test_names();
	test_numbers();
	test_unread();
	test_hidden();
	return 0;
}
