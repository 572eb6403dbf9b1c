/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/source.h"
#include "observe/observe.h"

/* "migctl snapshot FILE": the whole state of a machine, for --snapshot. */

struct args {
	const char *gpus;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt snapshot_opts[] = {
	OPT_STR("id", 'i', A(gpus), "GPU,...",
		"these GPUs only: index, UUID, serial number or PCI bus id"),
	OPT_END
};
#undef A

static int print(const struct mig_snapshot *s, struct mig_error *reterr)
{
	_cleanup_free_ char *text = observe_text(s);

	if (!text)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	fputs(text, stdout);
	return 0;
}

int cmd_snapshot(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_source_close) struct cli_source source = { 0 };
	struct cli_source_args from = { 0 };
	struct args a = { 0 };
	struct mig_snapshot *s;
	time_t now = time(NULL);
	struct tm tm;
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	from.gpus = a.gpus;
	if (r >= 0)
		r = cli_source_open(&from, OBSERVE_ALL, &source, reterr);
	if (r < 0)
		return r;
	s = source.snapshot;
	strftime(s->taken, sizeof(s->taken), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	if (!strcmp(argv[0], "-"))
		r = print(s, reterr);
	else
		r = observe_write(s, argv[0], reterr);
	if (r < 0)
		return r;
	if (strcmp(argv[0], "-") != 0)
		printf("Recorded %u GPU%s in %s. Look at it with: migctl status --snapshot %s\n",
		       s->n_gpu, s->n_gpu == 1 ? "" : "s", argv[0], argv[0]);
	return CLI_EXIT_OK;
}
