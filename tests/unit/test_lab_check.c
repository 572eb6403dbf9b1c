/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/file.h>

#include "base/util.h"
#include "lab/format.h"
#include "unit/client_fixture.h"

/*
 * lab_check_file() on a lab in use, of which one thing after the other is broken: bytes of its
 * state file are edited and all sums computed anew, so that only the check itself can see it. Each
 * must be told, and nothing else; and no sentence in src/lab/check*.c may be without such a case.
 */

enum part { HEADER, CONST, STATE, TROUBLE };

struct edit {
	enum part part;
	size_t offset, size;
	uint64_t value;
};

#define EDIT(part, type, field, value)                                                 \
	{                                                                              \
		part, offsetof(struct type, field), sizeof(((struct type *)0)->field), \
			(uint64_t)(value)                                              \
	}
#define H(field, value) EDIT(HEADER, lab_header, field, value)
#define C(field, value) EDIT(CONST, lab_const, field, value)
#define S(field, value) EDIT(STATE, lab_state, field, value)
#define T(field, value) EDIT(TROUBLE, lab_trouble, field, value)

#define MAX_EDITS 4
#define MAX_TOLD  64

struct breach {
	struct edit edit[MAX_EDITS];
	const char *told[MAX_EDITS]; /* exactly these; "..." as the last: and others */
};

#include "unit/lab_breaches.h"

/* --- what is told --------------------------------------------------------------------------- */

struct told {
	unsigned n, notes;
	char text[MAX_TOLD][480], note[MAX_TOLD][480];
};

static char *seen[4096]; /* every sentence that was ever told */
static unsigned n_seen;

static void keep(void *arg, bool breach, const char *sentence)
{
	struct told *t = arg;

	if (breach && t->n < MAX_TOLD)
		snprintf(t->text[t->n++], sizeof(t->text[0]), "%s", sentence);
	if (!breach && t->notes < MAX_TOLD)
		snprintf(t->note[t->notes++], sizeof(t->note[0]), "%s", sentence);
	if (n_seen < ARRAY_SIZE(seen))
		seen[n_seen++] = strdup(sentence);
}

static void check_path(const char *path, struct told *ret)
{
	struct mig_error err = { 0 };
	struct lab_look look;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = lab_check_file(path, keep, ret, &look, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK(r >= 0);
	CHECK(r >= (int)ret->n && (ret->n == MAX_TOLD || r == (int)ret->n));
}

static void show(const struct told *t)
{
	for (unsigned i = 0; i < t->n; i++)
		fprintf(stderr, "told: %s\n", t->text[i]);
	for (unsigned i = 0; i < t->notes; i++)
		fprintf(stderr, "note: %s\n", t->note[i]);
}

static void expect_fine(const char *path, unsigned notes)
{
	struct told t;

	check_path(path, &t);
	if (t.n || t.notes != notes)
		show(&t);
	CHECK_EQ(t.n, 0);
	CHECK_EQ(t.notes, notes);
}

/* Whether the sentence is among what was told; of a folder, the path is not compared. */
static bool was_told(const struct told *t, const char *sentence)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strstr(t->text[i], sentence))
			return true;
	return false;
}

/* --- the file ------------------------------------------------------------------------------- */

struct image {
	uint8_t *bytes;
	size_t size;
};

static void read_file(const char *path, struct image *ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && !fstat(fd, &st));
	ret->size = (size_t)st.st_size;
	ret->bytes = malloc(ret->size);
	CHECK(ret->bytes && read(fd, ret->bytes, ret->size) == st.st_size);
	close(fd);
}

static void write_file(const char *path, const struct image *image)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, image->bytes, image->size) == (ssize_t)image->size);
	close(fd);
}

static struct lab_header *header_of(const struct image *image)
{
	return (struct lab_header *)(void *)image->bytes;
}

static uint8_t *part_of(const struct image *image, enum part part)
{
	const struct lab_header *h = header_of(image);

	switch (part) {
	case CONST:
		return image->bytes + h->const_offset;
	case STATE:
		return image->bytes + h->copy_offset[h->seq % 2] + 8;
	case TROUBLE:
		return image->bytes + h->trouble_offset[h->trouble_seq % 2] + 8;
	default:
		return image->bytes;
	}
}

