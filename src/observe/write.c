/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/util.h"
#include "model/snapshot_fields.h"
#include "observe/file.h"
#include "observe/observe.h"

/*
 * Names and command lines come from strangers. JSON is UTF-8, and the reader of YAML, which reads
 * it again, takes printable characters only.
 */
static bool is_printable(unsigned long c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xd800) ||
	       (c >= 0xe000 && c < 0xfffe) || (c >= 0x10000 && c <= 0x10ffff);
}

/* Bytes of the character at s and its code; 0: no UTF-8. */
static unsigned character(const unsigned char *s, unsigned long *ret)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned long c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	if (!n || s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	*ret = c;
	return c < least[n] ? 0 : n;
}

static void clean_text(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;

	while (*from) {
		unsigned long c = 0;
		unsigned n = character(from, &c);

		if (n && is_printable(c)) {
			memmove(to, from, n);
			to += n;
		} else {
			*to++ = '?';
		}
		from += n ? n : 1;
	}
	*to = '\0';
}

static struct json_object *text_of(const char *at, size_t size)
{
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)size, at);
	clean_text(text);
	return text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *refusal(int status)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "refused", json_object_new_int(status));
	json_object_object_add(o, "says", json_object_new_string(observe_status_name(status)));
	return o;
}

static struct json_object *reading_of(const struct mig_reading *r)
{
	if (r->status == MIG_NOT_ASKED)
		return NULL;
	return r->status ? refusal(r->status) : json_object_new_uint64(r->value);
}

static struct json_object *value_of(const struct mig_file_field *f, const void *record)
{
	const void *at = (const char *)record + f->off;
	int32_t n;

	switch (f->type) {
	case MIG_F_STR:
		return text_of(at, f->size);
	case MIG_F_BOOL:
		return json_object_new_boolean(mig_field_get(f, record) != 0);
	case MIG_F_READING:
		return reading_of(at);
	case MIG_F_INT:
	case MIG_F_STATUS:
		memcpy(&n, at, sizeof(n));
		return n == -1 ? NULL : json_object_new_int(n);
	default:
		if (f->absent >= 0 && mig_field_get(f, record) == (uint64_t)f->absent)
			return NULL;
		return json_object_new_uint64(mig_field_get(f, record));
	}
}

static struct json_object *record_of(const struct mig_file_field *fields, const void *record)
{
	struct json_object *o = json_object_new_object();

	for (const struct mig_file_field *f = fields; f->key; f++)
		json_object_object_add(o, f->key, value_of(f, record));
	return o;
}

static struct json_object *bits_of(uint32_t bits)
{
	struct json_object *a = json_object_new_array();

	for (unsigned i = 0; i < 32; i++)
		if (bits >> i & 1)
			json_object_array_add(a, json_object_new_int((int)i));
	return a;
}

static struct json_object *profile_of(const struct mig_gi_profile *p)
{
	struct json_object *o = record_of(mig_fields_profile, p);
	struct json_object *starts = json_object_new_array(), *ci = json_object_new_array();

	for (unsigned i = 0; i < p->n_starts; i++)
		json_object_array_add(starts, json_object_new_int(p->starts[i]));
	for (unsigned i = 0; i < p->n_ci; i++)
		json_object_array_add(ci, record_of(mig_fields_ci_profile, &p->ci[i]));
	json_object_object_add(o, "starts", starts);
	json_object_object_add(o, "ci_profiles", ci);
	return o;
}

static struct json_object *board_of(const struct mig_board *b)
{
	struct json_object *o = record_of(mig_fields_board, b);
	struct json_object *profiles = json_object_new_array();

	for (unsigned i = 0; i < b->n_gi; i++)
		json_object_array_add(profiles, profile_of(&b->gi[i]));
	json_object_object_add(o, "profiles", profiles);
	return o;
}

/* Equal GPUs have equal boards: each is written once, and named by its number. */
static uint32_t first_like(const struct mig_snapshot *s, uint32_t gpu)
{
	uint32_t k = 0;

	while (memcmp(&s->gpu[k].board, &s->gpu[gpu].board, sizeof(s->gpu[gpu].board)))
		k++;
	return k;
}

