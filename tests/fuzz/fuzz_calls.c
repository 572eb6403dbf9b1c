/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/file.h>

#include "base/util.h"
#include "fuzz/replay.h"

#include "fuzz/caller.h"
#include "fuzz/image.h"
#include "nvml/migkit_export.h"

#include "calls_table.h" /* made by tests/fuzz/functions.py */

/*
 * All functions of the simulated driver, in any order, with any arguments that a program could give
 * (caller.h), among creates, destroys, changes of mode, resets, reboots, injected errors and
 * clients that come and go. Whatever comes: no crash, no byte beyond what a caller gave, errno as
 * it was; a call that only reads changes nothing, nor does one that is refused; the lab stays one
 * whose state lab_check() takes, and unlocked.
 *
 * The first byte chooses a lab; then two bytes name a function (functions.py: code()), and its
 * arguments follow.
 */

enum { LABS = 6, STEPS = 600 };

struct shape {
	const char *board, *other; /* every second GPU is of the other board */
	const char *driver;
	unsigned gpus;
	bool pairs; /* NVLink bridges; else a switch where there are four */
	const char *rule[4];
};

static const struct shape shapes[LABS] = {
	{ "a100-40gb-sxm", NULL, "580.159.04", 2, false, { NULL } },
	{ "h100-80gb-sxm", NULL, "580.159.04", 4, false, { NULL } },
	{ "a30", "a100-80gb-pcie", "460.106.00", 2, true, { "ci-id-reuse=next", NULL } },
	{ "a100-80gb-sxm",
	  NULL,
	  "515.86.01",
	  1,
	  false,
	  { "free-before-first=zero", "default-placement=fixed-order",
	    "disable-with-instances=allow", NULL } },
	{ "rtx-pro-6000-server",
	  "a800-40gb-active",
	  "580.159.04",
	  2,
	  false,
	  { "gfx-beside-compute=refuse" } },
	{ "h200",
	  "gh200-96gb",
	  "550.163.01",
	  2,
	  true,
	  { "ci-device-handle=parent", "me-exclusive=separate", "ci-placement=lowest", NULL } },
};

static struct {
	struct image image;
	struct lab_map *map;
} machines[LABS];

/* What a lab is while an input runs. */
struct machine {
	struct world w;
	struct image *image;
	struct lab_map *map;
	struct lab *lab; /* a second look at it, not the driver's */
	bool troubled;	 /* a fault was ordered: what a call answers is not what it did */
	bool looked;	 /* at the kernel's locks, which is slow */
};

static void spec_of(struct lab_spec *spec, const struct shape *s)
{
	const struct mig_board_def *def = s->other ? mig_board_find(s->other) : NULL;

	fixture_spec(spec, NULL, s->board, s->driver, s->gpus, MIG_NUMBERING_I);
	for (unsigned i = 1; i < s->gpus && s->other; i += 2)
		CHECK_EQ(mig_board_resolve(def, s->driver, &spec->gpu[i].board, NULL), 0);
	for (unsigned i = 0; i < 4 && s->rule[i]; i++)
		CHECK_EQ(lab_rule_set(spec->rule, s->rule[i]), 0);
	spec->permissions_real = s->pairs;
	spec->machine = (struct lab_machine){ .n_cpus = 8, .n_nodes = 2, .nodes_per_socket = 1 };
	spec->machine.node[0].cpus[0] = 0x0f;
	spec->machine.node[1].cpus[0] = 0xf0;
	spec->machine.nvlinks = 4;
	spec->machine.nvlink = s->pairs	     ? LAB_NVLINK_PAIRS
			       : s->gpus > 2 ? LAB_NVLINK_SWITCH
					     : LAB_NVLINK_NONE;
	for (unsigned i = 0; i < s->gpus; i++) {
		spec->gpu[i].numa_node = i / 2 % 2;
		spec->gpu[i].pcie_switch = (uint8_t)(i < 2);
	}
}

/* The marks say which files the layout has: none that the next change would believe. */
static void put_back(unsigned n)
{
	struct image *im = &machines[n].image;
	struct lab_header *head;

	if (!im->file) {
		struct lab_spec *spec = calloc(1, sizeof(*spec));

		CHECK(spec != NULL);
		spec_of(spec, &shapes[n]);
		image_make(im, spec, n);
		free(spec);
		CHECK_EQ(lab_map_get(im->dir, &machines[n].map, NULL), 0);
	}
	memcpy(im->file, im->saved, im->size);
	head = (void *)im->file;
	head->root_seq = UINT64_MAX - 1;
	machines[n].map->mine = 0;
	/* What it remembers is of another file with the same numbers. */
	machines[n].map->scratch_seq = UINT64_MAX;
	machines[n].map->differ.known = false;
}

