/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_REPLAY_H
#define MIGKIT_TESTS_REPLAY_H

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A fuzz target is compiled twice: with -DFUZZ_ENGINE for libFuzzer, and plainly as a test that
 * replays every file of its corpus, so that what was found once is looked at for ever.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ_ENGINE
static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);
	size_t n;

	if (!f || !data) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* A copy of exactly that size: reading one byte too many is seen by AddressSanitizer. */
	data = realloc(data, n ? n : 1);
	if (!data)
		exit(1);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

/* Arguments: files, and folders of files. */
static int replay(int argc, char **argv)
{
	char path[PATH_MAX];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	for (int i = 1; i < argc; i++) {
		dir = opendir(argv[i]);
		if (!dir) {
			replay_file(argv[i]);
			n++;
			continue;
		}
		while ((d = readdir(dir)) != NULL) {
			if (d->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], d->d_name);
			replay_file(path);
			n++;
		}
		closedir(dir);
	}
	printf("%u inputs\n", n);
	return n ? 0 : 1;
}
#endif

#endif
