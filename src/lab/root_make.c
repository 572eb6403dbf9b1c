/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "lab/root.h"

#if defined(__aarch64__)
#define LIBRARIES "usr/lib/aarch64-linux-gnu"
#else
#define LIBRARIES "usr/lib/x86_64-linux-gnu"
#endif

static void nodes(struct root *root, const struct lab_state *st)
{
	static const char *const others[] = { "dev/nvidiactl", "dev/nvidia-uvm",
					      "dev/nvidia-uvm-tools", "dev/nvidia-modeset" };
	char path[64];

	for (unsigned i = 0; i < st->n_gpus; i++) {
		snprintf(path, sizeof(path), "dev/nvidia%u", st->gpu[i].minor);
		root_node(root, path, 0666);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		root_node(root, others[i], 0666);
	/* There with MIG mode off, too (measured). */
	snprintf(path, sizeof(path), LAB_ROOT_CAP_DEV "%u", LAB_CAP_CONFIG);
	root_node(root, path, LAB_CAP_MODE_ADMIN);
	snprintf(path, sizeof(path), LAB_ROOT_CAP_DEV "%u", LAB_CAP_MONITOR);
	root_node(root, path, LAB_CAP_MODE_READ);
	root_node(root, LAB_ROOT_CAP_NODE, LAB_CAP_MODE_READ);
}

/*
 * What makes the folder a driver root, which nvidia-ctk, k8s-device-plugin and others take as an
 * option: they look for these names. libcuda is an empty file: they want its version from its name,
 * and no program can run CUDA here.
 */
static void installation(struct root *root, const struct lab_spec *spec)
{
	const char *version = spec->driver_version;
	char path[128], name[96];

	if (spec->library) {
		snprintf(path, sizeof(path), LIBRARIES "/libnvidia-ml.so.%s", version);
		root_link(root, path, spec->library);
		snprintf(name, sizeof(name), "libnvidia-ml.so.%s", version);
		root_link(root, LIBRARIES "/libnvidia-ml.so.1", name);
	}
	snprintf(path, sizeof(path), LIBRARIES "/libcuda.so.%s", version);
	root_data(root, path, 0644, "", 0);
	snprintf(name, sizeof(name), "libcuda.so.%s", version);
	root_link(root, LIBRARIES "/libcuda.so.1", name);
	if (spec->program)
		root_link(root, "usr/bin/nvidia-smi", spec->program);
}

int lab_root_make(const char *dir, const struct lab_spec *spec, const struct lab_const *con,
		  const struct lab_state *st)
{
	_cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct root root = { .fd = fd };

	if (fd < 0)
		return -errno;
	root_proc(&root, con, st);
	root_pci(&root, con, st);
	nodes(&root, st);
	installation(&root, spec);
	return root.error;
}

static int remove_entry(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

/*
 * What somebody has mounted there is left alone, with the folders above it. So are files that
 * others put beside migctl's journal.
 */
void lab_root_remove(const char *dir)
{
	static const char *const parts[] = { "proc", "sys",	     "dev",
					     "usr",  LAB_ROOT_SPARE, "var/lib/migkit" };
	static const char *const if_empty[] = { "var/lib", "var" };
	char path[4096 + 16];

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, parts[i]);
		(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(if_empty); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, if_empty[i]);
		(void)rmdir(path);
	}
}
