/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "model/machines.h"
#include "model/machines_gen.h"

const struct mig_machine *mig_machine_at(unsigned i)
{
	return i < mig_n_machines ? &mig_machines[i] : NULL;
}

const struct mig_machine *mig_machine_find(const char *key)
{
	for (unsigned i = 0; i < mig_n_machines; i++)
		if (strcmp(mig_machines[i].key, key) == 0)
			return &mig_machines[i];
	return NULL;
}