/* --- what is no function of NVML ------------------------------------------------------------ */

static unsigned a_gpu(struct machine *m)
{
	return (unsigned)take(&m->w.in, 1) % (lab_const(m->lab)->n_gpus + 1);
}

static void inject(struct machine *m)
{
	struct input *in = &m->w.in;
	struct lab_event e = { .gpu = (uint8_t)a_gpu(m) };

	e.kind = (uint8_t)(LAB_EVENT_XID + take(in, 1) % 3);
	e.gi = (int8_t)((int)(take(in, 1) % 17) - 1);
	e.ci = e.gi < 0 ? -1 : (int8_t)((int)(take(in, 1) % 10) - 1);
	e.data = take_number(in);
	(void)lab_inject(m->lab, &e, NULL);
}

static void set_reading(struct machine *m)
{
	static const char *const keys[] = { "temperature",
					    "power",
					    "memory-used",
					    "utilization",
					    "utilization-memory",
					    "fan",
					    "sm-clock",
					    "memory-clock",
					    "pstate",
					    "ecc-volatile",
					    "ecc-aggregate",
					    "ecc-volatile-corrected",
					    "ecc-aggregate-corrected",
					    "remapped-correctable",
					    "remapped-uncorrectable",
					    "remap-pending",
					    "remap-failure",
					    "persistence",
					    "ecc",
					    "display",
					    "nothing" };
	static const char *const words[] = { "auto", "on", "off", "0", "1", "-5C" };
	struct input *in = &m->w.in;
	unsigned gpu = a_gpu(m);
	const char *key = keys[take(in, 1) % ARRAY_SIZE(keys)];
	int gi = (int)(take(in, 1) % 17) - 1;
	uint8_t b = (uint8_t)take(in, 1);
	char value[32];

	snprintf(value, sizeof(value), "%llu", (unsigned long long)take_number(in));
	(void)lab_set_reading(m->lab, gpu, gi, key,
			      b & 1 ? words[(b >> 1) % ARRAY_SIZE(words)] : value, NULL);
}

/* A client of this process, that ends when client_ends() says so. */
static void client(struct machine *m)
{
	struct input *in = &m->w.in;
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE, .gpu = (uint8_t)a_gpu(m) };
	uint8_t b = (uint8_t)take(in, 1);

	c.gi = (int8_t)((int)(b & 15) - 1);
	c.ci = c.gi < 0 ? -1 : (int8_t)(b >> 4 & 7);
	if (b & 0x80)
		c.kind = LAB_CLIENT_ATTACHED;
	c.memory = take_number(in) << 20;
	snprintf(c.name, sizeof(c.name), "./program-%u", b);
	(void)lab_hold(m->lab, &c, NULL);
}

static const struct migkit_export *own_table(void)
{
	static const unsigned char uuid[16] = MIGKIT_EXPORT_UUID;
	static const void *table;

	/* Once, before a fault is ordered that could strike it. */
	if (!table)
		CHECK_EQ(nvmlInternalGetExportTable(&table, uuid), NVML_SUCCESS);
	return table;
}

static void holders(struct machine *m)
{
	unsigned room = (unsigned)take(&m->w.in, 1) % 4, count = room;
	struct migkit_holder *list = calloc(room ? room : 1, sizeof(*list));

	if (!m->looked && list)
		(void)own_table()->holders(&count, room ? list : NULL);
	m->looked = true;
	free(list);
}

/* nvidia-smi gathers the GPUs that it is to reset, asks for their places and lets them go. */
static void reset_group(struct machine *m)
{
	typedef int make_fn(void **group, nvmlDevice_t *devices, unsigned count);
	typedef int ids_fn(void *group, char **ids, unsigned *count);
	typedef int free_fn(void *group);
	nvmlDevice_t device[LAB_MAX_GPUS] = { 0 };
	char *ids[LAB_MAX_GPUS] = { NULL };
	unsigned count = (unsigned)take(&m->w.in, 1) % (LAB_MAX_GPUS + 2), n = 0;
	void *group = NULL;
	make_fn *make_it;
	ids_fn *tell;
	free_fn *let_go;

	memcpy(&make_it, &m->w.table[182], sizeof(make_it));
	memcpy(&tell, &m->w.table[183], sizeof(tell));
	memcpy(&let_go, &m->w.table[184], sizeof(let_go));
	for (unsigned i = 0; i < count && i < LAB_MAX_GPUS; i++)
		device[i] = take_handle(&m->w, K_DEVICE);
	if (make_it(&group, device, count) != NVML_SUCCESS)
		return;
	if (tell(group, ids, &n) == NVML_SUCCESS)
		caller_check(n == count, "another number of GPUs", "reset_group");
	for (unsigned i = 0; i < LAB_MAX_GPUS; i++)
		free(ids[i]);
	caller_check(let_go(group) == NVML_SUCCESS, "is not let go of", "reset_group");
}

