/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/request.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <migkit/names.h>

#include "base/util.h"

/*
 * In nvidia-smi "9:4" is profile 9 at start 4, and other tools write "3g.40gb:2" for two of them.
 * So a colon means nothing here and is refused: "@" is the start, "Nx" in front is the count.
 *
 * A number by itself is a profile's id, as in nvidia-smi, unless an "x" follows it.
 */

#define MAX_COUNT                                                                       \
	99 /* far above what any GPU holds: that a board holds fewer is no typing error \
	    */
#define MAX_DIGITS 6
#define SHOWN_WORD 60 /* of a word in a sentence */

/* A piece of a word without blanks. */
struct token {
	const char *word;
	size_t at, len;
};

/* Where the parser stands. */
struct cursor {
	char *const *words;
	unsigned n;
	unsigned word;
	size_t pos;
};

static const char *text_of(const struct token *t)
{
	return t->word + t->at;
}

/* Puts the word and the column in it before the sentence. */
static __attribute__((format(printf, 4, 5))) int
fail_at(struct mig_error *reterr, const struct token *t, size_t offset, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return mig_fail(reterr, -EINVAL, "'%.*s', column %zu: %s", SHOWN_WORD, t->word,
			t->at + offset + 1, text);
}

static bool next_token(struct cursor *c, struct token *ret)
{
	for (; c->word < c->n; c->word++, c->pos = 0) {
		const char *word = c->words[c->word];
		size_t at = c->pos + strspn(word + c->pos, " \t");

		if (!word[at])
			continue;
		*ret = (struct token){ word, at, strcspn(word + at, " \t") };
		c->pos = at + ret->len;
		return true;
	}
	return false;
}

static size_t digits_of(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && isdigit((unsigned char)text[n]))
		n++;
	return n;
}

/* Digits as a number; one with too many of them is above every limit. */
static unsigned number_of(const char *text, size_t digits)
{
	unsigned n = 0;

	while (digits > 1 && *text == '0') {
		text++;
		digits--;
	}
	if (digits > MAX_DIGITS)
		return UINT32_MAX;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (unsigned)(text[i] - '0');
	return n;
}

static const char *board_name(const struct mig_board *board)
{
	return strncmp(board->name, "NVIDIA ", 7) == 0 ? board->name + 7 : board->name;
}

/* "0, 2 or 4" */
static void starts_text(const struct mig_gi_profile *p, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < p->n_starts && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%u",
				      !i		      ? ""
				      : i + 1u == p->n_starts ? " or "
							      : ", ",
				      p->starts[i]);
}

/* What a board has, by name or by id: "1g.10gb, 2g.20gb". */
static void profiles_text(const struct mig_board *board, bool ids, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (uint32_t i = 0; i < board->n_gi && n < size; i++) {
		const char *comma = i ? ", " : "";

		if (ids)
			n += (size_t)snprintf(buf + n, size - n, "%s%u (%s)", comma,
					      board->gi[i].id, board->gi[i].name);
		else
			n += (size_t)snprintf(buf + n, size - n, "%s%s", comma, board->gi[i].name);
	}
}

