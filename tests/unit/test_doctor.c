/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=240 */
/*
 * What "migctl doctor" makes of files: of a driver that does not start, on machines with and
 * without something of NVIDIA's; of CDI and Slurm files that are cut short at every byte, or have
 * any byte replaced. The whole command is tried in tests/cli/test_doctor.py.
 */
#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "unit/check.h"

static char root[64] = "/tmp/migkit-doctor-XXXXXX";

static void put(const char *path, const char *text, size_t size)
{
	char whole[400];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *p = whole + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		CHECK(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(whole, "we");
	CHECK(f != NULL);
	CHECK_EQ(fwrite(text, 1, size, f), size);
	CHECK(fclose(f) == 0);
}

static void put_text(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

static void drop(const char *path)
{
	char whole[400];

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	CHECK(unlink(whole) == 0);
}

static int remove_entry(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

/* --- a driver that does not start ------------------------------------------------------------- */

/* The check that made the one finding; "": an error and no finding. */
static const char *down(int nvml, const char *container)
{
	struct doctor d = { .root = root };
	struct mig_error error = { .code = -EIO, .nvml = nvml };
	const char *check = "";

	snprintf(d.container, sizeof(d.container), "%s", container);
	if (doctor_driver_down(&d, &error)) {
		CHECK_EQ(d.n, 1);
		CHECK(d.finding[0].what && d.finding[0].command && !d.failed);
		check = d.finding[0].check;
	} else {
		CHECK_EQ(d.n, 0);
	}
	doctor_done(&d);
	return check;
}

static void all_states(const char *mismatch, const char *not_loaded, const char *no_library)
{
	static const char *const containers[] = { "", "/.dockerenv" };

	for (unsigned i = 0; i < 2; i++) {
		CHECK_STR(down(NVML_SUCCESS, containers[i]), "");
		CHECK_STR(down(NVML_ERROR_LIB_RM_VERSION_MISMATCH, containers[i]), mismatch);
		CHECK_STR(down(NVML_ERROR_DRIVER_NOT_LOADED, containers[i]), not_loaded);
		CHECK_STR(down(NVML_ERROR_LIBRARY_NOT_FOUND, containers[i]), no_library);
		CHECK_STR(down(NVML_ERROR_UNKNOWN, containers[i]), "driver-init");
	}
}

static void test_down(void)
{
	all_states("versions", "", "");
	/* A network card, and one of NVIDIA's that is no GPU. */
	put_text("sys/bus/pci/devices/0000:00:01.0/vendor", "0x8086\n");
	put_text("sys/bus/pci/devices/0000:00:01.0/class", "0x020000\n");
	put_text("sys/bus/pci/devices/0000:00:02.0/vendor", "0x10de\n");
	put_text("sys/bus/pci/devices/0000:00:02.0/class", "0x068000\n");
	all_states("versions", "", "");
	put_text("sys/bus/pci/devices/0000:00:03.0/vendor", "0x10de\n");
	put_text("sys/bus/pci/devices/0000:00:03.0/class", "0x030200\n");
	all_states("versions", "driver-not-loaded", "no-library");
	drop("sys/bus/pci/devices/0000:00:03.0/class");
	put_text("proc/driver/nvidia/version",
		 "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release\n");
	all_states("versions", "driver-not-loaded", "no-library");
	put_text("proc/driver/nvidia/version",
		 "NVRM version: 12.2.0 x580.1 580. 5800.1 580.1.2.3\n");
	all_states("versions", "", "");
	drop("proc/driver/nvidia/version");
}

/* --- files of consumers ----------------------------------------------------------------------- */

/* GPU 0 in MIG mode with GI 1 and 5, each with a CI; GPU 1 without MIG mode. */
static struct mig_snapshot *machine(void)
{
	struct mig_snapshot *s = calloc(1, sizeof(*s));

	CHECK(s != NULL);
	s->n_gpu = 2;
	s->gpu = calloc(s->n_gpu, sizeof(*s->gpu));
	CHECK(s->gpu != NULL);
	for (uint32_t i = 0; i < 2; i++) {
		struct mig_gpu *gpu = &s->gpu[i];

		gpu->index = i;
		gpu->minor = (int32_t)i;
		gpu->mig_capable = true;
		gpu->mode = gpu->pending = i ? MIG_MODE_OFF : MIG_MODE_ON;
		gpu->n_gi = i ? 0 : 2;
		for (uint32_t k = 0; k < gpu->n_gi; k++) {
			gpu->gi[k].id = k ? 5 : 1;
			gpu->gi[k].n_ci = 1;
			gpu->gi[k].ci[0].mig_index = (int32_t)k;
			snprintf(gpu->gi[k].ci[0].uuid, sizeof(gpu->gi[k].ci[0].uuid), "MIG-%u", k);
			snprintf(gpu->gi[k].ci[0].name, sizeof(gpu->gi[k].ci[0].name), "2g.20gb");
		}
	}
	return s;
}

static void open_machine(struct doctor *d)
{
	*d = (struct doctor){ .root = root, .s = machine() };
	d->source.snapshot = d->s;
	CHECK_EQ(cli_capabilities_read(root, &d->caps), 0);
	CHECK_EQ(d->caps.n, 6);
}

/* What the checks find, as "cdi-stale cdi-lacks"; all of it has its texts. */
static void found(char ret[128], size_t *ret_unseen)
{
	struct doctor d;
	size_t n = 0;

	open_machine(&d);
	doctor_cdi(&d);
	doctor_slurm(&d);
	CHECK(!d.failed);
	ret[0] = '\0';
	for (size_t i = 0; i < d.n; i++) {
		CHECK(d.finding[i].what && d.finding[i].command && d.finding[i].file);
		n += (size_t)snprintf(ret + n, 128 - n, "%s%s", n ? " " : "", d.finding[i].check);
	}
	for (size_t i = 0; i < d.n_unseen; i++)
		CHECK(d.unseen[i].what && d.unseen[i].why);
	*ret_unseen = d.n_unseen;
	doctor_done(&d);
}

static void expect(const char *checks, size_t unseen)
{
	char text[128];
	size_t n;

	found(text, &n);
	CHECK_STR(text, checks);
	CHECK_EQ(n, unseen);
}

#define NODES(gi, ci)                                                            \
	"{\"deviceNodes\": [{\"path\": \"/dev/nvidia0\"}, {\"path\": "           \
	"\"/dev/nvidia-caps/nvidia-cap" gi "\"}, {\"path\": \"/dev/nvidia-caps/" \
	"nvidia-cap" ci "\"}]}"

static const char cdi[] =
	"{\"kind\": \"nvidia.com/gpu\", \"devices\": [\n"
	"{\"name\": \"0:0\", \"containerEdits\": " NODES(
		"12",
		"13") "},\n"
		      "{\"name\": \"MIG-1\", \"containerEdits\": " NODES(
			      "48",
			      "49") "},\n"
				    "{\"name\": \"1\", \"containerEdits\": {\"deviceNodes\": [{\"path\": \"/dev/nvidia1\"}]}}]}\n";

static const char gres[] =
	"# of this machine\n"
	"NodeName=other[1-3] Name=gpu File=/dev/nvidia[0-7]\n"
	"Name=gpu Type=2g.20gb MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap[12-13]\n"
	"Name=gpu Type=2g.20gb \\\n  MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap[48,49]\n"
	"name=gpu file=/dev/nvidia1\n";

/* Any text: what is found of it has its texts, whatever that is. */
static void try_all(const char *path, const char *good, size_t size)
{
	static const char bytes[] = "\0[]{}\",:-\\\n#9 \xff";
	char *text = malloc(size), said[128];
	size_t unseen;

	CHECK(text != NULL);
	for (size_t i = 0; i < size; i++) {
		put(path, good, i);
		found(said, &unseen);
		memcpy(text, good, size);
		text[i] = bytes[i % (sizeof(bytes) - 1)];
		put(path, text, size);
		found(said, &unseen);
	}
	free(text);
}

static void test_consumers(void)
{
	put_text("proc/driver/nvidia-caps/mig-minors",
		 "config 1\nmonitor 2\ngpu0/gi1/access 12\ngpu0/gi1/ci0/access 13\n"
		 "gpu0/gi5/access 48\ngpu0/gi5/ci0/access 49\ngpu0/gi9/access 84\n"
		 "gpu0/gi9/ci0/access 85\n");
	expect("", 0);
	put_text("etc/cdi/nvidia.json", cdi);
	put_text("etc/slurm/gres.conf", gres);
	expect("", 0);
	try_all("etc/cdi/nvidia.json", cdi, sizeof(cdi) - 1);
	put_text("etc/cdi/nvidia.json", cdi);
	try_all("etc/slurm/gres.conf", gres, sizeof(gres) - 1);
	/* Numbers without end, and lists that do not end. */
	put_text(
		"etc/slurm/gres.conf",
		"Name=gpu File=/dev/nvidia[0-99999999999999999999],/dev/nvidia[,/dev/nvidia[]],]\n"
		"Name=gpu File=/dev/nvidia-caps/nvidia-cap[84-85] Name\n NodeName=a[1-2 Name=gpu\n");
	expect("slurm-stale slurm-lacks", 0);
	put_text("etc/slurm/gres.conf", "AutoDetect=nvml\nName=gpu File=/dev/nvidia1 \\\n");
	put_text("etc/cdi/nvidia.json",
		 "{\"kind\": \"nvidia.com/gpu\", \"devices\": [[], 1, {}, {\"name\": "
		 "[]}, {\"name\": \"0:9\", \"containerEdits\": []}]}");
	expect("cdi-stale cdi-lacks", 0);
	put_text("etc/cdi/nvidia.json", "- nvidia.com/gpu\n");
	put_text("etc/cdi/other.yaml", "kind: {a: b\n");
	expect("", 1);
}

/* --- device files of a real driver, whose nodes no test may make ------------------------------ */

static void test_files(void)
{
	static const char access_text[] = "DeviceFileMinor: 1\nDeviceFileMode: 292\n";
	/* GPU 0's and GPU 1's nodes, the driver's own, and those of GI 1 and 5. */
	static const char *const makes[] = {
		"sudo nvidia-modprobe -c 255",
		"sudo nvidia-modprobe -c 0 -u",
		"sudo nvidia-modprobe -c 0",
		"sudo nvidia-modprobe -c 1",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/mig/config",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/mig/monitor",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi1/access",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci0/access",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi5/access",
		"sudo nvidia-modprobe -f /proc/driver/nvidia/capabilities/gpu0/mig/gi5/ci0/access",
	};
	const size_t n = sizeof(makes) / sizeof(makes[0]);
	struct doctor d;

	open_machine(&d);
	doctor_device_files(&d);
	/* No access file either: of four instances, which are made anew, and of MIG's own two. */
	CHECK_EQ(d.n, n - 2 + 4);
	CHECK_EQ(d.n_unseen, 2);
	doctor_done(&d);
	for (size_t i = 4; i < n; i++)
		put_text(strchr(makes[i], '/'), access_text);
	open_machine(&d);
	doctor_device_files(&d);
	CHECK_EQ(d.n, n);
	CHECK_EQ(d.n_unseen, 0);
	for (size_t i = 0; i < n; i++) {
		CHECK(strstr(d.finding[i].what, " is missing") != NULL);
		CHECK_STR(d.finding[i].command, makes[i]);
		CHECK_EQ(d.finding[i].severity, i == 1 ? DOCTOR_NOTE : DOCTOR_PROBLEM);
	}
	doctor_done(&d);
	put_text("dev/nvidia0", "");
	open_machine(&d);
	doctor_device_files(&d);
	CHECK_EQ(d.n, n);
	CHECK(strstr(d.finding[2].what, "is no device file") != NULL);
	doctor_done(&d);
	/* In a container nothing is missing but what was not handed in. */
	open_machine(&d);
	snprintf(d.container, sizeof(d.container), "docker://1");
	doctor_device_files(&d);
	CHECK_EQ(d.n, 2);
	CHECK_STR(d.finding[1].check, "not-in-container");
	CHECK(strstr(d.finding[1].command, "NVIDIA_VISIBLE_DEVICES=MIG-1 ") != NULL);
	doctor_done(&d);
}

static void test_words(void)
{
	static const struct {
		const char *path;
		int minor;
		bool gpu;
	} nodes[] = {
		{ "/dev/nvidia0", 0, true },
		{ "/a/lab/dev/nvidia12", 12, true },
		{ "/dev/nvidia-caps/nvidia-cap49", 49, false },
		{ "/dev/nvidiactl", -1, true },
		{ "/dev/nvidia-caps/nvidia-cap", -1, false },
		{ "/dev/nvidia-caps/nvidia-cap4x", -1, false },
		{ "/dev/nvidia99999999999", -1, true },
		{ "/dev/null", -1, true },
	};
	static const struct {
		const char *word, *quoted;
	} words[] = {
		{ "/etc/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\\''s'" },
		{ "", "''" },
		{ "$(x)", "'$(x)'" },
	};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		bool gpu;

		CHECK_EQ(doctor_node_minor(nodes[i].path, &gpu), nodes[i].minor);
		CHECK_EQ(gpu, nodes[i].gpu);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *quoted = doctor_quoted(words[i].word);

		CHECK(quoted != NULL);
		CHECK_STR(quoted, words[i].quoted);
		free(quoted);
	}
}

int main(void)
{
	CHECK(mkdtemp(root) != NULL);
	test_words();
	test_down();
	test_consumers();
	test_files();
	CHECK_EQ(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	return 0;
}