static void put_sum(uint8_t *copy, size_t size)
{
	uint64_t sum = lab_copy_sum(copy, size);

	memcpy(copy - 8, &sum, 8);
}

/* Both copies alike, so that nothing is told twice. */
static void same_copies(struct image *image)
{
	const struct lab_header *h = header_of(image);

	memcpy(image->bytes + h->copy_offset[(h->seq + 1) % 2],
	       image->bytes + h->copy_offset[h->seq % 2], 8 + h->copy_size);
}

/* Little endian, as all machines that this is built for. */
static void edit(struct image *image, const struct edit *e)
{
	struct lab_header *h = header_of(image);
	uint8_t *part = part_of(image, e->part);

	for (size_t i = 0; i < e->size; i++)
		part[e->offset + i] = e->value == FILL ? 0xff
				      : i < 8	       ? (uint8_t)(e->value >> 8 * i)
						       : 0;
	if (e->part == STATE) {
		put_sum(part, h->copy_size);
		same_copies(image);
	}
	if (e->part == TROUBLE)
		put_sum(part, h->trouble_size);
	if (e->part == CONST)
		h->const_sum = lab_sum(part, h->const_size);
	h->header_sum = lab_sum(h, offsetof(struct lab_header, header_sum));
}

static bool as_told(const struct breach *b, const struct told *t)
{
	unsigned n = 0;

	for (; n < MAX_EDITS && b->told[n]; n++) {
		if (!strcmp(b->told[n], "..."))
			return t->n > n;
		if (!was_told(t, b->told[n]))
			return false;
	}
	return t->n == n;
}

/* Opening must refuse a breach of the state or the tables as well: a program reads by them. */
static void refused_by_open(const struct fixture *f, const char *state)
{
	struct mig_error err = { 0 };
	char dir[400], path[440];
	struct lab *lab = NULL;
	struct image image;

	snprintf(dir, sizeof(dir), "%s/opened", f->base);
	(void)mkdir(dir, 0755);
	snprintf(path, sizeof(path), "%s/" LAB_STATE_FILE, dir);
	read_file(state, &image);
	(void)unlink(path); /* a new inode: what a process has mapped is never replaced */
	write_file(path, &image);
	free(image.bytes);
	CHECK(lab_open(dir, 0, &lab, &err) < 0);
	CHECK(err.msg[0] != '\0');
}

static void each_breach(const struct fixture *f, const char *state)
{
	struct image good;
	char broken[400];

	snprintf(broken, sizeof(broken), "%s/broken", f->base);
	read_file(state, &good);
	same_copies(&good);
	write_file(broken, &good);
	expect_fine(broken, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(breaches); i++) {
		const struct breach *b = &breaches[i];
		struct image bad = { malloc(good.size), good.size };
		bool of_file = false;
		struct told t;

		memcpy(bad.bytes, good.bytes, good.size);
		for (unsigned e = 0; e < MAX_EDITS && b->edit[e].size; e++) {
			edit(&bad, &b->edit[e]);
			of_file = of_file || !(b->edit[e].part == CONST ||
					       (b->edit[e].part == STATE && b->edit[e].offset));
		}
		write_file(broken, &bad);
		free(bad.bytes);
		check_path(broken, &t);
		if (!as_told(b, &t)) {
			fprintf(stderr, "case %u, wanted: %s\n", i, b->told[0]);
			show(&t);
		}
		CHECK(as_told(b, &t));
		if (!of_file)
			refused_by_open(f, broken);
	}
	printf("%zu edits of a state file, each told\n", ARRAY_SIZE(breaches));
	free(good.bytes);
}

/* --- what no edit of a state shows ---------------------------------------------------------- */

static void flip(struct image *image, size_t at)
{
	image->bytes[at] ^= 0x10;
}