static unsigned apart(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

/*
 * The profile that somebody means who has another board's names in mind: as many slices, the same
 * engines, the memory nearest. It is the slices that carry over between boards.
 */
static const struct mig_gi_profile *nearest(const struct mig_board *board,
					    const struct mig_name *name)
{
	const struct mig_gi_profile *best = NULL;
	unsigned best_cost = UINT32_MAX;

	for (uint32_t i = 0; i < board->n_gi; i++) {
		struct mig_name other;
		unsigned cost;

		if (mig_name_parse(board->gi[i].name, &other, NULL) < 0)
			continue;
		cost = apart(name->gi_slices, other.gi_slices) * 10000 +
		       (name->media != other.media) * 5000 +
		       apart(name->memory_gb, other.memory_gb) * 4;
		if (cost < best_cost) {
			best = &board->gi[i];
			best_cost = cost;
		}
	}
	return best;
}

static int no_profile(const struct mig_board *board, const struct token *t, size_t from,
		      const char *name, struct mig_error *reterr)
{
	const struct mig_gi_profile *near;
	struct mig_name parsed;
	char all[320];

	if (mig_name_parse(name, &parsed, NULL) >= 0) {
		near = nearest(board, &parsed);
		if (near)
			return fail_at(reterr, t, from, "%s has no %s; nearest: %s",
				       board_name(board), name, near->name);
	}
	profiles_text(board, false, all, sizeof(all));
	return fail_at(reterr, t, from, "%s has no profile '%.40s'; it has %s", board_name(board),
		       name, all);
}

static int find_by_name(const struct mig_board *board, const struct token *t, size_t from,
			size_t len, uint8_t *ret, struct mig_error *reterr)
{
	char name[64];
	struct mig_name parsed;

	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 text_of(t) + from);
	for (uint32_t i = 0; i < board->n_gi; i++) {
		if (strlen(board->gi[i].name) == len && strcmp(board->gi[i].name, name) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	if (mig_name_parse(name, &parsed, NULL) >= 0 && parsed.ci_slices)
		return fail_at(reterr, t, from,
			       "%s is a compute instance inside a GPU instance: name the GPU "
			       "instance, %s",
			       name, strchr(name, '.') + 1);
	return no_profile(board, t, from, name, reterr);
}

static int find_by_id(const struct mig_board *board, const struct token *t, size_t from,
		      size_t digits, uint8_t *ret, struct mig_error *reterr)
{
	unsigned id = number_of(text_of(t) + from, digits);
	char all[320];

	for (uint32_t i = 0; i < board->n_gi; i++) {
		if (board->gi[i].id == id) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	profiles_text(board, true, all, sizeof(all));
	return fail_at(reterr, t, from,
		       "%s has no profile with the id %.*s; it has %s (a count is written 2x%s)",
		       board_name(board), (int)(digits < 12 ? digits : 12), text_of(t) + from, all,
		       board->n_gi ? board->gi[0].name : "PROFILE");
}

/* What stands behind "@". */
static int parse_start(const struct mig_board *board, const struct token *t, size_t from,
		       struct spec_request *req, struct mig_error *reterr)
{
	const struct mig_gi_profile *p = &board->gi[req->profile];
	size_t len = t->len - from, digits = digits_of(text_of(t) + from, len);
	char starts[64];
	unsigned start;

	starts_text(p, starts, sizeof(starts));
	if (!digits || digits != len)
		return fail_at(reterr, t, from, "behind '@' stands a start: %s for %s", starts,
			       p->name);
	start = number_of(text_of(t) + from, digits);
	for (unsigned i = 0; i < p->n_starts; i++) {
		if (p->starts[i] == start) {
			req->start = (int)start;
			return 0;
		}
	}
	return fail_at(reterr, t, from, "%s cannot start at %.*s on %s: it starts at %s", p->name,
		       (int)(digits < 12 ? digits : 12), text_of(t) + from, board_name(board),
		       starts);
}

/* PROFILE[@START], the rest of a token. */
static int parse_profile(const struct mig_board *board, const struct token *t, size_t from,
			 struct spec_request *req, struct mig_error *reterr)
{
	const char *text = text_of(t) + from;
	size_t rest = t->len - from, len = 0, digits;
	int r;

	while (len < rest && text[len] != '@' && text[len] != ':' && text[len] != ',')
		len++;
	if (!len)
		return fail_at(reterr, t, from,
			       "a profile is missing: PROFILE[@START], such as 3g.40gb@4");
	if (len < rest && text[len] == ':')
		return fail_at(reterr, t, from + len,
			       "a colon is not used here: a start is written %.*s@START, a count "
			       "Nx%.*s",
			       (int)(len < 40 ? len : 40), text, (int)(len < 40 ? len : 40), text);
	if (len < rest && text[len] == ',')
		return fail_at(reterr, t, from + len, "blanks stand between profiles, not commas");
	digits = digits_of(text, len);
	r = digits == len ? find_by_id(board, t, from, digits, &req->profile, reterr)
			  : find_by_name(board, t, from, len, &req->profile, reterr);
	if (r < 0 || len == rest)
		return r;
	return parse_start(board, t, from + len + 1, req, reterr);
}

static int parse_count(const struct token *t, size_t digits, unsigned *ret,
		       struct mig_error *reterr)
{
	unsigned n = number_of(text_of(t), digits);

	if (!n || n > MAX_COUNT)
		return fail_at(reterr, t, 0, "a count is 1 to %d, not %.*s", MAX_COUNT,
			       (int)(digits < 12 ? digits : 12), text_of(t));
	*ret = n;
	return 0;
}

/*
 * The count in front, if there is one: "2x3g.40gb", "2x" "3g.40gb", "2" "x" "3g.40gb". Leaves in *t
 * and *from where the profile begins.
 */
static int take_count(struct cursor *c, struct token *t, size_t *from, unsigned *count,
		      struct mig_error *reterr)
{
	const struct token first = *t;
	struct cursor ahead = *c;
	struct token next;
	size_t digits = digits_of(text_of(t), t->len);
	int r;

	*from = 0;
	if (digits == t->len && next_token(&ahead, &next) && text_of(&next)[0] == 'x') {
		*c = ahead;
		*t = next;
		*from = 1;
	} else if (digits < t->len && text_of(t)[digits] == 'x') {
		*from = digits + 1;
	} else {
		return 0;
	}
	if (!digits)
		return fail_at(reterr, &first, 0, "a count stands before 'x': 2x3g.40gb");
	r = parse_count(&first, digits, count, reterr);
	if (r < 0 || *from < t->len)
		return r;
	*from = 0;
	if (!next_token(c, t))
		return fail_at(reterr, &first, first.len, "a profile must follow the count");
	return 0;
}

static int parse_request(const struct mig_board *board, struct cursor *c, struct token *t,
			 struct spec_request *ret, struct mig_error *reterr)
{
	struct spec_request req = { .start = -1 };
	const struct token first = *t;
	unsigned count = 1;
	size_t from;
	int r;

	r = take_count(c, t, &from, &count, reterr);
	if (r < 0)
		return r;
	/* nvidia-smi prints "MIG 3g.40gb", and takes it. */
	if (t->len - from == 3 && strncmp(text_of(t) + from, "MIG", 3) == 0) {
		from = 0;
		if (!next_token(c, t))
			return fail_at(reterr, &first, first.len, "a profile must follow 'MIG'");
	}
	r = parse_profile(board, t, from, &req, reterr);
	if (r < 0)
		return r;
	if (count > 1 && req.start >= 0)
		return fail_at(reterr, t, from,
			       "%u instances cannot all start at %d: give each its own start, or "
			       "none",
			       count, req.start);
	req.count = (uint8_t)count;
	*ret = req;
	return 0;
}

int spec_requests_parse(const struct mig_board *board, char *const *words, unsigned n,
			struct spec_request *ret, unsigned cap, struct mig_error *reterr)
{
	struct cursor c = { .words = words, .n = n };
	unsigned found = 0;
	struct token t;
	int r;

	while (next_token(&c, &t)) {
		if (found == cap)
			return fail_at(reterr, &t, 0, "more than %u requests at once", cap);
		r = parse_request(board, &c, &t, &ret[found], reterr);
		if (r < 0)
			return r;
		found++;
	}
	return (int)found;
}

int spec_request_parse_one(const struct mig_board *board, const char *word,
			   struct spec_request *ret, struct mig_error *reterr)
{
	char *words[] = { (char *)(uintptr_t)word };
	struct cursor c = { .words = words, .n = 1 };
	struct spec_request req = { 0 };
	struct token t, more;
	int r;

	if (!next_token(&c, &t))
		return mig_fail(reterr, -EINVAL,
				"'%.*s': a profile is missing: PROFILE[@START], such as 3g.40gb@4",
				SHOWN_WORD, word);
	r = parse_request(board, &c, &t, &req, reterr);
	if (r < 0)
		return r;
	if (next_token(&c, &more))
		return fail_at(reterr, &more, 0, "only one profile can be named here");
	if (req.count > 1)
		return fail_at(reterr, &t, 0,
			       "only one instance can be asked for here, without a count");
	*ret = req;
	return 0;
}

/* Units of memory; GB is a billion bytes, GiB what nvidia-smi calls so. */
static const struct {
	const char *name;
	uint64_t bytes;
} units[] = {
	{ "GiB", UINT64_C(1) << 30 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "TiB", UINT64_C(1) << 40 },
	{ "GB", 1000000000 },
	{ "MB", 1000000 },
	{ "TB", UINT64_C(1000000000000) },
};

#define NEED_FORM      "a need is memory, multiprocessors or both: 30GiB, 28SM, 12GiB,28SM"
#define MAX_MEMORY_MIB (UINT64_C(1) << 30) /* 1 PiB */
#define MAX_SM	       9999

/* Bytes of DIGITS[.DIGITS]UNIT, rounded up to MiB; 0: too much. */
static uint64_t memory_mib(const char *whole, size_t n_whole, const char *part, size_t n_part,
			   uint64_t unit)
{
	uint64_t bytes, scale = unit;

	if (number_of(whole, n_whole) == UINT32_MAX)
		return 0;
	/* At most 999999 x 10^12 or 2^40: below 2^60. */
	bytes = number_of(whole, n_whole) * unit;
	for (size_t i = 0; i < n_part; i++) {
		scale /= 10;
		bytes += (uint64_t)(part[i] - '0') * scale;
	}
	bytes = (bytes + (1 << 20) - 1) >> 20;
	return bytes <= MAX_MEMORY_MIB ? bytes : 0;
}

/* One of the parts between commas: "12GiB" or "28SM". */
static int parse_need_part(const struct token *t, size_t from, size_t len, struct mig_need *need,
			   struct mig_error *reterr)
{
	const char *text = text_of(t) + from;
	size_t whole = digits_of(text, len), part = 0, at = whole;
	unsigned sm;

	if (whole && at < len && text[at] == '.') {
		part = digits_of(text + at + 1, len - at - 1);
		at += 1 + part;
	}
	if (!whole || (at > whole && !part))
		return fail_at(reterr, t, from, NEED_FORM);
	if (len - at == 2 && strncasecmp(text + at, "SM", 2) == 0) {
		sm = number_of(text, whole);
		if (part || !sm || sm > MAX_SM)
			return fail_at(reterr, t, from, "multiprocessors are 1 to %d, whole",
				       MAX_SM);
		if (need->sm)
			return fail_at(reterr, t, from, "multiprocessors are given twice");
		need->sm = (uint16_t)sm;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) != len - at ||
		    strncasecmp(text + at, units[i].name, len - at) != 0)
			continue;
		if (need->memory_mib)
			return fail_at(reterr, t, from, "memory is given twice");
		need->memory_mib = memory_mib(text, whole, text + whole + 1, part, units[i].bytes);
		if (!need->memory_mib)
			return fail_at(reterr, t, from,
				       "memory is more than nothing and at most "
				       "1024TiB");
		return 0;
	}
	return fail_at(reterr, t, from + at,
		       at == len ? "a unit is missing: GiB, MiB, GB or SM"
				 : "the units are GiB, MiB, GB and SM");
}

int spec_needs_parse(const char *word, struct mig_need *ret, unsigned cap, struct mig_error *reterr)
{
	const struct token t = { word, 0, strlen(word) };
	size_t digits = digits_of(word, t.len), from = 0, len;
	struct mig_need need = { 0 };
	unsigned count = 1;
	int r = 0;

	if (digits && word[digits] == 'x') {
		r = parse_count(&t, digits, &count, reterr);
		from = digits + 1;
	}
	for (; r >= 0; from += len + 1) {
		len = strcspn(word + from, ",");
		r = parse_need_part(&t, from, len, &need, reterr);
		if (!word[from + len])
			break;
	}
	if (r < 0)
		return r;
	if (count > cap)
		return fail_at(reterr, &t, 0, "a GPU holds %d instances at most", MIG_MAX_GI);
	for (unsigned i = 0; i < count; i++)
		ret[i] = need;
	return (int)count;
}
