/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fuzz/replay.h"
#include "model/boards.h"
#include "spec/request.h"

/*
 * Words of a request: they are refused with a sentence that begins with the word in question, or
 * give profiles that the board has, at starts that it has. The first byte chooses the board and the
 * reader, lines are words.
 */

#define MAX_WORDS    12
#define MAX_REQUESTS 8

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_request(const struct mig_board *board, const struct spec_request *req)
{
	bool known = req->start < 0;

	check(req->profile < board->n_gi && req->count >= 1);
	for (unsigned i = 0; i < board->gi[req->profile].n_starts; i++)
		known |= board->gi[req->profile].starts[i] == req->start;
	check(known && (req->count == 1 || req->start < 0));
}

/* A refusal says something about a word; what it says is one line. */
static void check_error(const struct mig_error *err)
{
	check(err->code == -EINVAL && err->msg[0] == '\'');
}

static void try_needs(const char *word)
{
	struct mig_need needs[MIG_MAX_GI];
	struct mig_error err = { 0 };
	int r = spec_needs_parse(word, needs, ARRAY_SIZE(needs), &err);

	if (r < 0) {
		check_error(&err);
		return;
	}
	check(r >= 1 && r <= MIG_MAX_GI);
	for (int i = 0; i < r; i++)
		check(needs[i].memory_mib || needs[i].sm);
}

static void try_requests(const struct mig_board *board, char *const *words, unsigned n)
{
	struct spec_request req[MAX_REQUESTS];
	struct mig_error err = { 0 };
	int r = spec_requests_parse(board, words, n, req, ARRAY_SIZE(req), &err);

	if (r < 0)
		check_error(&err);
	check(r <= MAX_REQUESTS);
	for (int i = 0; i < r; i++)
		check_request(board, &req[i]);
	for (unsigned i = 0; i < n; i++) {
		err = (struct mig_error){ 0 };
		if (spec_request_parse_one(board, words[i], req, &err) < 0)
			check_error(&err);
		else
			check_request(board, req);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mig_board board;
	const struct mig_board_def *def;
	_cleanup_free_ char *text = NULL;
	char *words[MAX_WORDS], *word, *rest;
	unsigned n = 0, boards = 0;

	if (!size)
		return 0;
	while (mig_board_at(boards))
		boards++;
	if (!boards)
		return 0;
	def = mig_board_at(data[0] % boards);
	if (mig_board_resolve(def, "580.159.04", &board, NULL) < 0 || !board.n_gi)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	rest = text;
	while (n < MAX_WORDS && (word = strsep(&rest, "\n")) != NULL)
		words[n++] = word;
	try_requests(&board, words, n);
	for (unsigned i = 0; i < n; i++)
		try_needs(words[i]);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
