/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "lab/format.h"

/* "lab set": fixes what a sensor or a counter of a simulated GPU says. */

static const struct reading {
	const char *key;
	const char *unit; /* may follow the number */
	size_t offset;
	int32_t factor;	  /* stored = typed x factor */
	int32_t min, max; /* as typed */
} readings[] = {
#define R(f) offsetof(struct lab_readings, f)
	{ "temperature", "C", R(temperature_c), 1, -40, 150 },
	{ "power", "W", R(power_mw), 1000, 0, 2000 },
	{ "memory-used", "MiB", R(memory_used_mib), 1, 0, 1 << 20 },
	{ "utilization", "%", R(utilization_gpu), 1, 0, 100 },
	{ "utilization-memory", "%", R(utilization_memory), 1, 0, 100 },
	{ "fan", "%", R(fan_percent), 1, 0, 100 },
	{ "sm-clock", "MHz", R(sm_mhz), 1, 0, 10000 },
	{ "memory-clock", "MHz", R(mem_mhz), 1, 0, 20000 },
	{ "pstate", "", R(pstate), 1, 0, 15 },
	{ "ecc-volatile", "", R(ecc_volatile), 1, 0, INT32_MAX },
	{ "ecc-aggregate", "", R(ecc_aggregate), 1, 0, INT32_MAX },
	{ "ecc-volatile-corrected", "", R(ecc_volatile_corrected), 1, 0, INT32_MAX },
	{ "ecc-aggregate-corrected", "", R(ecc_aggregate_corrected), 1, 0, INT32_MAX },
	{ "remapped-correctable", "", R(remapped_correctable), 1, 0, 512 },
	{ "remapped-uncorrectable", "", R(remapped_uncorrectable), 1, 0, 512 },
	{ "remap-pending", "", R(remap_pending), 1, 0, 512 },
	{ "remap-failure", "", R(remap_failure), 1, 0, 1 },
#undef R
};

struct set {
	unsigned gpu;
	int gi;
	const struct reading *reading; /* NULL: persistence, ecc or display */
	const char *key;
	int32_t value;
	struct mig_error *reterr;
};

static int set_gi(struct lab_gpu *gpu, const struct set *s)
{
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		if (!gpu->gi[i].used || gpu->gi[i].id != s->gi)
			continue;
		if (!strcmp(s->key, "utilization"))
			gpu->gi[i].utilization_gpu = s->value;
		else
			gpu->gi[i].memory_used_mib = s->value;
		return 0;
	}
	return mig_fail(s->reterr, -ENOENT, "GPU %u has no GPU instance %d", s->gpu, s->gi);
}

/*
 * What NVIDIA's display mode selector does to a workstation board: without physical display ports
 * it has a MIG mode, with them it has none.
 */
static int set_display(const struct lab *lab, struct lab_gpu *gpu, const struct set *s)
{
	const struct mig_board *board = lab_board(lab, gpu);

	if (!board->mode_display_off)
		return mig_fail(s->reterr, -ENOTSUP,
				"GPU %u, a %s, has no display ports that its MIG mode depends on",
				s->gpu, board->name);
	if (s->value && (gpu->mig_current || gpu->mig_pending))
		return mig_fail(s->reterr, -EBUSY,
				"GPU %u is in MIG mode, which it has without display only: disable "
				"MIG first",
				s->gpu);
	gpu->display_off = !s->value;
	return 0;
}

static int apply(struct lab *lab, struct lab_state *st, void *arg)
{
	const struct set *s = arg;
	struct lab_gpu *gpu = &st->gpu[s->gpu];

	if (s->gi >= 0)
		return set_gi(gpu, s);
	lab_count_energy(lab_board(lab, gpu), gpu);
	if (s->reading)
		memcpy((uint8_t *)&gpu->set + s->reading->offset, &s->value, sizeof(s->value));
	else if (!strcmp(s->key, "persistence"))
		gpu->persistence = s->value != 0;
	else if (!strcmp(s->key, "display"))
		return set_display(lab, gpu, s);
	else
		gpu->ecc_current = gpu->ecc_pending = s->value != 0;
	return 0;
}

