/* SPDX-License-Identifier: Apache-2.0 */
#include "model/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void mig_snapshot_free(struct mig_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->gpu);
	free(snapshot->process);
	free(snapshot);
}

/* The next word of a list; NULL at its end. */
static const char *next_word(const char **list, size_t *ret_size)
{
	const char *word = *list;

	if (!word)
		return NULL;
	*ret_size = strcspn(word, ",");
	*list = word[*ret_size] ? word + *ret_size + 1 : NULL;
	return word;
}

int mig_choice_begin(struct mig_choice *ret, const char *list, struct mig_error *reterr)
{
	const char *rest = list, *word;
	size_t size;
	unsigned n = 0;

	*ret = (struct mig_choice){ .list = list };
	while ((word = next_word(&rest, &size))) {
		if (!size)
			return mig_fail(reterr, -EINVAL,
					"'%.60s' has an empty word: write GPUs as 0,1 or by UUID, "
					"serial number or PCI bus id",
					list);
		if (++n > MIG_MAX_WORDS)
			return mig_fail(reterr, -EINVAL, "at most %d GPUs can be named",
					MIG_MAX_WORDS);
	}
	return 0;
}

static bool is_number(const char *word, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (word[i] < '0' || word[i] > '9')
			return false;
	return size > 0 && size <= 9;
}

bool mig_choice_excludes(const struct mig_choice *choice, uint32_t index)
{
	const char *rest = choice->list, *word;
	size_t size;

	if (!choice->list)
		return false;
	/* Serial numbers are numbers, too, of thirteen digits. */
	while ((word = next_word(&rest, &size)))
		if (!is_number(word, size) || strtoul(word, NULL, 10) == index)
			return false;
	return true;
}

/* "[domain:]bus:device[.function]" in hexadecimal, as NVML reads it. */
static bool parse_bus_id(const char *text, unsigned ret[4])
{
	unsigned v[4] = { 0 };
	int used = 0;

	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &v[0], &v[1], &v[2], &v[3], &used) == 4 &&
	    !text[used])
		goto good;
	used = 0;
	if (sscanf(text, "%8x:%2x:%2x%n", &v[0], &v[1], &v[2], &used) == 3 && !text[used]) {
		v[3] = 0;
		goto good;
	}
	used = 0;
	if (sscanf(text, "%2x:%2x.%1x%n", &v[1], &v[2], &v[3], &used) != 3 || text[used])
		return false;
	v[0] = 0;
good:
	memcpy(ret, v, sizeof(v));
	return true;
}

static bool means(const char *word, size_t size, const struct mig_gpu *gpu)
{
	unsigned a[4], b[4];
	char text[64];

	if (is_number(word, size) && strtoul(word, NULL, 10) == gpu->index)
		return true;
	if (size >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)size, word);
	if (gpu->uuid[0] && !strcasecmp(text, gpu->uuid))
		return true;
	if (gpu->serial[0] && !strcmp(text, gpu->serial))
		return true;
	return gpu->bus_id[0] && parse_bus_id(text, a) && parse_bus_id(gpu->bus_id, b) &&
	       !memcmp(a, b, sizeof(a));
}

bool mig_choice_takes(struct mig_choice *choice, const struct mig_gpu *gpu)
{
	const char *rest = choice->list, *word;
	bool taken = !choice->list;
	size_t size;

	for (unsigned i = 0; (word = next_word(&rest, &size)); i++) {
		if (!means(word, size, gpu))
			continue;
		choice->met |= UINT64_C(1) << i;
		taken = true;
	}
	return taken;
}

int mig_choice_end(const struct mig_choice *choice, uint32_t n, uint32_t first, uint32_t last,
		   struct mig_error *reterr)
{
	const char *rest = choice->list, *word;
	char have[48];
	size_t size;

	/* A recording of some GPUs only may lack indices between. */
	if (n < 2)
		snprintf(have, sizeof(have), "%u", first);
	else
		snprintf(have, sizeof(have), "%u to %u%s", first, last,
			 last - first + 1 > n ? ", not each" : "");
	for (unsigned i = 0; (word = next_word(&rest, &size)); i++) {
		int shown = (int)(size < 60 ? size : 60);

		if (choice->met >> i & 1)
			continue;
		if (!n)
			return mig_fail(reterr, -ENOENT, "there is no GPU '%.*s': there is none",
					shown, word);
		return mig_fail(reterr, -ENOENT,
				"there is no GPU '%.*s': name one by its index (%s), UUID, serial "
				"number or PCI bus id",
				shown, word, have);
	}
	return 0;
}
