/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include <migkit/names.h>

static const char *const suffixes[] = {
	[MIG_MEDIA_PLAIN] = "",	   [MIG_MEDIA_ME] = "+me",   [MIG_MEDIA_ME_ALL] = "+me.all",
	[MIG_MEDIA_NO_ME] = "-me", [MIG_MEDIA_GFX] = "+gfx",
};

const char *mig_media_suffix(enum mig_media media)
{
	return (size_t)media < ARRAY_SIZE(suffixes) ? suffixes[media] : "";
}

/* A number of one to four digits without leading zero, and the unit behind it. */
static bool number(const char **s, const char *unit, unsigned *ret)
{
	const char *p = *s;
	unsigned value = 0, n = 0;

	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (++n > 4)
			return false;
		value = value * 10 + (unsigned)(*p - '0');
	}
	if (!n || strncmp(p, unit, strlen(unit)) != 0)
		return false;
	*s = p + strlen(unit);
	*ret = value;
	return true;
}

static int bad(const char *text, struct mig_error *reterr)
{
	return mig_fail(reterr, -EINVAL,
			"'%.60s' is no profile name: write it as 3g.40gb, 1g.10gb+me or 1c.3g.40gb",
			text);
}

int mig_name_parse(const char *text, struct mig_name *ret, struct mig_error *reterr)
{
	struct mig_name name = { 0 };
	const char *s = text;

	if (strncmp(s, "MIG ", 4) == 0)
		s += 4;
	if (number(&s, "c.", &name.ci_slices) && !name.ci_slices)
		return bad(text, reterr);
	if (!number(&s, "g.", &name.gi_slices) || !name.gi_slices ||
	    name.ci_slices > name.gi_slices || !number(&s, "gb", &name.memory_gb))
		return bad(text, reterr);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (strcmp(s, suffixes[i]) != 0)
			continue;
		name.media = (enum mig_media)i;
		*ret = name;
		return 0;
	}
	return bad(text, reterr);
}

int mig_name_format(const struct mig_name *name, char *buf, size_t size)
{
	const char *suffix = mig_media_suffix(name->media);

	if (name->ci_slices)
		return snprintf(buf, size, "%uc.%ug.%ugb%s", name->ci_slices, name->gi_slices,
				name->memory_gb, suffix);
	return snprintf(buf, size, "%ug.%ugb%s", name->gi_slices, name->memory_gb, suffix);
}
