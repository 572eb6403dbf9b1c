/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"
#include "fuzz/replay.h"

#include "fuzz/caller.h"
#include "fuzz/image.h"

/* What they remember of a file for the life of a process is to be forgotten after each input. */
#include "lab/lab.c" /* NOLINT(bugprone-suspicious-include) */
#include "lab/map.c" /* NOLINT(bugprone-suspicious-include) */

#include "calls_table.h" /* made by tests/fuzz/functions.py */

/*
 * A lab's file of any bytes: it is refused with one sentence that names it, or is a lab of which
 * everything can be asked, that every change leaves sound, and whose trouble can be looked at.
 *
 * No fuzzer guesses a checksum. So an input is a number of edits of a good file, and the sums are
 * made right again; the first byte chooses the file and which of the sums stay wrong, the second
 * one the functions that are called of what is accepted. Then, for each edit: a byte for where and
 * how wide, two for the place there, and a number. Or the bytes are the file.
 */

enum {
	FILES = 3,
	EDITS = 40,
	RAW = 0x08,
	KEEP_HEADER = 0x10,
	KEEP_CONST = 0x20,
	KEEP_STATE = 0x40,
	KEEP_TROUBLE = 0x80
};

static struct image files[FILES];

static void run(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %d\n", what, r);
	abort();
}

/* A client whose process is this one, which is why it is not alive in the file that is fuzzed. */
static void add_client(struct lab *lab, unsigned gpu, int gi, int ci)
{
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE, .gpu = (uint8_t)gpu };

	c.gi = (int8_t)gi;
	c.ci = (int8_t)ci;
	c.memory = 100 << 20;
	snprintf(c.name, sizeof(c.name), "./program");
	run(lab_hold(lab, &c, NULL), "a client");
}

/* Something of everything that a file can hold. */
static void inhabit(struct lab *lab, unsigned gpus)
{
	const struct lab_event xid = {
		.kind = LAB_EVENT_XID, .gpu = 0, .gi = -1, .ci = -1, .data = 31
	};
	struct lab_fault fault = { .does = LAB_FAULT_RETURN,
				   .code = 19,
				   .gpu = -1,
				   .first = 1,
				   .last = UINT64_MAX,
				   .every = 1,
				   .calls = { 1 } };
	struct lab_made gi, ci;
	struct lab_gpu gpu;

	run(lab_read_gpu(lab, 0, &gpu), "a GPU");
	if (lab_has_mig_mode(lab_board(lab, &gpu), &gpu)) {
		run(lab_set_mig_mode(lab, 0, true), "MIG");
		for (unsigned i = 0; i < 3; i++)
			if (lab_gi_create(lab, 0, (const unsigned[]){ 9, 14, 5 }[i], -1, -1, &gi) >=
				    0 &&
			    lab_ci_create(lab, 0, gi.id, gi.generation, 0, -1, -1, &ci) >= 0)
				add_client(lab, 0, (int)gi.id, (int)ci.id);
	}
	run(lab_set_accounting(lab, gpus - 1, true), "accounting");
	add_client(lab, gpus - 1, -1, -1);
	for (unsigned i = 0; i < LAB_MAX_EVENTS + 3; i++)
		run(lab_inject(lab, &xid, NULL), "an event");
	run(lab_fault_add(lab, &fault, NULL), "a fault");
	run(lab_fault_add(lab, &fault, NULL), "a second fault");
}

static void forget(void);

static void make_file(unsigned n)
{
	static const char *const boards[FILES] = { "a100-40gb-sxm", "h100-80gb-sxm", "a30" };
	static const char *const drivers[FILES] = { "580.159.04", "550.163.01", "460.106.00" };
	static const char *const folders[] = { "proc", "dev", "sys" };
	struct lab_spec *spec = calloc(1, sizeof(*spec));
	struct lab *lab = NULL;
	char path[400];

	CHECK(spec != NULL);
	fixture_spec(spec, NULL, boards[n], drivers[n], 2 + n, MIG_NUMBERING_I);
	image_make(&files[n], spec, n);
	run(lab_open(files[n].dir, 0, &lab, NULL), files[n].dir);
	CHECK(lab != NULL);
	inhabit(lab, 2 + n);
	memcpy(files[n].saved, files[n].file, files[n].size);
	lab_close(lab);
	forget();
	/* Its files would follow each layout that is made up here. */
	for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", files[n].dir, folders[i]);
		fixture_clear(path);
	}
	free(spec);
}

