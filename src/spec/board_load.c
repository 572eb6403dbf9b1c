/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/util.h"
#include "spec/board_yaml.h"
#include "spec/machine_yaml.h"
#include "spec/yaml_doc.h"

#define MAX_SOURCES 64

static const struct mig_board_def *built_in(void *arg, const char *key)
{
	(void)arg;
	return mig_board_find(key);
}

/* What a file may refer to: the compiled-in sources, in the memory of *sources. */
static int compiled_in(const char *path, struct mig_source **sources, struct spec_board_env *env,
		       struct mig_error *reterr)
{
	*sources = calloc(MAX_SOURCES, sizeof(**sources));
	if (!*sources)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", path);
	*env = (struct spec_board_env){ .sources = *sources, .find = built_in };
	while (env->n_sources < MAX_SOURCES && mig_source_at(env->n_sources)) {
		(*sources)[env->n_sources] = *mig_source_at(env->n_sources);
		env->n_sources++;
	}
	return 0;
}

/* A file's text, too. */
static int open_file(const char *path, struct mig_source **sources, struct spec_board_env *env,
		     char **text, size_t *size, struct mig_error *reterr)
{
	int r = compiled_in(path, sources, env, reterr);

	return r < 0 ? r : spec_file_read(path, text, size, reterr);
}

int spec_board_text(const char *file, const char *text, size_t size, struct mig_board_def *ret,
		    struct mig_error *reterr)
{
	_cleanup_free_ struct mig_source *sources = NULL;
	struct spec_board_env env;
	int r = compiled_in(file, &sources, &env, reterr);

	return r < 0 ? r : spec_board_parse(file, text, size, &env, ret, reterr);
}

int spec_board_load(const char *path, struct mig_board_def *ret, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_board_def *def = calloc(1, sizeof(*def));
	_cleanup_free_ struct mig_source *sources = NULL;
	_cleanup_free_ char *text = NULL;
	struct spec_board_env env;
	size_t size = 0;
	int r;

	if (!def)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", path);
	r = open_file(path, &sources, &env, &text, &size, reterr);
	if (r >= 0)
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

int spec_machine_load(const char *path, struct mig_machine *ret, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_source *sources = NULL;
	_cleanup_free_ char *text = NULL;
	struct spec_board_env env;
	size_t size = 0;
	int r;

	r = open_file(path, &sources, &env, &text, &size, reterr);
	return r < 0 ? r : spec_machine_parse(path, text, size, &env, ret, reterr);
}
