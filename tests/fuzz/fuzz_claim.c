/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>

#include "base/util.h"
#include "engine/claims.h"
#include "fuzz/replay.h"

/* The file of a claim, which any user may have written: what is taken from it fits, names no group
 * of processes, and is read as the same when it was written again. */

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_claim claim, back;
	char text[4096];
	ssize_t n;
	int fd;

	if (!engine_claim_parse((const char *)data, size, &claim))
		return 0;
	check(claim.pid > 1 && claim.pid <= INT32_MAX && claim.runner > 1);
	check(strlen(claim.command) < sizeof(claim.command));
	check(claim.waiting || claim.device[0]);
	fd = memfd_create("claim", MFD_CLOEXEC);
	if (engine_claim_write(fd, &claim, NULL) == 0) {
		n = pread(fd, text, sizeof(text), 0);
		check(n == (ssize_t)sizeof(text));
		check(engine_claim_parse(text, (size_t)n, &back));
		check(!strcmp(back.device, claim.device) && !strcmp(back.command, claim.command));
		check(back.pid == claim.pid && back.waiting == claim.waiting);
	}
	close(fd);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