/*
 * A process keeps its maps for life; here they go, and the driver must not look at the last one. A
 * fault may have kept it from being shut down.
 */
static void forget(void)
{
	static const uint64_t nothing;
	extern const uint64_t *sim_watch_word; /* src/sim/sim.h, which asks for what is generated */

	__atomic_store_n(&sim_watch_word, &nothing, __ATOMIC_RELEASE);
	while (nvmlShutdown() == NVML_SUCCESS)
		;
	while (maps) {
		struct lab_map *map = maps;

		maps = map->next;
		map_free(&map);
	}
	while (closed) {
		struct lab *lab = closed;

		closed = lab->next;
		free(lab);
	}
}

/* --- making the file ------------------------------------------------------------------------ */

struct part {
	size_t at, size;
};

/* Of the file as it was made. */
static struct part part_of(const struct lab_header *h, unsigned which)
{
	size_t state = h->copy_offset[h->seq % 2], trouble = h->trouble_offset[h->trouble_seq % 2];
	size_t gpu = state + sizeof(uint64_t) + offsetof(struct lab_state, gpu);
	size_t fault = trouble + sizeof(uint64_t) + offsetof(struct lab_trouble, fault);

	switch (which) {
	case 0:
		return (struct part){ 0, sizeof(*h) };
	case 1:
		return (struct part){ h->const_offset, offsetof(struct lab_const, board) };
	case 2:
		return (struct part){ h->const_offset + offsetof(struct lab_const, board),
				      sizeof(struct mig_board) };
	case 3:
		return (struct part){ state, offsetof(struct lab_state, gpu) };
	case 4:
		return (struct part){ gpu, 2 * sizeof(struct lab_gpu) };
	case 5:
		return (struct part){ trouble, sizeof(uint64_t) +
						       offsetof(struct lab_trouble, fault) +
						       3 * sizeof(struct lab_fault) };
	case 6:
		return (struct part){ fault + LAB_MAX_FAULTS * sizeof(struct lab_fault),
				      sizeof(struct lab_latency) + sizeof(struct lab_trace) };
	default:
		return (struct part){ h->live_offset, sizeof(struct lab_live) };
	}
}

static void edit(struct input *in, const struct image *im)
{
	uint8_t b = (uint8_t)take(in, 1);
	unsigned width = 1u << (b >> 3 & 3);
	struct part part = part_of((const void *)im->saved, b & 7);
	size_t at = part.at + take(in, 2) * width % part.size;
	uint64_t value = take_number(in);

	memcpy(im->file + at, &value, width);
}

/* Where a part may lie that the header names. */
static bool lies(const struct image *im, uint64_t at, uint64_t size)
{
	return at % 8 == 0 && size % 8 == 0 && at < im->size && size < im->size - at;
}

static void sum_copies(const struct image *im, const uint64_t offset[2], uint64_t size)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t sum;

		if (!lies(im, offset[i], size + sizeof(sum)))
			continue;
		sum = lab_copy_sum(im->file + offset[i] + sizeof(sum), size);
		memcpy(im->file + offset[i], &sum, sizeof(sum));
	}
}

static void make_right(const struct image *im, unsigned flags)
{
	struct lab_header *h = (void *)im->file;

	if (!(flags & KEEP_CONST) && lies(im, h->const_offset, h->const_size))
		h->const_sum = lab_sum(im->file + h->const_offset, h->const_size);
	if (!(flags & KEEP_STATE))
		sum_copies(im, h->copy_offset, h->copy_size);
	if (!(flags & KEEP_TROUBLE))
		sum_copies(im, h->trouble_offset, h->trouble_size);
	if (!(flags & KEEP_HEADER))
		h->header_sum = lab_sum(h, offsetof(struct lab_header, header_sum));
}

/* --- what is accepted ----------------------------------------------------------------------- */

static void check_sound(const struct lab *lab, struct lab_state *st)
{
	struct mig_error err = { 0 };

	lab_load(lab->map, 0, lab->map->head.copy_size, st);
	if (lab_check(lab_const(lab), st, &err) >= 0)
		return;
	fprintf(stderr, "not sound any more: %s\n", err.msg);
	abort();
}

