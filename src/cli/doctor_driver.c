/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/doctor.h"
#include "observe/observe.h"

/*
 * The driver's parts: the kernel's module, libnvidia-ml and libcuda. They talk to each other only
 * where their versions are the same to the last digit.
 */

#define VERSION_MAX 32

/* "580.159.04", "515.86.01", "450.36": three digits, then one or two more numbers. */
static bool is_version(const char *text, size_t n)
{
	static const char digits[] = "0123456789";
	size_t at = strspn(text, digits);
	unsigned dots = 0;

	if (at != 3 || n >= VERSION_MAX)
		return false;
	while (at < n && text[at] == '.') {
		size_t more = strspn(text + at + 1, digits);

		if (!more)
			return false;
		at += 1 + more;
		dots++;
	}
	return at == n && dots >= 1 && dots <= 2;
}

/* The first version among the words of a text. */
static bool find_version(const char *text, char ret[VERSION_MAX])
{
	for (text += strspn(text, " \t\n"); *text; text += strspn(text, " \t\n")) {
		size_t n = strcspn(text, " \t\n");

		if (is_version(text, n)) {
			snprintf(ret, VERSION_MAX, "%.*s", (int)n, text);
			return true;
		}
		text += n;
	}
	return false;
}

/* Of the module that is loaded: "" where none is, or where it does not say. */
static bool module_version(const struct doctor *d, char ret[VERSION_MAX])
{
	static const char *const files[] = { "/proc/driver/nvidia/version",
					     "/sys/module/nvidia/version" };
	char path[PATH_MAX + 64], line[256];
	bool found = false;

	ret[0] = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(files) && !found; i++) {
		_cleanup_fclose_ FILE *f = NULL;

		snprintf(path, sizeof(path), "%s%s", d->root, files[i]);
		f = fopen(path, "re");
		found = f && fgets(line, sizeof(line), f) && find_version(line, ret);
	}
	return found;
}

