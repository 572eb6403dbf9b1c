/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/sha1.h"
#include "lab/lab.h"
#include "lab/rules.h"

/*
 * Every transcript shows MIG UUIDs of version 5, so a function of the place: the name is the GI's
 * id and the CI's first slice. It survives destroy, create and reboot (design, unconfirmed).
 */
void lab_mig_uuid(const struct lab_gpu *gpu, const struct lab_gi *gi, unsigned ci_start,
		  char ret[48])
{
	uint8_t space[16] = { 0 };
	char name[32], text[37];

	/* The GPU's UUID is checked when the lab is opened: "GPU-" and 36 characters. */
	(void)base_uuid_parse(gpu->uuid + 4, space);
	snprintf(name, sizeof(name), "%u/%u", gi->id, ci_start);
	base_uuid5(space, name, text);
	snprintf(ret, 48, "MIG-%s", text);
}