static void read_gpu(struct lab *lab, unsigned n, struct lab_account *accounts)
{
	struct lab_client clients[4];
	const struct mig_board *b;
	struct lab_gpu gpu;
	char uuid[48];

	(void)lab_memory_used(lab, n, -1);
	(void)lab_clients_of(lab, n, -1, -1, clients, ARRAY_SIZE(clients));
	(void)lab_gpu_in_use(lab, n);
	(void)lab_accounts_of(lab, n, accounts);
	if (lab_read_gpu(lab, n, &gpu) < 0)
		return;
	b = lab_board(lab, &gpu);
	(void)lab_power_mw(b, &gpu);
	(void)lab_energy_mj(b, &gpu, lab_now_us());
	for (unsigned i = 0; i < b->n_gi; i++) {
		(void)lab_gi_remaining(b, &gpu, lab_const(lab)->rule, i);
		(void)lab_gi_default_start(b, &gpu, lab_const(lab)->rule, i);
	}
	for (unsigned i = 0; i < MIG_MAX_GI; i++) {
		if (!gpu.gi[i].used)
			continue;
		(void)lab_memory_used(lab, n, gpu.gi[i].id);
		for (unsigned c = 0; c < b->gi[gpu.gi[i].profile].n_ci; c++)
			(void)lab_ci_remaining(b, lab_const(lab)->rule, &gpu.gi[i], c);
		lab_mig_uuid(&gpu, &gpu.gi[i], gpu.gi[i].ci[0].start, uuid);
	}
}

static void read_lab(struct lab *lab)
{
	struct lab_account *accounts = calloc(LAB_MAX_ACCOUNTS, sizeof(*accounts));
	struct lab_watch w = lab_watch(lab);
	struct lab_event e = { 0 };

	CHECK(accounts != NULL);
	for (unsigned i = 0; i < lab_const(lab)->n_gpus; i++)
		read_gpu(lab, i, accounts);
	for (unsigned i = 0; i <= LAB_MAX_EVENTS && lab_event_after(&w, e.number, &e); i++)
		caller_check(e.kind && e.kind < LAB_EVENT_KINDS, "an event of no kind", "state");
	free(accounts);
}

/* Looks at all that was ordered; says whether calls would survive it, and come back soon. */
static bool read_trouble(struct lab *lab, bool *ret_nameless)
{
	struct lab_trouble *t = calloc(1, sizeof(*t));
	struct lab_fault_count count;
	struct lab_fault fault;
	bool harmless;

	CHECK(t != NULL);
	lab_trouble_read(lab, t);
	harmless = true;
	*ret_nameless = false;
	for (unsigned i = 0; i < LAB_MAX_CALLS; i++)
		harmless = harmless && !t->latency.us[i];
	for (unsigned i = 0; i < LAB_MAX_FAULTS; i++) {
		if (!t->fault[i].id)
			continue;
		harmless = harmless &&
			   !(t->fault[i].does & ~(uint32_t)(LAB_FAULT_RETURN | LAB_FAULT_XID |
							    LAB_FAULT_RETURN_AFTER));
		*ret_nameless = *ret_nameless || is_nameless(t->fault[i].code) ||
				is_nameless(t->fault[i].code_after);
		lab_fault_counted(lab, i, &t->fault[i], &count);
		if (lab_fault_of_call(lab, i, 0, &fault))
			(void)lab_fault_strikes(lab, i, &fault);
	}
	free(t);
	return harmless;
}

