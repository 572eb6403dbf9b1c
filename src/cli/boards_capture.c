/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/cmd.h"
#include "cli/source.h"
#include "observe/capture.h"
#include "observe/file.h"
#include "observe/observe.h"
#include "spec/board_yaml.h"

/* "migctl boards capture": a board file from what NVML says, for "lab create --board FILE". */

struct args {
	struct cli_source_args source;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt boards_capture_opts[] = {
	OPT_STR("id", 'i', A(source.gpus), "GPU",
		"this GPU: index, UUID, serial number or PCI bus id"),
	OPT_STR("snapshot", 0, A(source.snapshot), "FILE", "refused: a recording is not enough"),
	OPT_END
};
#undef A

/* A board is called as its file: "mine/My Board.yaml" holds the board "my-board". */
static int key_of(const char *path, char key[32], struct mig_error *reterr)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	size_t n = 0;

	if (!cli_is_yaml_file(path) || !dot || dot == name ||
	    (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".yml") != 0))
		return mig_fail(reterr, -EINVAL,
				"'%.100s': a board file's name ends in .yaml, such as my-gpu.yaml",
				path);
	for (; name < dot && n < 31; name++)
		key[n++] = isalnum((unsigned char)*name) && !((unsigned char)*name & 0x80)
				   ? (char)tolower((unsigned char)*name)
				   : '-';
	key[n] = '\0';
	return 0;
}

/* What was captured must be what a lab can be made of. */
static int check(const char *path, const char *text, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *def = calloc(1, sizeof(*def));
	struct mig_error why = { 0 };

	if (!def)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	if (spec_board_text(path, text, strlen(text), def, &why) < 0)
		return mig_fail(reterr, -EIO,
				"what NVML says makes no board file (%.300s); nothing was written: "
				"'migctl snapshot FILE' records it as it is",
				why.msg);
	return 0;
}

int cmd_boards_capture(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	_cleanup_free_ char *text = NULL;
	const struct mig_gpu *gpu;
	struct args a = { 0 };
	char key[32], driver[24];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_source_must_be_live(&a.source, "boards capture", reterr);
	if (r >= 0)
		r = key_of(argv[0], key, reterr);
	if (r >= 0)
		r = cli_source_open(&a.source, OBSERVE_BOARD | OBSERVE_MEMORY, &source, reterr);
	if (r >= 0)
		r = cli_source_one_gpu(&source, &gpu, reterr);
	if (r >= 0)
		r = observe_capture(&source.nvml.api, source.snapshot, key, &text, reterr);
	if (r >= 0)
		r = check(argv[0], text, reterr);
	if (r >= 0)
		r = observe_write_file(argv[0], text, NULL, reterr);
	if (r < 0)
		return r;
	capture_since(source.snapshot->driver, driver);
	printf("Captured GPU %u, %s, in %s. Simulate it with: migctl lab create --board %s "
	       "--driver %s\n",
	       gpu->index, gpu->name, argv[0], argv[0], driver);
	return CLI_EXIT_OK;
}
