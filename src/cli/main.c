/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_shim.h"

/* A full disk behind a redirection is an error, not a shorter file. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "migctl: cannot write the output: %s\n", strerror(errno));
		/* Nor is it an answer, of which 3 says that it is no. */
		return status && status != CLI_EXIT_UNAVAILABLE ? status : CLI_EXIT_FAILED;
	}
	return status;
}

/*
 * A sentence quotes what was typed and what files hold. Control characters in it would be orders to
 * the terminal: they are shown as \x1b, those of UTF-8's second block as well.
 */
static void complain(const char *name, const char *text)
{
	fprintf(stderr, "%s: ", name);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			fprintf(stderr, "\\x%02x", *++c);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(stderr, "\\x%02x", *c);
		else
			fputc(*c, stderr);
	}
	fputc('\n', stderr);
}

int main(int argc, char **argv)
{
	struct mig_error err = { 0 };
	const char *name;
	int r;

	if (argc < 1)
		return CLI_EXIT_USAGE;
	/* A client of a lab is this program under another name: see lab_client_proc.c. */
	if (lab_client_is_one())
		return lab_client_main();
	name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	r = lab_shim_run(name, argc, argv, &err);
	if (r == LAB_SHIM_NONE) {
		name = "migctl";
		r = cli_dispatch(argc - 1, argv + 1, &err);
	}
	if (r < 0) {
		complain(name, err.msg[0] ? err.msg : strerror(-r));
		r = cli_errno_to_exit(r);
	}
	return finish(r);
}
