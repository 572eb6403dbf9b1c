/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "model/machines.h"

static const char *const parts[] = {
	[MIG_MACHINE_NODES_OF] = "nodes", [MIG_MACHINE_PER_SOCKET] = "nodes-per-socket",
	[MIG_MACHINE_NVLINK] = "kind",	  [MIG_MACHINE_LINKS] = "links",
	[MIG_MACHINE_BOARDS] = "boards",  [MIG_MACHINE_BUS_IDS] = "bus-ids",
	[MIG_MACHINE_GPU_NODES] = "numa", [MIG_MACHINE_SWITCHES] = "pcie-switches",
};

const char *mig_machine_part_name(enum mig_machine_part part)
{
	return (size_t)part < ARRAY_SIZE(parts) ? parts[part] : NULL;
}

/* One part of a bus id, up to the character that ends it; -1: it is none. */
static long bus_id_part(const char **at, char ends, unsigned long max)
{
	unsigned long n;
	char *end;

	if (!isxdigit((unsigned char)**at))
		return -1;
	errno = 0;
	n = strtoul(*at, &end, 16);
	if (errno || *end != ends || n > max)
		return -1;
	*at = end + (ends != '\0');
	return (long)n;
}

int mig_bus_id_parse(const char *word, struct mig_bus_id *ret)
{
	const char *at = word;
	long domain = bus_id_part(&at, ':', UINT32_MAX);
	long bus = bus_id_part(&at, ':', 255);
	long device = bus_id_part(&at, '.', 31);

	if (domain < 0 || bus < 0 || device < 0 || bus_id_part(&at, '\0', 0) < 0)
		return -EINVAL;
	*ret = (struct mig_bus_id){ (uint32_t)domain, (uint32_t)bus, (uint32_t)device };
	return 0;
}