static unsigned board_number(const struct mig_snapshot *s, uint32_t gpu)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < first_like(s, gpu); i++)
		n += first_like(s, i) == i;
	return n;
}

static struct json_object *ci_of(const struct mig_ci *ci, const struct mig_gi_profile *p)
{
	struct json_object *o = record_of(mig_fields_ci, ci);

	json_object_object_add(
		o, "profile_id",
		p && ci->profile < p->n_ci ? json_object_new_int(p->ci[ci->profile].id) : NULL);
	return o;
}

static struct json_object *gi_of(const struct mig_gi *gi, const struct mig_board *b)
{
	const struct mig_gi_profile *p = gi->profile < b->n_gi ? &b->gi[gi->profile] : NULL;
	struct json_object *o = record_of(mig_fields_gi, gi), *list = json_object_new_array();
	struct json_object *starts = json_object_new_array();

	json_object_object_add(o, "profile_id", p ? json_object_new_int(p->id) : NULL);
	/* In the order of the profile's ci_profiles. */
	for (unsigned i = 0; p && i < p->n_ci; i++)
		json_object_array_add(starts, bits_of(gi->ci_starts[i]));
	json_object_object_add(o, "ci_starts", starts);
	for (unsigned i = 0; i < gi->n_ci; i++)
		json_object_array_add(list, ci_of(&gi->ci[i], p));
	json_object_object_add(o, "compute_instances", list);
	return o;
}

static struct json_object *gpu_of(const struct mig_gpu *gpu, unsigned board)
{
	struct json_object *o = record_of(mig_fields_gpu, gpu), *list = json_object_new_array();
	struct json_object *remaining = json_object_new_array();

	json_object_object_add(o, "board", json_object_new_int((int)board));
	for (unsigned i = 0; i < gpu->board.n_gi; i++)
		json_object_array_add(remaining, reading_of(&gpu->remaining[i]));
	json_object_object_add(o, "remaining", remaining);
	for (unsigned i = 0; i < gpu->n_gi; i++)
		json_object_array_add(list, gi_of(&gpu->gi[i], &gpu->board));
	json_object_object_add(o, "gpu_instances", list);
	return o;
}

static struct json_object *to_json(const struct mig_snapshot *s)
{
	struct json_object *root = json_object_new_object(), *machine;
	struct json_object *boards = json_object_new_array(), *gpus = json_object_new_array();
	struct json_object *processes = json_object_new_array();

	json_object_object_add(root, "format", json_object_new_string(MIG_SNAPSHOT_FORMAT));
	json_object_object_add(root, "version", json_object_new_int(MIG_SNAPSHOT_VERSION));
	machine = record_of(mig_fields_machine, s);
	json_object_object_add(root, "machine", machine);
	for (uint32_t i = 0; i < s->n_gpu; i++) {
		if (first_like(s, i) == i)
			json_object_array_add(boards, board_of(&s->gpu[i].board));
		json_object_array_add(gpus, gpu_of(&s->gpu[i], board_number(s, i)));
	}
	json_object_object_add(root, "boards", boards);
	json_object_object_add(root, "gpus", gpus);
	for (uint32_t i = 0; i < s->n_process; i++)
		json_object_array_add(processes, record_of(mig_fields_process, &s->process[i]));
	json_object_object_add(root, "processes", processes);
	json_object_object_add(root, "holders", record_of(mig_fields_holders, &s->holders));
	return root;
}

static void put_json(struct json_object **o)
{
	json_object_put(*o);
}

char *observe_text(const struct mig_snapshot *snapshot)
{
	_cleanup_(put_json) struct json_object *root = to_json(snapshot);
	const char *text = json_object_to_json_string_ext(
		root,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *copy = NULL;

	if (text && asprintf(&copy, "%s\n", text) < 0)
		return NULL;
	return copy;
}

int observe_write(const struct mig_snapshot *snapshot, const char *path, struct mig_error *reterr)
{
	/* A recording may take an older one's place, nothing else may be lost. */
	static const char mark[] = "{\n  \"format\": \"" MIG_SNAPSHOT_FORMAT "\"";
	_cleanup_free_ char *text = observe_text(snapshot);

	if (!text)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	return observe_write_file(path, text, mark, reterr);
}
