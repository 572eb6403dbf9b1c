/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_TESTS_TROUBLE_FIXTURE_H
#define MIGKIT_TESTS_TROUBLE_FIXTURE_H

#include "cli/lab_fault.h"
#include "lab/trouble.h"
#include "unit/abi_fixture.h"

/* Faults for tests: ordered in the words of "migctl lab fault add". */
static inline uint32_t order_in(struct lab *lab, const char *call,
				const struct lab_fault_words *words)
{
	char *calls[] = { (char *)(uintptr_t)call };
	struct mig_error err = { 0 };
	struct lab_fault fault;
	int r = lab_fault_parse(calls, 1, words, &fault, &err);

	if (r >= 0)
		r = lab_fault_add(lab, &fault, &err);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", call, err.msg);
	CHECK_EQ(r, 0);
	return fault.id;
}

#define ORDER(lab, call, ...) order_in(lab, call, &(const struct lab_fault_words){ __VA_ARGS__ })

static inline void clear_faults(struct lab *lab)
{
	CHECK_EQ(lab_fault_clear(lab, NULL, 0, NULL), 0);
}

/* What the fault of that id has done; false: there is none. */
static inline bool counted(const struct lab *lab, uint32_t id, struct lab_fault_count *ret)
{
	struct lab_trouble *t = calloc(1, sizeof(*t));
	bool found = false;

	CHECK(t != NULL);
	lab_trouble_read(lab, t);
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++)
		if (t->fault[i].id == id && lab_fault_holds(lab, &t->fault[i])) {
			lab_fault_counted(lab, i, &t->fault[i], ret);
			found = true;
		}
	free(t);
	return found;
}

static inline void expect_count(const struct lab *lab, uint32_t id, uint64_t calls, uint64_t struck)
{
	struct lab_fault_count c;

	CHECK(counted(lab, id, &c));
	CHECK_EQ(c.calls, calls);
	CHECK_EQ(c.struck, struck);
}

/* Waits until so many hang in a fault. */
static inline void await_hanging(const struct lab *lab, uint32_t id, unsigned n)
{
	struct lab_fault_count c;

	for (unsigned i = 0; i < 12000; i++) {
		CHECK(counted(lab, id, &c));
		if (c.hanging == n)
			return;
		usleep(5000);
	}
	fprintf(stderr, "%u hang in fault %u, not %u\n", c.hanging, id, n);
	exit(1);
}

#endif
