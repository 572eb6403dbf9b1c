/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/util.h"
#include "spec/board_yaml.h"
#include "spec/yaml_doc.h"

#define MAX_SOURCES 64

static const struct mig_board_def *built_in(void *arg, const char *key)
{
	(void)arg;
	return mig_board_find(key);
}

int spec_board_load(const char *path, struct mig_board_def *ret, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_source *sources = calloc(MAX_SOURCES, sizeof(*sources));
	_cleanup_free_ struct mig_board_def *def = NULL;
	_cleanup_free_ char *text = NULL;
	struct spec_board_env env = { .sources = sources, .find = built_in };
	size_t size;
	int r;

	if (!sources)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", path);
	while (env.n_sources < MAX_SOURCES && mig_source_at(env.n_sources)) {
		sources[env.n_sources] = *mig_source_at(env.n_sources);
		env.n_sources++;
	}
	r = spec_file_read(path, &text, &size, reterr);
	if (r < 0)
		return r;
	def = calloc(1, sizeof(*def));
	if (!def)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", path);
	r = spec_board_parse(path, text, size, &env, def, reterr);
	if (r < 0)
		return r;
	if (def->lacks[0])
		return mig_fail(reterr, -ENOTSUP,
				"%s: the board %s is known, but cannot be simulated: no source "
				"gives %s",
				path, def->key, def->lacks);
	*ret = *def;
	return 0;
}
