/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/opt.h"
#include "cli/takes.h"

/*
 * What an option's value is follows from what the option's help calls it, so that an option is one
 * row as before. A name that stands for different things is told apart by the option.
 */
static const struct cli_takes_row rows[] = {
	{ "lab", "NAME", TAKES_LAB },
	{ NULL, "NAME", TAKES_NEW },
	/* Of a lab, whose GPUs go by their index. */
	{ "gpu", "GPU", TAKES_GPU },
	{ NULL, "GPU", TAKES_GPU | TAKES_UUID },
	{ NULL, "GPU,...", TAKES_GPU | TAKES_UUID | TAKES_MANY },
	{ NULL, "GI", TAKES_GI_ID },
	{ NULL, "GI,...", TAKES_GI_ID | TAKES_WORDS | TAKES_MANY, "all" },
	{ NULL, "MIG-UUID|GPU/GI/CI|NAME", TAKES_MIG | TAKES_CI | TAKES_NAME },
	{ NULL, "PROFILE[@START]", TAKES_PROFILE },
	{ NULL, "NEED", TAKES_NEW },
	{ NULL, "BOARD|FILE", TAKES_BOARD | TAKES_FILE },
	{ NULL, "KEY[:COUNT]|FILE", TAKES_BOARD | TAKES_FILE },
	{ NULL, "KEY|FILE", TAKES_MACHINE | TAKES_FILE },
	{ NULL, "VERSION", TAKES_DRIVER },
	{ NULL, "BUS-ID", TAKES_NEW },
	{ NULL, "NAME=VALUE", TAKES_RULE },
	{ NULL, "FILE", TAKES_FILE },
	{ NULL, "COMMAND", TAKES_NEW },
	{ NULL, "PROCESS", TAKES_NEW },
	{ NULL, "LANGUAGE", TAKES_WORDS, "en zh-TW" },
	{ NULL, "SIZE", TAKES_NEW },
	{ NULL, "STATUS", TAKES_STATUS },
	{ NULL, "TIME", TAKES_NEW },
	{ NULL, "before|after", TAKES_WORDS, "before after" },
	{ NULL, "XID", TAKES_NEW },
	{ NULL, "N", TAKES_NEW },
	{ NULL, "N[-[M]]", TAKES_NEW },
	{ NULL, "P", TAKES_NEW },
	{ NULL, "SEED", TAKES_NEW },
	{ NULL, "[SECONDS]", TAKES_NEW },
	{ NULL, "SECONDS", TAKES_NEW },
	{ NULL, NULL, 0 },
};

const struct cli_takes_row *cli_takes_of(const struct cli_opt *option)
{
	for (const struct cli_takes_row *r = rows; r->arg && option->arg; r++) {
		if (r->option && strcmp(r->option, option->name) != 0)
			continue;
		if (!strcmp(r->arg, option->arg))
			return r;
	}
	return NULL;
}