/* Where "NAME.so.1" leads to: its folder and its version; false: it is not where it usually is. */
static bool library(const struct doctor *d, const char *name, char folder[64],
		    char ret[VERSION_MAX])
{
	static const char *const folders[] = { "/usr/lib/x86_64-linux-gnu",
					       "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
					       "/usr/lib" };
	char path[PATH_MAX + 128], target[PATH_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *base, *version;
		ssize_t n;

		snprintf(path, sizeof(path), "%s%s/%s.1", d->root, folders[i], name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		base = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
		version = base + strlen(name) + 1;
		if (strncmp(base, name, strlen(name)) != 0 || base[strlen(name)] != '.' ||
		    !is_version(version, strlen(version)))
			continue;
		snprintf(folder, 64, "%s", folders[i]);
		snprintf(ret, VERSION_MAX, "%s", version);
		return true;
	}
	return false;
}

/* NVML's own version is that of CUDA's major one and the library's: "12.580.159.04". */
static bool nvml_version(const struct doctor *d, char ret[VERSION_MAX])
{
	const char *dot = strchr(d->s->nvml, '.');

	if (!dot || !is_version(dot + 1, strlen(dot + 1)))
		return false;
	snprintf(ret, VERSION_MAX, "%.31s", dot + 1);
	return true;
}

/* A GPU of NVIDIA's on the PCI bus: display controllers, class 03. *ret: its bus id. */
static bool has_pci_gpu(const struct doctor *d, char ret[32])
{
	char path[PATH_MAX + 64], file[PATH_MAX + 384];
	const struct dirent *e;
	DIR *dir;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", d->root);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		unsigned vendor = 0, class = 0;
		FILE *f;

		snprintf(file, sizeof(file), "%s/%s/vendor", path, e->d_name);
		f = fopen(file, "re");
		if (!f || fscanf(f, "%x", &vendor) != 1)
			vendor = 0;
		fclosep(&f);
		snprintf(file, sizeof(file), "%s/%s/class", path, e->d_name);
		f = vendor == 0x10de ? fopen(file, "re") : NULL;
		if (!f || fscanf(f, "%x", &class) != 1)
			class = 0;
		fclosep(&f);
		/* The first by name, whatever order the folder has. */
		if (class >> 16 == 3 && (!ret[0] || strcmp(e->d_name, ret) < 0))
			snprintf(ret, 32, "%.31s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return ret[0] != '\0';
}

static bool module_is_loaded(const struct doctor *d, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/sys/module/%s", d->root, name);
	return access(path, F_OK) == 0;
}

/* --- the driver does not start ---------------------------------------------------------------- */

static void mismatch(struct doctor *d)
{
	char module[VERSION_MAX], lib[VERSION_MAX], folder[64];
	struct doctor_finding *f = doctor_new(d, DOCTOR_PROBLEM, "versions", CLI_NONE, CLI_NONE);
	bool has_module = module_version(d, module);
	bool has_lib = library(d, "libnvidia-ml.so", folder, lib);

	doctor_file(d, f, "/proc/driver/nvidia/version");
	doctor_what(d, f,
		    "the driver does not start (NVML_ERROR_LIB_RM_VERSION_MISMATCH): the loaded "
		    "kernel module is %s and libnvidia-ml.so.1 %s%s; %s",
		    has_module ? module : "not known", has_lib ? lib : "not known",
		    has_module && has_lib && !strcmp(module, lib)
			    ? ", so another library is found before it"
			    : "",
		    d->container[0] ? "this container has a library of its own, or is older than "
				      "the driver of its host"
				    : "most often the driver was updated under a running system");
	doctor_command(d, f, "sudo reboot");
}

static void in_container(struct doctor *d, struct doctor_finding *f)
{
	doctor_command(d, f, "docker run --rm --gpus all IMAGE nvidia-smi");
}

static void not_loaded(struct doctor *d, const char *bus_id)
{
	struct doctor_finding *f =
		doctor_new(d, DOCTOR_PROBLEM, "driver-not-loaded", CLI_NONE, CLI_NONE);
	char module[VERSION_MAX];

	if (d->container[0]) {
		doctor_what(d, f,
			    "the driver is not to be had in this container (%s): its runtime has "
			    "to hand it in, for the host's module serves all containers",
			    d->container);
		in_container(d, f);
	} else if (module_version(d, module)) {
		doctor_file(d, f, "/proc/driver/nvidia/version");
		doctor_what(d, f,
			    "the kernel module %s is loaded, but NVML says that it is not: its "
			    "device files are missing or may not be opened by this user",
			    module);
		doctor_command(d, f, "sudo nvidia-modprobe -c 0 -u && ls -l /dev/nvidia*");
	} else {
		doctor_what(d, f,
			    "the kernel module is not loaded, though there is a GPU of NVIDIA's "
			    "on the PCI bus (%s)%s",
			    bus_id,
			    module_is_loaded(d, "nouveau")
				    ? ": nouveau is, and has to be kept from it first"
				    : "");
		doctor_command(d, f, "sudo modprobe nvidia");
	}
}

static void no_library(struct doctor *d, const char *bus_id)
{
	struct doctor_finding *f = doctor_new(d, DOCTOR_PROBLEM, "no-library", CLI_NONE, CLI_NONE);
	char module[VERSION_MAX];
	bool loaded = module_version(d, module);

	doctor_what(d, f, "libnvidia-ml.so.1 cannot be loaded, though there is %s%s: %s",
		    loaded ? "the kernel module " : "a GPU of NVIDIA's on the PCI bus, ",
		    loaded ? module : bus_id,
		    d->container[0] ? "the container's runtime did not hand it in (the capability "
				      "'utility')"
				    : "the driver's libraries are not installed, or not known to "
				      "the dynamic linker");
	if (d->container[0])
		in_container(d, f);
	else
		doctor_command(d, f, "sudo ldconfig && ldconfig -p | grep libnvidia-ml");
}

bool doctor_driver_down(struct doctor *d, const struct mig_error *error)
{
	char bus_id[32], module[VERSION_MAX];
	bool there = has_pci_gpu(d, bus_id) || module_version(d, module);
	struct doctor_finding *f;

	switch (error->nvml) {
	case NVML_SUCCESS: /* it is not the driver that fails */
		return false;
	case NVML_ERROR_LIB_RM_VERSION_MISMATCH:
		mismatch(d);
		return true;
	case NVML_ERROR_DRIVER_NOT_LOADED:
		if (there)
			not_loaded(d, bus_id);
		return there;
	case NVML_ERROR_LIBRARY_NOT_FOUND:
		if (there)
			no_library(d, bus_id);
		return there;
	default:
		f = doctor_new(d, DOCTOR_PROBLEM, "driver-init", CLI_NONE, CLI_NONE);
		doctor_what(d, f,
			    "the driver does not start: nvmlInit_v2 says %s; the kernel's log may "
			    "say why",
			    observe_status_name(error->nvml));
		doctor_command(d, f, "sudo dmesg | grep -E 'NVRM|Xid'");
		return true;
	}
}

/* --- it runs, but with parts of another version ----------------------------------------------- */

static void differ(struct doctor *d, const char *file, const char *what, const char *version,
		   const char *other, const char *other_version)
{
	struct doctor_finding *f = doctor_new(d, DOCTOR_PROBLEM, "versions", CLI_NONE, CLI_NONE);

	doctor_file(d, f, file);
	doctor_what(d, f,
		    "%s is %s, %s %s: the driver was updated under a running system, and programs "
		    "that start now may fail",
		    what, version, other, other_version);
	doctor_command(d, f, "sudo reboot");
}

/* libcuda.so.1 of another version than the module: a link that an update has left behind. */
static void cuda(struct doctor *d, const char *driver)
{
	char lib[VERSION_MAX], folder[64], path[PATH_MAX + 160];
	struct doctor_finding *f;
	bool right;

	if (!library(d, "libcuda.so", folder, lib) || !strcmp(lib, driver))
		return;
	snprintf(path, sizeof(path), "%s%s/libcuda.so.%s", d->root, folder, driver);
	right = access(path, F_OK) == 0;
	f = doctor_new(d, DOCTOR_PROBLEM, "versions", CLI_NONE, CLI_NONE);
	snprintf(path, sizeof(path), "%s/libcuda.so.1", folder);
	doctor_file(d, f, path);
	doctor_what(d, f,
		    "libcuda.so.1 leads to version %s, and the driver is %s: CUDA programs fail "
		    "(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)%s",
		    lib, driver, right ? "" : "; the library of the driver's version is missing");
	if (right) {
		_cleanup_free_ char *link = doctor_quoted(f->file ?: path);

		doctor_command(d, f, "sudo ln -sfn libcuda.so.%s %s", driver, link ?: path);
	} else {
		doctor_command(d, f, "dpkg -S libcuda.so.%s || rpm -q --whatprovides libcuda.so.1",
			       lib);
	}
}

void doctor_versions(struct doctor *d)
{
	char module[VERSION_MAX], lib[VERSION_MAX];
	const char *driver = d->s->driver;

	if (!driver[0]) {
		doctor_not_seen(d, CLI_NONE, "it does not tell its version",
				"whether the driver and its libraries are of one version");
		return;
	}
	if (nvml_version(d, lib) && strcmp(lib, driver) != 0)
		differ(d, "/proc/driver/nvidia/version", "the loaded driver", driver,
		       "libnvidia-ml", lib);
	if (d->s->recorded)
		return;
	if (!module_version(d, module))
		doctor_not_seen(d, CLI_NONE,
				"neither /proc/driver/nvidia/version nor /sys/module tells it",
				"the kernel module's version");
	else if (strcmp(module, driver) != 0)
		differ(d, "/proc/driver/nvidia/version", "the loaded kernel module", module,
		       "the driver library's answer", driver);
	cuda(d, driver);
}

/* --- GPUs that the module has and NVML does not list ------------------------------------------ */

static bool is_listed(const struct doctor *d, const char *bus_id)
{
	for (uint32_t i = 0; i < d->s->n_gpu; i++) {
		const char *have = d->s->gpu[i].bus_id;
		size_t n = strlen(have), want = strlen(bus_id);

		/* NVML's domain has eight digits: "00000000:07:00.0", the kernel's four. */
		if (n >= want && !strcasecmp(have + n - want, bus_id))
			return true;
	}
	return false;
}

/* The driver leaves GPUs out that it was told to ("GPU Excluded: Yes"). */
static bool is_excluded(const struct doctor *d, const char *bus_id)
{
	char path[PATH_MAX + 384], line[128], word[8];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/proc/driver/nvidia/gpus/%s/information", d->root, bus_id);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "GPU Excluded: %7s", word) == 1 && !strcmp(word, "Yes"))
			return true;
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_bus_id(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

void doctor_unlisted(struct doctor *d)
{
	struct dirent **names = NULL;
	char path[PATH_MAX + 64];
	int n;

	/* One that does not answer does not say which it is. */
	for (uint32_t i = 0; i < d->s->n_gpu; i++)
		if (!d->s->gpu[i].bus_id[0])
			return;
	snprintf(path, sizeof(path), "%s/proc/driver/nvidia/gpus", d->root);
	n = scandir(path, &names, is_bus_id, by_name);
	for (int i = 0; i < n; i++) {
		if (!is_listed(d, names[i]->d_name) && !is_excluded(d, names[i]->d_name)) {
			struct doctor_finding *f =
				doctor_new(d, DOCTOR_PROBLEM, "gpu-not-listed", CLI_NONE, CLI_NONE);

			snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/%.64s",
				 names[i]->d_name);
			doctor_file(d, f, path);
			doctor_what(d, f,
				    "the kernel module has the GPU %.64s, and NVML does not list "
				    "it: its start has failed; the kernel's log may say why",
				    names[i]->d_name);
			doctor_command(d, f, "sudo dmesg | grep -E 'NVRM|Xid'");
		}
		free(names[i]);
	}
	free(names);
}
