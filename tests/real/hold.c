/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Holds something of a GPU until its standard input ends; says "ready" when it does.
 *
 *	hold cuda MIB     a CUDA context on the first GPU, and that much of its memory
 *	hold file PATH    a device file open, and nothing else
 *
 * CUDA's driver library is found when it runs: no toolkit is needed to build this, or to run it.
 */
static void *symbol(void *library, const char *name)
{
	void *p = dlsym(library, name);

	if (!p) {
		fprintf(stderr, "hold: libcuda.so.1 has no %s\n", name);
		exit(1);
	}
	return p;
}

static void must(int result, const char *what)
{
	if (!result)
		return;
	fprintf(stderr, "hold: %s: CUDA says %d\n", what, result);
	exit(1);
}

static void hold_cuda(unsigned long mib)
{
	int (*init)(unsigned), (*get)(int *, int), (*create)(void **, unsigned, int);
	int (*alloc)(uint64_t *, size_t);
	void *library = dlopen("libcuda.so.1", RTLD_NOW);
	uint64_t memory;
	void *context;
	int device;

	if (!library) {
		fprintf(stderr, "hold: %s\n", dlerror());
		exit(1);
	}
	*(void **)&init = symbol(library, "cuInit");
	*(void **)&get = symbol(library, "cuDeviceGet");
	*(void **)&create = symbol(library, "cuCtxCreate_v2");
	*(void **)&alloc = symbol(library, "cuMemAlloc_v2");
	must(init(0), "cuInit");
	must(get(&device, 0), "cuDeviceGet");
	must(create(&context, 0, device), "cuCtxCreate");
	must(alloc(&memory, mib << 20), "cuMemAlloc");
}

int main(int argc, char **argv)
{
	char c;

	if (argc == 3 && !strcmp(argv[1], "cuda")) {
		hold_cuda(strtoul(argv[2], NULL, 10));
	} else if (argc == 3 && !strcmp(argv[1], "file")) {
		if (open(argv[2], O_RDWR) < 0 && open(argv[2], O_RDONLY) < 0) {
			perror(argv[2]);
			return 1;
		}
	} else {
		fprintf(stderr, "usage: hold cuda MIB | hold file PATH\n");
		return 2;
	}
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &c, 1) > 0) {}
	return 0;
}