static void no_table(struct machine *m)
{
	unsigned char uuid[16];
	const void *table = NULL;

	for (unsigned i = 0; i < 16; i++)
		uuid[i] = (unsigned char)take(&m->w.in, 1);
	(void)nvmlInternalGetExportTable(uuid[0] ? &table : NULL, uuid[1] ? uuid : NULL);
}

/* Of what a fault can do, all that a fuzzed process survives. */
static void fault(struct machine *m)
{
	struct input *in = &m->w.in;
	struct lab_fault f = { .first = 1, .last = UINT64_MAX, .every = 1 };
	uint8_t b = (uint8_t)take(in, 1), some;

	f.does = b & (LAB_FAULT_RETURN | LAB_FAULT_RETURN_AFTER | LAB_FAULT_TAKE | LAB_FAULT_XID);
	if (!f.does)
		f.does = LAB_FAULT_RETURN;
	f.code = f.code_after = (int32_t)(take(in, 1) % 32);
	f.xid = (uint32_t)take_number(in);
	f.gpu = (int16_t)((int)(take(in, 1) % 6) - 1);
	f.permanent = b >> 7;
	f.first = 1 + take(in, 1) % 4;
	f.every = 1 + take(in, 1) % 4;
	f.times = take(in, 1) % 4;
	f.chance = take(in, 1) << 24;
	f.take_us = 1;
	some = b & 8 ? (uint8_t)take(in, 1) : 0;
	for (unsigned i = 0; i < lab_n_calls; i++)
		if (!(i * some & 8))
			f.calls[i / 64] |= 1ull << i % 64;
	f.calls[0] |= 1;
	snprintf(f.process, sizeof(f.process), "%s", b & 16 ? "another" : "");
	(void)lab_fault_add(m->lab, &f, NULL);
	m->troubled = true;
	m->w.nameless = m->w.nameless || is_nameless(f.code);
}

static void fault_clear(struct machine *m)
{
	uint32_t id = (uint32_t)take(&m->w.in, 1);

	(void)lab_fault_clear(m->lab, &id, id != 0, NULL);
}

static int slow(struct lab_trouble *t, void *arg)
{
	snprintf(t->latency.name, sizeof(t->latency.name), "fuzz");
	for (unsigned i = 0; i < LAB_MAX_CALLS; i++)
		t->latency.us[i] = *(const uint8_t *)arg;
	if (!*(const uint8_t *)arg)
		t->latency.name[0] = '\0';
	return 0;
}

static void latency(struct machine *m)
{
	uint8_t us = (uint8_t)take(&m->w.in, 1) % 3;

	(void)lab_trouble_change(m->lab, slow, &us, NULL);
}

static void more(struct machine *m, const char *name)
{
	struct lab_header *head = (void *)m->image->file;

	if (!strcmp(name, "inject"))
		inject(m);
	else if (!strcmp(name, "set_reading"))
		set_reading(m);
	else if (!strcmp(name, "client"))
		client(m);
	else if (!strcmp(name, "client_ends"))
		m->map->mine &= ~(1ull << take(&m->w.in, 1) % LAB_MAX_CLIENTS);
	else if (!strcmp(name, "gpu_reset"))
		(void)own_table()->gpu_reset(a_gpu(m));
	else if (!strcmp(name, "reboot"))
		(void)(take(&m->w.in, 1) & 1 ? own_table()->reboot() : lab_reboot(m->lab, NULL));
	else if (!strcmp(name, "destroyed"))
		head->destroyed = 1;
	else if (!strcmp(name, "holders"))
		holders(m);
	else if (!strcmp(name, "reset_group"))
		reset_group(m);
	else if (!strcmp(name, "fault"))
		fault(m);
	else if (!strcmp(name, "fault_clear"))
		fault_clear(m);
	else if (!strcmp(name, "latency"))
		latency(m);
	else
		no_table(m);
}

