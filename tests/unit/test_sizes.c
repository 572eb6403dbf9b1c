/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <sys/wait.h>

#include "unit/client_memory.h"
#include "unit/lab_fixture.h"

/*
 * What a lab takes on disk and its driver in memory. These do not depend on how fast a machine is,
 * so unlike times they are promises: a lab of 16 GPUs below 256 KiB, 1 MiB added to a client.
 */
enum { LAB_KIB = 256, CLIENT_KIB = 1024 };

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* 16 GPUs of as many different boards as this driver knows: each brings its table. */
static void many_boards(struct fixture *f)
{
	const char *driver = "580.159.04";
	struct mig_error err = { 0 };
	const struct mig_board_def *def;
	struct lab_spec spec;
	unsigned n = 0;

	fixture_make(f);
	fixture_spec(&spec, f->dir, "a100-80gb-pcie", driver, LAB_MAX_GPUS, MIG_NUMBERING_X);
	for (unsigned i = 0; n < LAB_MAX_GPUS && (def = mig_board_at(i)); i++) {
		struct mig_board board;

		if (mig_board_resolve(def, driver, &board, &err) < 0 || !board.n_gi)
			continue;
		spec.gpu[n].board = board;
		spec.gpu[n++].numbering = board.numbering;
	}
	CHECK(n > 8);
	if (lab_create(&spec, &err) < 0)
		fprintf(stderr, "%s\n", err.msg);
	printf("a lab of %d GPUs of %u boards: ", LAB_MAX_GPUS, n);
}

static long long kib_of_state(const struct fixture *f)
{
	char path[400];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, f->dir);
	CHECK(!stat(path, &sb));
	/* All of it is there from the start. */
	CHECK(sb.st_blocks * 512 >= sb.st_size);
	return (sb.st_size + 1023) / 1024;
}

static void a_client(const char *path)
{
	struct memory before = client_memory(), after;

	client_ask(path);
	after = client_memory();
	printf("added to a client: %ld KiB, %ld of them its own\n",
	       after.resident - before.resident, after.owned - before.owned);
	fflush(stdout);
	CHECK(after.resident - before.resident <= CLIENT_KIB);
	_exit(0);
}

/* In a process of its own, which has not asked before; and with a lab as large as they come. */
static void client_of(const struct fixture *f)
{
	const char *build = getenv("MIGKIT_BUILD");
	char path[PATH_MAX];
	int status = -1;
	pid_t pid;

	CHECK(build != NULL);
	snprintf(path, sizeof(path), "%s/sim/libnvidia-ml.so.1", build);
	setenv("MIGKIT_LAB", f->dir, 1);
	fflush(NULL);
	pid = fork();
	if (!pid)
		a_client(path);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

int main(void)
{
	struct fixture f;
	long long kib;

	many_boards(&f);
	kib = kib_of_state(&f);
	printf("%lld KiB of state\n", kib);
	CHECK(kib < LAB_KIB);
#ifdef SANITIZED
	printf("a sanitizer keeps memory of its own: no client is measured\n");
	(void)client_of;
#else
	client_of(&f);
#endif
	fixture_end(&f);
	return 0;
}