/* A part of the functions that read, of every GPU and of the MIG devices that they find. */
static void ask_driver(const struct image *im, unsigned which, bool nameless)
{
	static const uint8_t harmless[64] = { 13, 1, 9, 17, 1, 0, 1, 0, 1 };
	struct world w = { .nameless = nameless };
	nvmlDevice_t device = NULL;

	CHECK_EQ(setenv("MIGKIT_LAB", im->dir, 1), 0);
	(void)nvmlInit_v2();
	for (unsigned i = 0; i < LAB_MAX_GPUS; i++) {
		if (nvmlDeviceGetHandleByIndex_v2(i, &device) == NVML_SUCCESS)
			keep(&w, K_DEVICE, device);
		if (device &&
		    nvmlDeviceGetMigDeviceHandleByIndex(device, i % 7, &device) == NVML_SUCCESS)
			keep(&w, K_DEVICE, device);
	}
	for (unsigned i = which % 8; i < ARRAY_SIZE(calls); i += 8) {
		if (!calls[i].reads || !calls[i].n)
			continue;
		for (unsigned k = 0; k < 2; k++) {
			uint8_t bytes[64];

			memcpy(bytes, harmless, sizeof(bytes));
			/* The handle comes first, or behind the room. */
			bytes[0] = bytes[1] = (uint8_t)((which + k) << 3 & 0x78);
			w.in = (struct input){ bytes, sizeof(bytes) };
			(void)call_from_input(&w, &calls[i]);
		}
	}
	world_end(&w);
	while (nvmlShutdown() == NVML_SUCCESS)
		continue;
}

/* What the lab's own commands would do to it. */
static void change_lab(struct lab *lab, unsigned which, struct lab_state *st)
{
	unsigned gpu = which % lab_const(lab)->n_gpus;
	const struct mig_board *b;
	struct lab_made gi;
	struct lab_gpu g;

	(void)lab_set_mig_mode(lab, gpu, which & 1);
	check_sound(lab, st);
	if (lab_read_gpu(lab, gpu, &g) < 0)
		return;
	b = lab_board(lab, &g);
	for (unsigned i = 0; i < b->n_gi; i++)
		(void)lab_gi_create(lab, gpu, b->gi[i].id, -1, -1, &gi);
	check_sound(lab, st);
	if (lab_read_gpu(lab, gpu, &g) >= 0 && g.gi[0].used)
		(void)lab_gi_destroy(lab, gpu, g.gi[0].id, g.gi[0].generation);
	(void)lab_gpu_reset(lab, gpu);
	check_sound(lab, st);
	(void)lab_reboot(lab, NULL);
	(void)lab_fault_clear(lab, NULL, 0, NULL);
	check_sound(lab, st);
}

/* "lab check" says all that is wrong, and a line is a line. */
static void told(void *arg, bool breach, const char *sentence)
{
	(void)arg;
	(void)breach;
	caller_check(sentence[0] && !strchr(sentence, '\n'), sentence, "told");
}

/* Nothing is wrong with it. */
static bool check_file(const struct image *im)
{
	struct mig_error err = { 0 };
	struct lab_look look;
	int r = lab_check_file(im->path, told, NULL, &look, &err);

	if (r < 0)
		caller_check(strstr(err.msg, im->dir) && !strchr(err.msg, '\n'), err.msg,
			     "refused");
	return r == 0;
}

static void use(const struct image *im, unsigned which)
{
	struct lab_state *st = calloc(1, sizeof(*st));
	struct mig_error err = { 0 };
	bool good = check_file(im), nameless;
	struct lab *lab = NULL;

	CHECK(st != NULL);
	if (lab_open(im->dir, 0, &lab, &err) < 0) {
		caller_check(!good, err.msg, "lab check found nothing wrong");
		caller_check(strstr(err.msg, im->dir) && !strchr(err.msg, '\n'), err.msg,
			     "refused");
		free(st);
		return;
	}
	CHECK(lab != NULL);
	/* Its clients are alive: this process is said to be all of them. */
	lab->map->mine = UINT64_MAX;
	lab->map->mine_pid = getpid();
	check_sound(lab, st);
	read_lab(lab);
	if (!read_trouble(lab, &nameless))
		((struct lab_header *)(void *)im->file)->watch = 0;
	ask_driver(im, which, nameless);
	change_lab(lab, which, st);
	lab_close(lab);
	free(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned flags = (unsigned)take(&in, 1), which = (unsigned)take(&in, 1),
		 n = (flags & 7) % FILES;
	struct image *im = &files[n];

	if (!im->file)
		make_file(n);
	CHECK(!truncate(im->path, (off_t)im->size));
	memcpy(im->file, im->saved, im->size);
	if (flags & RAW) {
		size_t all = in.left < im->size ? in.left : im->size;

		memcpy(im->file, in.at, all);
		CHECK(!truncate(im->path, (off_t)all));
	} else {
		for (unsigned i = 0; i < EDITS && in.left; i++)
			edit(&in, im);
		make_right(im, flags);
	}
	use(im, which);
	forget();
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