static int parse_switch(const char *key, const char *value, int32_t *ret, struct mig_error *reterr)
{
	if (!strcmp(value, "on") || !strcmp(value, "1"))
		*ret = 1;
	else if (!strcmp(value, "off") || !strcmp(value, "0"))
		*ret = 0;
	else
		return mig_fail(reterr, -EINVAL, "%s must be on or off, not '%s'", key, value);
	return 0;
}

static int parse_number(const struct reading *r, const char *value, int32_t *ret,
			struct mig_error *reterr)
{
	char *end;
	long n;

	if (!strcmp(value, "auto")) {
		*ret = LAB_AUTO;
		return 0;
	}
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || (*end && strcmp(end, r->unit) != 0) || n < r->min ||
	    n > r->max)
		return mig_fail(reterr, -EINVAL, "%s must be %d to %d%s%s or auto, not '%s'",
				r->key, r->min, r->max, *r->unit ? " " : "", r->unit, value);
	*ret = (int32_t)n * r->factor;
	return 0;
}

static const struct reading *find(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(readings); i++)
		if (!strcmp(readings[i].key, key))
			return &readings[i];
	return NULL;
}

const char *lab_reading_wrong(const struct lab_readings *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		const struct reading *r = &readings[i];
		int32_t value;

		memcpy(&value, (const uint8_t *)set + r->offset, sizeof(value));
		if (value != LAB_AUTO && (value / r->factor < r->min || value / r->factor > r->max))
			return r->key;
	}
	return NULL;
}

const char *lab_reading_key(unsigned i)
{
	static const char *const switches[] = { "persistence", "ecc", "display" };

	if (i < ARRAY_SIZE(readings))
		return readings[i].key;
	i -= ARRAY_SIZE(readings);
	return i < ARRAY_SIZE(switches) ? switches[i] : NULL;
}

static int unknown_key(const char *key, struct mig_error *reterr)
{
	char known[400] = "persistence, ecc, display";

	for (size_t i = 0; i < ARRAY_SIZE(readings); i++) {
		strncat(known, ", ", sizeof(known) - strlen(known) - 1);
		strncat(known, readings[i].key, sizeof(known) - strlen(known) - 1);
	}
	return mig_fail(reterr, -EINVAL, "there is no reading '%s': choose from %s", key, known);
}

/* Fills s from the words, or says what is wrong with them. */
static int prepare(const struct lab *lab, const char *key, const char *value, struct set *s)
{
	if (s->gpu >= lab->map->con->n_gpus)
		return mig_fail(s->reterr, -EINVAL, "there is no GPU %u: this lab has %u", s->gpu,
				lab->map->con->n_gpus);
	s->reading = find(key);
	if (s->gi >= 0 && strcmp(key, "memory-used") != 0 && strcmp(key, "utilization") != 0)
		return mig_fail(s->reterr, -EINVAL,
				"a GPU instance has memory-used and utilization alone, not '%s': "
				"set it on the GPU",
				key);
	if (s->reading)
		return parse_number(s->reading, value, &s->value, s->reterr);
	if (!strcmp(key, "persistence") || !strcmp(key, "ecc") || !strcmp(key, "display"))
		return parse_switch(key, value, &s->value, s->reterr);
	return unknown_key(key, s->reterr);
}

int lab_check_reading(const struct lab *lab, unsigned gpu, int gi, const char *key,
		      const char *value, struct mig_error *reterr)
{
	struct set s = { .gpu = gpu, .gi = gi, .key = key, .reterr = reterr };
	struct lab_gpu copy;
	int r = prepare(lab, key, value, &s);

	if (r < 0 || gi < 0)
		return r;
	r = lab_read_gpu(lab, gpu, &copy);
	return r < 0 ? mig_fail(reterr, r, "GPU %u is lost: reboot the lab", gpu)
		     : set_gi(&copy, &s);
}

int lab_set_reading(struct lab *lab, unsigned gpu, int gi, const char *key, const char *value,
		    struct mig_error *reterr)
{
	struct set s = { .gpu = gpu, .gi = gi, .key = key, .reterr = reterr };
	int r = prepare(lab, key, value, &s);

	if (r < 0)
		return r;
	r = lab_change(lab, apply, &s);
	if (r == -EPERM)
		return mig_fail(reterr, r, "this user may not write to the lab's file");
	if (r == -ENODEV)
		return mig_fail(reterr, r, "the lab was rebooted or destroyed meanwhile");
	return r;
}