/* Copies that are torn, and the words around them. */
static void torn_copies(const struct fixture *f, const char *state)
{
	struct image image;
	struct told t;
	char path[400];
	struct lab_header *h;
	size_t now, idle, trouble;

	snprintf(path, sizeof(path), "%s/torn", f->base);
	read_file(state, &image);
	h = header_of(&image);
	now = h->copy_offset[h->seq % 2] + 4000;
	idle = h->copy_offset[(h->seq + 1) % 2] + 4000;
	trouble = h->trouble_offset[h->trouble_seq % 2] + 400;

	flip(&image, idle); /* what a killed writer leaves */
	write_file(path, &image);
	expect_fine(path, 1);
	flip(&image, now);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 1);
	CHECK_STR(t.text[0], "neither copy of its state is whole");
	flip(&image, idle);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 1);
	CHECK(strstr(t.text[0], "the present copy of its state is torn") != NULL);
	flip(&image, now);
	flip(&image, trouble);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 1);
	CHECK(strstr(t.text[0], "the present copy of its trouble is torn") != NULL);
	flip(&image, trouble);
	flip(&image, h->const_offset + 3);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 1);
	CHECK_STR(t.text[0], "the checksum of its board tables does not match");
	flip(&image, h->const_offset + 3);
	write_file(path, &image);
	expect_fine(path, 0);
	free(image.bytes);
}

/* The state before is held against the same: nobody reads it, and somebody wrote it. */
static void idle_copy(const struct fixture *f, const char *state)
{
	struct lab_state *st;
	struct image image;
	struct told t;
	char path[400];
	struct lab_header *h;

	snprintf(path, sizeof(path), "%s/idle", f->base);
	read_file(state, &image);
	h = header_of(&image);
	st = (struct lab_state *)(void *)(image.bytes + h->copy_offset[(h->seq + 1) % 2] + 8);
	st->gpu[0].compute_mode = 2;
	st->seq = h->seq + 2;
	put_sum((uint8_t *)st, h->copy_size);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 2);
	CHECK(was_told(&t, "the idle copy of its state: it is of change"));
	CHECK(was_told(&t, "the idle copy of its state: GPU 0: it is in MIG mode, and its compute "
			   "mode is 2"));
	st->n_gpus = 5;
	put_sum((uint8_t *)st, h->copy_size);
	write_file(path, &image);
	check_path(path, &t);
	CHECK(was_told(&t, "the idle copy of its state: it has 5 GPUs"));
	free(image.bytes);
}

static void same_uuid(const struct fixture *f, const char *state)
{
	struct image image;
	struct lab_state *st;
	struct told t;
	char path[400];

	snprintf(path, sizeof(path), "%s/uuid", f->base);
	read_file(state, &image);
	st = (struct lab_state *)(void *)part_of(&image, STATE);
	memcpy(st->gpu[1].uuid, st->gpu[0].uuid, sizeof(st->gpu[0].uuid));
	put_sum((uint8_t *)st, header_of(&image)->copy_size);
	write_file(path, &image);
	check_path(path, &t);
	CHECK_EQ(t.n, 1);
	CHECK_STR(t.text[0], "GPU 1: it has the UUID of GPU 0");
	free(image.bytes);
}

static void expect(const char *path, unsigned n, const char *sentence)
{
	struct told t;

	check_path(path, &t);
	if (t.n != n || !was_told(&t, sentence)) {
		fprintf(stderr, "wanted: %s\n", sentence);
		show(&t);
	}
	CHECK_EQ(t.n, n);
	CHECK(was_told(&t, sentence));
}

static void in_folder(const struct fixture *f, const char *name, char ret[700])
{
	snprintf(ret, 700, "%s/%s", f->dir, name);
}

static void put_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	CHECK(out && fputs(text, out) >= 0 && !fclose(out));
}