/* --- an input ------------------------------------------------------------------------------- */

/* The function with that code, or the next one. */
static const struct call *call_of(uint16_t code)
{
	size_t low = 0, high = ARRAY_SIZE(calls);

	while (low < high) {
		size_t at = (low + high) / 2;

		if (calls[at].code < code)
			low = at + 1;
		else
			high = at;
	}
	return &calls[low % ARRAY_SIZE(calls)];
}

static void begin(struct machine *m, unsigned n)
{
	static const unsigned char smi[16] = { 0xc4, 0xfe, 0x3e, 0x6c, 0xc9, 0x8f, 0x6c, 0x4e,
					       0xa3, 0x27, 0xee, 0x69, 0x6e, 0x12, 0xf7, 0xc4 };
	const void *table = NULL;
	nvmlDevice_t device = NULL;
	char uuid[TEXT];
	nvmlPciInfo_t pci;

	put_back(n);
	m->image = &machines[n].image;
	m->map = machines[n].map;
	CHECK_EQ(setenv("MIGKIT_LAB", m->image->dir, 1), 0);
	CHECK_EQ(lab_open(m->image->dir, 0, &m->lab, NULL), 0);
	CHECK_EQ(nvmlInit_v2(), NVML_SUCCESS);
	CHECK_EQ(nvmlInternalGetExportTable(&table, smi), NVML_SUCCESS);
	m->w.table = table;
	(void)own_table();
	for (unsigned i = 0; i < shapes[n].gpus; i++) {
		CHECK_EQ(nvmlDeviceGetHandleByIndex_v2(i, &device), NVML_SUCCESS);
		keep(&m->w, K_DEVICE, device);
	}
	CHECK_EQ(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)), NVML_SUCCESS);
	snprintf(m->w.text[0], TEXT, "%s", uuid);
	CHECK_EQ(nvmlDeviceGetPciInfo_v3(device, &pci), NVML_SUCCESS);
	snprintf(m->w.text[1], TEXT, "%s", pci.busId);
	CHECK_EQ(nvmlDeviceGetSerial(device, m->w.text[2], TEXT), NVML_SUCCESS);
}

static void step(struct machine *m, const struct call *c)
{
	const struct lab_header *head = (void *)m->image->file;
	uint64_t seq = head->seq;
	nvmlReturn_t r;

	if (!c->fn && c->slot < 0) {
		more(m, c->name);
		return;
	}
	r = call_from_input(&m->w, c);
	if (!m->troubled && (c->reads || (c->fn && r != NVML_SUCCESS)))
		caller_check(seq == head->seq, "reads or fails, and has changed the lab", c->name);
}

static void look(struct machine *m)
{
	const struct lab_part state = lab_part_state(m->map), trouble = lab_part_trouble(m->map);
	const struct lab_header *head = (void *)m->image->file;
	struct lab_trouble *t = malloc(sizeof(*t));
	struct lab_state *st = malloc(sizeof(*st));
	struct mig_error err = { 0 };
	int fd;

	CHECK(st && t);
	lab_load(m->map, 0, m->map->head.copy_size, st);
	if (lab_check(m->map->con, st, &err) < 0) {
		fprintf(stderr, "the lab's state is broken: %s\n", err.msg);
		abort();
	}
	free(st);
	CHECK_EQ(lab_copy_valid(m->map, &state, head->seq % 2), 0);
	lab_load_trouble(m->map, 0, sizeof(*t), t);
	if (lab_trouble_check(t, &err) < 0) {
		fprintf(stderr, "the lab's trouble is broken: %s\n", err.msg);
		abort();
	}
	free(t);
	CHECK_EQ(lab_copy_valid(m->map, &trouble, head->trouble_seq % 2), 0);
	fd = open(m->image->path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	caller_check(!flock(fd, LOCK_EX | LOCK_NB), "the lab is left locked", "flock");
	(void)flock(fd, LOCK_UN);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m = { .w.in = { data, size } };

	begin(&m, (unsigned)take(&m.w.in, 1) % LABS);
	for (unsigned i = 0; i < STEPS && m.w.in.left; i++)
		step(&m, call_of((uint16_t)take(&m.w.in, 2)));
	look(&m);
	((struct lab_header *)(void *)m.image->file)->watch = 0;
	(void)nvmlInit_v2(); /* what is given back below is given back to a running driver */
	world_end(&m.w);
	while (nvmlShutdown() == NVML_SUCCESS)
		continue;
	lab_close(m.lab);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
