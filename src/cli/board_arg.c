/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/board_arg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/nearest.h"
#include "model/boards.h"
#include "spec/board_yaml.h"

bool cli_is_yaml_file(const char *word)
{
	size_t len = strlen(word);

	return strchr(word, '/') || (len > 5 && !strcmp(word + len - 5, ".yaml")) ||
	       (len > 4 && !strcmp(word + len - 4, ".yml"));
}

static int unknown_board(const char *key, struct mig_error *reterr)
{
	const struct mig_board_def *def = mig_known_find(key);
	struct cli_nearest near;

	if (def)
		return mig_fail(
			reterr, -ENOTSUP,
			"the board %s is known, but cannot be simulated: no source gives %s", key,
			def->lacks);
	cli_nearest_begin(&near, key, strlen(key));
	for (unsigned i = 0; (def = mig_board_at(i)); i++)
		cli_nearest_add(&near, def->key);
	if (cli_nearest_get(&near))
		return mig_fail(reterr, -EINVAL, "there is no board '%s': did you mean '%s'?", key,
				cli_nearest_get(&near));
	return mig_fail(reterr, -EINVAL,
			"there is no board '%s': 'migctl boards' lists them; a board file has a "
			"name that ends in .yaml",
			key);
}

void cli_newest_driver(char version[16])
{
	for (unsigned i = 0; mig_driver_branch_at(i); i++)
		snprintf(version, 16, "%u.999", mig_driver_branch_at(i));
}

int cli_board_arg(const char *word, const char *driver, struct mig_board *ret,
		  struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *own = NULL;
	const struct mig_board_def *def;
	char newest[16];
	int r;

	if (!driver) {
		cli_newest_driver(newest);
		driver = newest;
	}
	if (!cli_is_yaml_file(word)) {
		def = mig_board_find(word);
		return def ? mig_board_resolve(def, driver, ret, reterr)
			   : unknown_board(word, reterr);
	}
	own = calloc(1, sizeof(*own));
	if (!own)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = spec_board_load(word, own, reterr);
	return r < 0 ? r : mig_board_resolve(own, driver, ret, reterr);
}
