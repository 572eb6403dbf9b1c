/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_open.h"
#include "cli/lab_shim.h"

static int smi(int argc, char **argv, struct mig_error *reterr)
{
	return cmd_smi(NULL, argc - 1, argv + 1, reterr);
}

/* src/cli/meson.build makes a link for each. */
static const struct shim {
	const char *name;
	int (*fn)(int argc, char **argv, struct mig_error *reterr);
} shims[] = {
	{ "nvidia-smi", smi },	       { "sudo", lab_sudo },	     { "killall", lab_killall },
	{ "pkill", lab_pkill },	       { "shutdown", lab_shutdown }, { "reboot", lab_reboot_now },
	{ "poweroff", lab_power_off }, { "halt", lab_power_off },    { "systemctl", lab_systemctl },
};

const char *lab_shim_name(unsigned i)
{
	return i < ARRAY_SIZE(shims) ? shims[i].name : NULL;
}

static const struct shim *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(shims); i++)
		if (!strcmp(shims[i].name, name))
			return &shims[i];
	return NULL;
}

bool lab_shim_is(const char *name)
{
	return find(name) != NULL;
}

int lab_shim_lab(char ret[PATH_MAX], struct mig_error *reterr)
{
	int r;

	/* "lab use" does not count here: it chooses for migctl, not for a shell. */
	if (!secure_getenv("MIGKIT_LAB"))
		return mig_fail(reterr, -ENOENT,
				"this is a program of a lab's shell, and MIGKIT_LAB names no lab: "
				"enter one with 'migctl lab shell NAME'");
	r = cli_lab_chosen(ret, reterr);
	if (r >= 0)
		r = lab_explain(ret, reterr);
	if (r < 0)
		return mig_fail_wrap(reterr, r, "this shell's lab is gone or cannot be used");
	return 0;
}

int lab_shim_run(const char *name, int argc, char **argv, struct mig_error *reterr)
{
	const struct shim *shim = find(name);

	return shim ? shim->fn(argc, argv, reterr) : LAB_SHIM_NONE;
}
