/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "cli/lab_fault.h"
#include "fuzz/replay.h"
#include "lab/trouble.h"

/*
 * The words of "lab fault add", a line each; options as "--nth=3". They are refused with one
 * sentence, or are a fault that a lab's file may hold and that can be told in words.
 */

enum { WORDS = 12 };

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void option(char *line, struct lab_fault_words *w)
{
	const struct {
		const char *name;
		const char **value;
	} options[] = {
		{ "nth", &w->nth },
		{ "every", &w->every },
		{ "probability", &w->probability },
		{ "seed", &w->seed },
		{ "times", &w->times },
		{ "return", &w->status },
		{ "return-after", &w->status_after },
		{ "take", &w->take },
		{ "kill", &w->kill },
		{ "xid", &w->xid },
		{ "name", &w->process },
		{ "gpu", &w->gpu },
	};
	char *value = strchr(line, '=');

	if (!strcmp(line, "hang"))
		w->hang = true;
	if (!strcmp(line, "permanent"))
		w->permanent = true;
	if (!value)
		return;
	*value++ = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, line))
			*options[i].value = value;
}

static void check_fault(const struct lab_fault *fault)
{
	_cleanup_free_ struct lab_trouble *t = calloc(1, sizeof(*t));
	struct mig_error err = { 0 };
	char text[256];
	uint64_t any = 0;

	if (!t)
		return;
	t->fault[0] = *fault;
	t->fault[0].id = t->last_id = t->n_slots = 1;
	check(lab_trouble_check(t, &err) >= 0, err.msg);
	for (unsigned i = 0; i < ARRAY_SIZE(fault->calls); i++)
		any |= fault->calls[i];
	check(any != 0, "a fault of no call");
	lab_fault_when(fault, text, sizeof(text));
	check(strnlen(text, sizeof(text)) < sizeof(text), "no end");
	lab_fault_does(fault, text, sizeof(text));
	check(text[0] && strnlen(text, sizeof(text)) < sizeof(text),
	      "it does nothing, or without end");
}

static void order(char *text)
{
	struct lab_fault_words words = { 0 };
	struct mig_error err = { 0 };
	char *calls[WORDS], *line;
	struct lab_fault fault;
	int n = 0;

	while ((line = strsep(&text, "\n")) != NULL)
		if (!strncmp(line, "--", 2))
			option(line + 2, &words);
		else if (line[0] && n < WORDS)
			calls[n++] = line;
	/* That there is one is seen to by the table of commands. */
	if (!n)
		return;
	if (lab_fault_parse(calls, n, &words, &fault, &err) < 0)
		check(err.code < 0 && err.msg[0], "refused without a sentence");
	else
		check_fault(&fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	order(text);
	free(text);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