/* Files of the machine, one moved away after the other. GPU 0 has gi1, gi12 and gi13. */
static void machine_files(const struct fixture *f)
{
#define CAPS "proc/driver/nvidia/capabilities"
	char a[700], b[700];

	in_folder(f, "aside", b);
	in_folder(f, CAPS "/gpu0/mig/gi12/ci0", a);
	CHECK(!rename(a, b));
	expect(f->dir, 1, "GPU 0: the capability's folder of gi12/ci0 is missing");
	CHECK(!rename(b, a));
	in_folder(f, CAPS "/gpu0/mig/gi13", a);
	CHECK(!rename(a, b));
	expect(f->dir, 2, "GPU 0: the capability's folder of gi13 is missing");
	CHECK(!rename(b, a));
	in_folder(f, CAPS "/gpu1/mig/gi5", a);
	CHECK(!mkdir(a, 0755));
	expect(f->dir, 1, "GPU 1: there is a capability's folder of gi5, which is not there");
	CHECK(!rmdir(a));
	in_folder(f, CAPS "/gpu0/mig/gi13/ci3", a);
	CHECK(!mkdir(a, 0755));
	expect(f->dir, 1, "GPU 0: there is a capability's folder of gi13/ci3, which is not there");
	CHECK(!rmdir(a));
	in_folder(f, CAPS "/gpu0/mig/gi12/access", a);
	CHECK(!rename(a, b));
	put_text(a, "DeviceFileMinor: 7\nDeviceFileMode: 292\nDeviceFileModify: 1\n");
	expect(f->dir, 1,
	       "GPU 0: the capability's file of gi12 does not say that it is number 111");
	CHECK(!rename(b, a));
	in_folder(f, "dev/nvidia-caps/nvidia-cap112", a);
	CHECK(!rename(a, b));
	expect(f->dir, 1, "GPU 0: the node nvidia-cap112 of gi12/ci0 is missing");
	CHECK(!rename(b, a));
	in_folder(f, CAPS, a);
	CHECK(!rename(a, b));
	expect(f->dir, 1, "the files of its machine are missing");
	CHECK(!rename(b, a));
	in_folder(f, LAB_HOLDERS_FILE, a);
	CHECK(!rename(a, b));
	expect(f->dir, 1, "its file of holders cannot be opened");
	CHECK(!rename(b, a));
	expect_fine(f->dir, 0);
#undef CAPS
}

static void write_word(const char *path, size_t at, uint64_t value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && pwrite(fd, &value, sizeof(value), (off_t)at) == sizeof(value));
	close(fd);
}

static void words_of_files(const struct fixture *f, const char *state)
{
	const size_t seq = offsetof(struct lab_header, root_seq),
		     boot = offsetof(struct lab_header, root_boot);
	struct image image;

	read_file(state, &image);
	write_word(state, boot, 9);
	expect(f->dir, 1, "the nodes of its machine are of boot 9, and this is boot 1");
	write_word(state, boot, header_of(&image)->root_boot);
	write_word(state, seq, UINT64_MAX); /* of a process that died between the files */
	expect_fine(f->dir, 1);
	write_word(state, seq, header_of(&image)->root_seq);
	free(image.bytes);
}

/* A process that holds the byte of a slot in which no client is. */
static void stray_holder(const struct fixture *f)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 64 + 9, .l_len = 1 };
	char path[700], byte;
	int ready[2];
	pid_t pid;

	in_folder(f, LAB_HOLDERS_FILE, path);
	CHECK(!pipe(ready));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fcntl(fd, F_SETLK, &l) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	expect(f->dir, 1, "a process lives as client 9, which is not there");
	client_kill(pid);
	close(ready[0]);
	close(ready[1]);
	expect_fine(f->dir, 0);
}

