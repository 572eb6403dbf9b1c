/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "lab/format.h"
#include "lab/trace.h"

/* What trouble is ordered: its part of the lab's file, and changes of it. */

#define WAKE_WORD offsetof(struct lab_header, trouble_seq)

const uint64_t *lab_watch_word(const struct lab *lab)
{
	const uint8_t *p = lab->map->ro + offsetof(struct lab_header, watch);

	return (const uint64_t *)(const void *)p;
}

void lab_trouble_load(const struct lab *lab, size_t offset, size_t size, void *ret)
{
	lab_load_trouble(lab->map, offset, size, ret);
}

void lab_trouble_read(const struct lab *lab, struct lab_trouble *ret)
{
	lab_load_trouble(lab->map, 0, sizeof(*ret), ret);
}

static uint64_t boot_now(const struct lab_map *map)
{
	uint64_t boot;

	lab_load(map, offsetof(struct lab_state, boot), sizeof(boot), &boot);
	return boot;
}

bool lab_fault_holds(const struct lab *lab, const struct lab_fault *fault)
{
	return fault->id && (fault->permanent || fault->boot == boot_now(lab->map));
}

/* --- changing ------------------------------------------------------------------------------- */

uint64_t lab_trouble_watch(const struct lab_trouble *t)
{
	return (t->n_slots ? LAB_WATCH_FAULTS : 0U) |
	       (t->latency.name[0] ? LAB_WATCH_LATENCY : 0U) | (t->trace.id ? LAB_WATCH_TRACE : 0U);
}

/*
 * Faults of an earlier boot have no effect from the moment at which the reboot is published; here
 * they go from the file as well.
 */
static void tidy(const struct lab *lab, struct lab_trouble *t)
{
	/* A tracer that was killed cannot say that it has gone. */
	if (lab_trace_clock_ns() > t->trace.until_ns)
		memset(&t->trace, 0, sizeof(t->trace));
	t->n_slots = 0;
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++) {
		if (!lab_fault_holds(lab, &t->fault[i]))
			memset(&t->fault[i], 0, sizeof(t->fault[i]));
		if (t->fault[i].id)
			t->n_slots = i + 1;
	}
}

struct change {
	lab_trouble_fn fn;
	void *arg;
};

/*
 * Who dies between the trouble and the word that makes calls look at it must leave no order that
 * nobody carries out: the word has the bits of both until it has those of the new.
 */
static int change_trouble(struct lab *lab, void *arg)
{
	_cleanup_free_ struct lab_trouble *before = malloc(sizeof(*before));
	_cleanup_free_ struct lab_trouble *after = malloc(sizeof(*after));
	const size_t watch = offsetof(struct lab_header, watch);
	const struct change *c = arg;
	struct lab_map *map = lab->map;
	uint64_t old, new;
	int r;

	if (!before || !after)
		return -ENOMEM;
	lab_load_trouble(map, 0, sizeof(*before), before);
	memcpy(after, before, sizeof(*after));
	tidy(lab, after);
	r = c->fn(after, c->arg);
	if (r < 0)
		return r;
	tidy(lab, after);
	old = lab_word_load(map->ro, watch);
	new = lab_trouble_watch(after);
	if ((old | new) != old)
		lab_word_store(map->rw, watch, old | new);
	lab_publish_trouble(map, before, after);
	if (lab_word_load(map->ro, watch) != new)
		lab_word_store(map->rw, watch, new);
	lab_wake(map, WAKE_WORD);
	return r;
}

int lab_trouble_change(struct lab *lab, lab_trouble_fn fn, void *arg, struct mig_error *reterr)
{
	struct change c = { .fn = fn, .arg = arg };
	int r;

	if (reterr)
		reterr->msg[0] = '\0';
	r = lab_locked(lab, change_trouble, &c);
	if (r >= 0 || (reterr && reterr->msg[0]))
		return r;
	if (r == -EPERM)
		return mig_fail(reterr, r, "this user may not write to the lab's file");
	if (r == -ENODEV)
		return mig_fail(reterr, r, "the lab was destroyed meanwhile");
	return mig_fail(reterr, r, "cannot change the lab's file: %s", strerror(-r));
}

static int no_change(struct lab_trouble *t, void *arg)
{
	(void)t;
	(void)arg;
	return 0;
}

void lab_trouble_rebooted(struct lab *lab)
{
	(void)lab_trouble_change(lab, no_change, NULL, NULL);
}

struct add {
	struct lab *lab;
	struct lab_fault *fault;
	struct mig_error *reterr;
};

static int add(struct lab_trouble *t, void *arg)
{
	const struct add *a = arg;
	struct lab_fault *fault = a->fault;
	struct lab_map *map = a->lab->map;
	size_t live;
	unsigned slot = 0;

	while (slot < LAB_MAX_FAULTS && t->fault[slot].id)
		slot++;
	if (slot == LAB_MAX_FAULTS)
		return mig_fail(a->reterr, -ENOSPC,
				"a lab has at most %d faults: 'migctl lab fault clear' makes room",
				LAB_MAX_FAULTS);
	fault->id = ++t->last_id;
	fault->boot = boot_now(map);
	t->fault[slot] = *fault;
	/* Nobody counts for the slot before it is published. */
	live = map->head.live_offset + offsetof(struct lab_live, fault) +
	       slot * sizeof(struct lab_live_fault);
	lab_word_store(map->rw, live + offsetof(struct lab_live_fault, calls),
		       lab_count_tag(fault->id));
	lab_word_store(map->rw, live + offsetof(struct lab_live_fault, struck),
		       lab_count_tag(fault->id));
	return 0;
}

int lab_fault_add(struct lab *lab, struct lab_fault *fault, struct mig_error *reterr)
{
	struct add a = { .lab = lab, .fault = fault, .reterr = reterr };

	return lab_trouble_change(lab, add, &a, reterr);
}

struct clear {
	const uint32_t *ids;
	unsigned n;
	struct mig_error *reterr;
};

static struct lab_fault *fault_by_id(struct lab_trouble *t, uint32_t id)
{
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++)
		if (id && t->fault[i].id == id)
			return &t->fault[i];
	return NULL;
}

static int clear(struct lab_trouble *t, void *arg)
{
	const struct clear *c = arg;

	if (!c->n)
		memset(t->fault, 0, sizeof(t->fault));
	for (unsigned i = 0; i < c->n; i++)
		if (!fault_by_id(t, c->ids[i]))
			return mig_fail(c->reterr, -ENOENT,
					"there is no fault %u: 'migctl lab fault list' shows those "
					"that are",
					c->ids[i]);
	for (unsigned i = 0; i < c->n; i++) {
		struct lab_fault *fault = fault_by_id(t, c->ids[i]);

		if (fault) /* else it was named twice */
			memset(fault, 0, sizeof(*fault));
	}
	return 0;
}

int lab_fault_clear(struct lab *lab, const uint32_t *ids, unsigned n, struct mig_error *reterr)
{
	struct clear c = { .ids = ids, .n = n, .reterr = reterr };

	return lab_trouble_change(lab, clear, &c, reterr);
}
