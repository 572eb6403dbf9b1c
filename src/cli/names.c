/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/act.h"
#include "cli/chosen.h"
#include "cli/place.h"

/* root: of the machine: a lab's folder, or "" */
static int read_in(const char *root, struct engine_names *ret, struct mig_error *reterr)
{
	char dir[PATH_MAX + sizeof(ACT_STATE)];

	snprintf(dir, sizeof(dir), "%s" ACT_STATE, root);
	return engine_names_read(dir, ret, reterr);
}

int cli_names_read(struct engine_names *ret, struct mig_error *reterr)
{
	char lab[PATH_MAX] = "";
	int r = cli_lab_chosen(lab, reterr);

	*ret = (struct engine_names){ 0 };
	return r < 0 ? r : read_in(r ? lab : "", ret, reterr);
}

int cli_name_look_up(const char *word, struct engine_name *ret, struct mig_error *reterr)
{
	char lab[PATH_MAX] = "";
	int r;

	/* Most words are none, and need no lab. */
	if (engine_name_check(word, NULL) < 0)
		return 0;
	r = cli_lab_chosen(lab, reterr);
	return r < 0 ? r : cli_name_look_up_in(r ? lab : "", word, ret, reterr);
}

int cli_name_look_up_in(const char *root, const char *word, struct engine_name *ret,
			struct mig_error *reterr)
{
	_cleanup_(engine_names_free) struct engine_names names = { 0 };
	const struct engine_name *found;
	int r;

	/* The file is asked only about what could be in it. */
	if (engine_name_check(word, NULL) < 0)
		return 0;
	r = read_in(root, &names, reterr);
	if (r < 0)
		return r;
	found = engine_name_find(&names, word);
	if (found)
		*ret = *found;
	return found != NULL;
}

int cli_name_expand(const char *word, char buf[CLI_NAME_WORD], const char **ret,
		    struct mig_error *reterr)
{
	struct engine_name name;
	int r = cli_name_look_up(word, &name, reterr);

	if (r < 0)
		return r;
	if (r)
		snprintf(buf, CLI_NAME_WORD, "%s/%s@%u", name.uuid, name.profile, name.start);
	*ret = r ? buf : word;
	return 0;
}

static int take_gpu(struct cli_named *named, const struct engine_name *name,
		    const struct cli_source_args *source, struct mig_error *reterr)
{
	if (source->gpus)
		return mig_fail(reterr, -EINVAL,
				"-i and the name '%s' are two ways to say which GPU: leave one out",
				name->name);
	if (named->gpu[0] && strcmp(named->gpu, name->uuid) != 0)
		return mig_fail(
			reterr, -EINVAL,
			"'%s' is on another GPU than the name before it: a command for each",
			name->name);
	memcpy(named->gpu, name->uuid, sizeof(named->gpu));
	return 0;
}

int cli_names_replace(struct cli_named *named, int argc, char **argv,
		      struct cli_source_args *source, struct mig_error *reterr)
{
	*named = (struct cli_named){ 0 };
	/* A recording may be of another machine. */
	if (source->snapshot)
		return 0;
	for (int i = 0; i < argc && i < (int)ARRAY_SIZE(named->word); i++) {
		char *text = named->word[i].text, word[ENGINE_NAME_MAX];
		size_t len = strcspn(argv[i], "/");
		struct engine_name name;
		int r;

		if (len >= sizeof(word))
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)len, argv[i]);
		r = cli_name_look_up(word, &name, reterr);
		if (r == 0)
			continue;
		if (r > 0)
			r = take_gpu(named, &name, source, reterr);
		if (r < 0)
			return r;
		if ((size_t)snprintf(text, sizeof(named->word[i].text), "%s@%u%s", name.profile,
				     name.start, argv[i] + len) >= sizeof(named->word[i].text))
			return mig_fail(reterr, -EINVAL, "'%.60s' is too long", argv[i]);
		argv[i] = text;
	}
	if (named->gpu[0])
		source->gpus = named->gpu;
	return 0;
}

static const char *profile_of(const struct mig_gpu *gpu, const struct mig_gi *gi)
{
	return gi->profile < gpu->board.n_gi ? gpu->board.gi[gi->profile].name : "";
}

const struct mig_gi *cli_name_gi(const struct engine_name *name, const struct mig_gpu *gpu)
{
	if (strcmp(gpu->uuid, name->uuid) != 0)
		return NULL;
	return cli_place_gi(gpu, name->profile, name->start);
}

int cli_name_not_there(const struct engine_name *name, const struct mig_gpu *gpu,
		       struct mig_error *reterr)
{
	return mig_fail(reterr, -ENOENT,
			"there is no instance at %s, %s@%u of GPU %u, now: 'migctl create %s' "
			"makes it",
			name->name, name->profile, name->start, gpu->index, name->name);
}

void cli_names_for(const struct cli_source *source, struct engine_names *ret)
{
	*ret = (struct engine_names){ 0 };
	if (!source->snapshot->recorded)
		(void)cli_names_read(ret, NULL);
}

const char *cli_name_of_gi(const struct engine_names *names, const struct mig_gpu *gpu,
			   const struct mig_gi *gi)
{
	return engine_name_of(names, gpu->uuid, profile_of(gpu, gi), gi->start);
}
