/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml/trace_msg.h"

#include <string.h>

#define PADDED(size) (((size_t)(size) + 7) & ~(size_t)7)

/* Ends a name and leaves nothing in it that a terminal would obey. */
static void tame(char *name, size_t size)
{
	name[size - 1] = '\0';
	for (char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

bool nvml_trace_read(const void *message, size_t size, struct nvml_trace_call *ret)
{
	const uint8_t *bytes = message;
	struct nvml_trace_head *head = &ret->head;
	struct nvml_trace_part part;
	size_t at = sizeof(*head);

	if (size < sizeof(*head))
		return false;
	memcpy(head, bytes, sizeof(*head));
	if (memcmp(head->magic, NVML_TRACE_MAGIC, sizeof(head->magic)) != 0 || head->size != size ||
	    head->n_args > NVML_TRACE_MAX_ARGS || head->n_parts > NVML_TRACE_MAX_PARTS ||
	    (size - at) / sizeof(ret->arg[0]) < head->n_args)
		return false;
	tame(head->process, sizeof(head->process));
	tame(head->call, sizeof(head->call));
	memcpy(ret->arg, bytes + at, head->n_args * sizeof(ret->arg[0]));
	at += head->n_args * sizeof(ret->arg[0]);
	for (unsigned i = 0; i < head->n_parts; i++) {
		if (size - at < sizeof(part))
			return false;
		memcpy(&part, bytes + at, sizeof(part));
		at += sizeof(part);
		if (part.size > NVML_TRACE_MAX || PADDED(part.size) > size - at ||
		    part.arg >= head->n_args)
			return false;
		ret->part[i].data = bytes + at;
		ret->part[i].size = part.size;
		ret->part[i].arg = part.arg;
		ret->part[i].is_list = part.is_list != 0;
		ret->part[i].cut = part.cut != 0;
		at += PADDED(part.size);
	}
	return at == size;
}