/* A writer that was stopped with the lock, for good: an error that says so, and not a wait. */
static void held_lock(const char *dir, const char *state)
{
	struct mig_error err = { 0 };
	struct lab_look look;
	struct told t = { 0 };
	char byte;
	int ready[2];
	pid_t pid;

	CHECK(!pipe(ready));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		int fd = open(state, O_RDONLY | O_CLOEXEC);

		if (flock(fd, LOCK_EX) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK_EQ(lab_check_file(dir, keep, &t, &look, &err), -EBUSY);
	CHECK(strstr(err.msg, "has been held for") != NULL);
	client_kill(pid);
	close(ready[0]);
	close(ready[1]);
	expect_fine(dir, 0);
}

/* --- every sentence has its case ------------------------------------------------------------ */

/* "%llu is %s" as the pattern "*[*]" of fnmatch: what a conversion printed is anything. */
static void to_pattern(const char *format, char *ret, size_t size)
{
	size_t n = 0;

	ret[n++] = '*';
	for (const char *p = format; *p && n + 2 < size; p++) {
		if (*p == '%') {
			p += 1 + strspn(p + 1, ".*0123456789lh");
			ret[n++] = '*';
		} else if (strchr("[]?*\\", *p)) {
			ret[n++] = '?';
		} else {
			ret[n++] = *p;
		}
	}
	ret[n] = '\0';
}

/* The next string literals after a call's first comma, joined; NULL: it has none. */
static const char *literal(const char *at, char *ret, size_t size)
{
	size_t n = 0;

	at = strchr(at, '"');
	while (at && *at == '"') {
		for (at++; *at && *at != '"' && n + 1 < size; at++)
			ret[n++] = *at;
		at += *at == '"';
		at += strspn(at, " \t\n");
		if (!strncmp(at, "LAB_ROOT_CAPS", 13)) {
			n += (size_t)snprintf(ret + n, size - n, "%%s");
			at += 13;
			at += strspn(at, " \t\n");
		}
	}
	ret[n] = '\0';
	return at;
}

static unsigned sentences_without(const char *path)
{
	unsigned missing = 0, calls = 0;
	struct image text;
	char *source;

	read_file(path, &text);
	source = strndup((char *)text.bytes, text.size);
	free(text.bytes);
	CHECK(source != NULL);
	for (const char *at = source; (at = strstr(at, "lab_breach(")); at++) {
		char format[480], pattern[640];
		bool found = false;

		if (!strncmp(at, "lab_breach(struct", 17))
			continue;
		(void)literal(at, format, sizeof(format));
		to_pattern(format, pattern, sizeof(pattern));
		for (unsigned i = 0; i < n_seen && !found; i++)
			found = !fnmatch(pattern, seen[i], 0);
		if (!found && strcmp(format, "%s") != 0) {
			fprintf(stderr, "%s: no case for: %s\n", path, format);
			missing++;
		}
		calls++;
	}
	CHECK(calls > 0);
	free(source);
	return missing;
}

static void every_sentence(void)
{
	static const char *const files[] = { "check",	  "check_const", "check_file",
					     "check_gpu", "check_root",	 "check_trouble" };
	const char *source = getenv("MIGKIT_SOURCE");
	unsigned missing = 0;

	CHECK(source != NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		char path[600];

		snprintf(path, sizeof(path), "%s/src/lab/%s.c", source, files[i]);
		/* Its definition and prototype are no calls. */
		missing += sentences_without(path);
	}
	CHECK_EQ(missing, 0);
}

/* --- the lab -------------------------------------------------------------------------------- */

static void order_fault(struct lab *lab)
{
	struct lab_fault fault = {
		.does = LAB_FAULT_RETURN, .code = 19, .gpu = -1, .first = 1, .last = 1, .every = 1
	};

	fault.calls[0] = 1;
	CHECK_EQ(lab_fault_add(lab, &fault, NULL), 0);
}

/*
 * GPU 0: 3g.40gb and two 1g.10gb, each with a compute instance; a client on gi12. GPU 1: MIG off,
 * accounting on, one client that runs and one that has ended. A fault.
 */
static void make_lab(struct fixture *f, pid_t clients[2])
{
	struct lab_made gi, ci;
	struct lab *lab;
	struct lab_gpu gpu;

	fixture_lab(f, "a100-80gb-pcie", "580.65.06", 2, MIG_NUMBERING_I);
	lab = fixture_open(f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	CHECK_EQ(lab_set_accounting(lab, 1, true), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 9, 0, -1, &gi), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 19, 4, -1, &gi), 0);
	CHECK_EQ(gi.id, 11);
	CHECK_EQ(lab_gi_destroy(lab, 0, 11, 2), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 19, 5, -1, &gi), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 19, 6, -1, &gi), 0);
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(lab_ci_create(lab, 0, gpu.gi[i].id, gpu.gi[i].generation, i ? 0 : 2, -1,
				       -1, &ci),
			 0);
	clients[0] = client_start(f, 1, -1, -1);
	client_kill(clients[0]);
	clients[0] = client_start(f, 1, -1, -1);
	clients[1] = client_start(f, 0, 12, 0);
	order_fault(lab);
	lab_close(lab);
}

int main(void)
{
	struct fixture f;
	char state[400];
	pid_t clients[2];

	make_lab(&f, clients);
	snprintf(state, sizeof(state), "%s/" LAB_STATE_FILE, f.dir);
	expect_fine(f.dir, 0);
	each_breach(&f, state);
	torn_copies(&f, state);
	idle_copy(&f, state);
	same_uuid(&f, state);
	machine_files(&f);
	words_of_files(&f, state);
	stray_holder(&f);
	held_lock(f.dir, state);
	client_kill(clients[0]);
	expect_fine(f.dir, 1);
	client_kill(clients[1]);
	expect_fine(f.dir, 2);
	every_sentence();
	fixture_end(&f);
	return 0;
}
