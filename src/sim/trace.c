/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a call to who traces the lab. */
#include "sim/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/calls.h"
#include "lab/trace.h"
#include "nvml/trace_msg.h"
#include "sim/trace_args.h"

#define PAGE	  4096u
#define MAX_WORDS 256u /* of a text */
#define MAX_PART  8192u
#define MAX_PAGES (MAX_PART / PAGE + 2)

/* --- memory of the program ------------------------------------------------------------------ */

/* Where the kernel does not answer: nothing is sure, this memory is, or a text in it up to its end.
 */
enum trust { UNSURE, SURE, SURE_TEXT };

/*
 * Copies what a pointer leads to, as far as it leads anywhere: a program may have passed anything
 * where the call looked at nothing. The kernel is asked, which answers where a look of our own
 * would be the end of the program. trust: the call itself has just used this memory.
 */
static size_t copy_memory(void *to, const void *from, size_t size, enum trust trust)
{
	struct iovec local = { .iov_base = to, .iov_len = size }, remote[MAX_PAGES];
	uintptr_t at = (uintptr_t)from;
	size_t left = size;
	unsigned n = 0;
	ssize_t r;

	/* What was read is told by whole entries: by pages, all before the first that is not there.
	 */
	for (; left && n < MAX_PAGES; n++) {
		size_t page = PAGE - at % PAGE;

		if (page > left)
			page = left;
		remote[n] = (struct iovec){ .iov_base = (void *)at, .iov_len = page };
		at += page;
		left -= page;
	}
	r = process_vm_readv(getpid(), &local, 1, remote, n, 0);
	if (r >= 0)
		return (size_t)r;
	/* In a sandbox that forbids to ask. */
	if (errno == EFAULT || trust == UNSURE)
		return 0;
	if (trust == SURE_TEXT)
		size = strnlen(from, size - 1) + 1;
	memcpy(to, from, size);
	return size;
}

/* --- the message ---------------------------------------------------------------------------- */

struct message {
	uint8_t *data; /* NVML_TRACE_MAX */
	size_t size;
	struct nvml_trace_head head;
	const struct sim_arg *args;
	uint64_t value[NVML_TRACE_MAX_ARGS];
	bool done;   /* the call says that it wrote */
	bool counts; /* or that it wrote how many there are */
};

static enum trust trust(const struct message *m)
{
	return m->done ? SURE : UNSURE;
}

/* Room for a part; returns where its bytes go, NULL: there is none. */
static uint8_t *part_room(struct message *m, size_t *size)
{
	size_t used = m->size + sizeof(struct nvml_trace_part);

	if (m->head.n_parts == NVML_TRACE_MAX_PARTS || used + 8 > NVML_TRACE_MAX)
		return NULL;
	if (*size > MAX_PART)
		*size = MAX_PART;
	if (*size > NVML_TRACE_MAX - used)
		*size = NVML_TRACE_MAX - used;
	return m->data + used;
}

static void part_end(struct message *m, unsigned arg, size_t size, bool is_list, bool cut)
{
	const struct nvml_trace_part part = {
		.arg = (uint8_t)arg, .is_list = is_list, .cut = cut, .size = (uint32_t)size
	};
	size_t padded = (size + 7) & ~(size_t)7;

	memcpy(m->data + m->size, &part, sizeof(part));
	memset(m->data + m->size + sizeof(part) + size, 0, padded - size);
	m->size += sizeof(part) + padded;
	m->head.n_parts++;
}

/* Returns the bytes in the message, of which there are *size; NULL: none could be read. */
static const uint8_t *add_memory(struct message *m, unsigned arg, const void *from, size_t *size,
				 bool is_list)
{
	size_t wanted = *size, room = wanted;
	uint8_t *to = part_room(m, &room);

	if (!to || !wanted)
		return NULL;
	*size = copy_memory(to, from, room, trust(m));
	if (!*size)
		return NULL;
	part_end(m, arg, *size, is_list, *size < wanted);
	return to;
}

/* Up to its end; the memory behind it is not ours to show. */
static void add_text(struct message *m, unsigned arg, const void *from, size_t limit)
{
	size_t room = limit < MAX_WORDS ? limit : MAX_WORDS, n, have;
	uint8_t *to = part_room(m, &room);

	if (!to || !room)
		return;
	have = copy_memory(to, from, room, m->done ? SURE_TEXT : UNSURE);
	n = strnlen((const char *)to, have);
	if (have)
		part_end(m, arg, n, false, n == have);
}

/* --- arguments ------------------------------------------------------------------------------ */

static uint32_t word_at(const uint8_t *data, size_t size, size_t offset)
{
	uint32_t word = 0;

	if (offset + sizeof(word) <= size)
		memcpy(&word, data + offset, sizeof(word));
	return word;
}

/* The number that counts an argument's list. */
static size_t counted(struct message *m, const struct sim_arg *a)
{
	uint32_t n = 0;

	if (a->role == SIM_ARG_LIST_VALUE || a->role == SIM_ARG_LIST_BYTES ||
	    a->role == SIM_ARG_TEXT)
		return (uint32_t)m->value[a->ref];
	if (m->value[a->ref])
		(void)copy_memory(&n, (const void *)(uintptr_t)m->value[a->ref], sizeof(n),
				  trust(m));
	return n;
}

/* How much of a struct there is: callers of another NVML may have a shorter one. */
static size_t struct_size(const struct message *m, const struct sim_arg *a, const void *from)
{
	uint32_t word = 0;

	if (a->versioned && copy_memory(&word, from, sizeof(word), trust(m)) == sizeof(word) &&
	    !word)
		word = m->head.version;
	if (a->versioned && (word & 0xffffffu) >= sizeof(word) && (word & 0xffffffu) < a->size)
		return word & 0xffffffu;
	if (a->tail &&
	    copy_memory(&word, (const uint8_t *)from + a->list_count, sizeof(word), trust(m)) ==
		    sizeof(word) &&
	    word < (a->size - a->tail) / a->list_size)
		return a->tail + (size_t)word * a->list_size;
	return a->size;
}

static void add_struct(struct message *m, unsigned arg, const struct sim_arg *a, const void *from)
{
	size_t size = struct_size(m, a, from);
	const uint8_t *data = add_memory(m, arg, from, &size, false);
	const void *list = NULL;

	if (!data || !a->list || !m->done || a->list + sizeof(list) > size)
		return;
	memcpy(&list, data + a->list, sizeof(list));
	size = (size_t)word_at(data, size, a->list_count) * a->list_size;
	if (list)
		(void)add_memory(m, arg, list, &size, true);
}

static void add_argument(struct message *m, unsigned arg)
{
	const struct sim_arg *a = &m->args[arg];
	const void *from = (const void *)(uintptr_t)m->value[arg];
	size_t size = a->size;

	if (!from)
		return;
	switch ((enum sim_arg_role)a->role) {
	case SIM_ARG_SHORT:
	case SIM_ARG_WIDE:
	case SIM_ARG_HANDLE:
		return;
	case SIM_ARG_WORDS:
		return add_text(m, arg, from, MAX_WORDS);
	case SIM_ARG_IN:
		return add_struct(m, arg, a, from);
	case SIM_ARG_INOUT:
		size = sizeof(uint32_t);
		if (m->done)
			add_struct(m, arg, a, from);
		else
			(void)add_memory(m, arg, from, &size, false);
		return;
	case SIM_ARG_COUNT:
		if (m->done || m->counts)
			(void)add_memory(m, arg, from, &size, false);
		return;
	default:
		break;
	}
	if (!m->done)
		return;
	switch ((enum sim_arg_role)a->role) {
	case SIM_ARG_TEXT:
	case SIM_ARG_TEXT_COUNTED:
		return add_text(m, arg, from, counted(m, a));
	case SIM_ARG_TEXT_OPEN:
		return add_text(m, arg, from, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE);
	case SIM_ARG_LIST:
	case SIM_ARG_LIST_VALUE:
		size = counted(m, a) * a->size;
		break;
	case SIM_ARG_LIST_BYTES:
		size = counted(m, a);
		break;
	default:
		return add_struct(m, arg, a, from);
	}
	(void)add_memory(m, arg, from, &size, false);
}

/* A handle that a failed call was given, of something that is not there (any more). */
static bool is_stale(uint64_t value)
{
	struct sim_ref ref;
	struct sim_dev dev;
	void *handle = (void *)(uintptr_t)value;

	if (!sim_ref(handle, &ref))
		return false;
	switch (ref.kind) {
	case SIM_GI:
		return sim_gi(handle, &dev) == NVML_ERROR_INVALID_ARGUMENT;
	case SIM_CI:
		return sim_ci(handle, &dev) == NVML_ERROR_INVALID_ARGUMENT;
	case SIM_GPU:
	case SIM_MIG:
	case SIM_CI_DEVICE:
		return sim_device(handle, &dev) == NVML_ERROR_INVALID_ARGUMENT;
	default:
		return false;
	}
}

static void take_values(struct message *m, unsigned n, va_list *list)
{
	for (unsigned i = 0; i < n; i++) {
		/* clang-tidy looks at va_arg's list alone, and not at the type that is taken. */
		if (m->args[i].role == SIM_ARG_SHORT) /* NOLINTNEXTLINE(bugprone-branch-clone) */
			m->value[i] = va_arg(*list, unsigned);
		else if (m->args[i].role == SIM_ARG_WIDE)
			m->value[i] = va_arg(*list, unsigned long long);
		else
			m->value[i] = (uint64_t)(uintptr_t)va_arg(*list, void *);
		if (m->args[i].role == SIM_ARG_HANDLE && m->head.status != NVML_SUCCESS &&
		    is_stale(m->value[i]))
			m->head.stale |= 1u << i;
	}
}

/* --- who, and which ------------------------------------------------------------------------- */

/* The last traced call of this process: of which trace and process, 32 bits; its number. */
static atomic_uint_fast64_t last;

/* Counts the calls of a process in a trace: a new trace and a forked child begin at 1. */
static uint32_t call_number(uint64_t trace)
{
	uint64_t which = (trace * 2654435761u ^ (uint32_t)getpid()) & UINT32_MAX;
	uint64_t before = atomic_load(&last), now;

	do
		now = before >> 32 == which ? before + 1 : which << 32 | 1;
	while (!atomic_compare_exchange_weak(&last, &before, now));
	return (uint32_t)now;
}

static void fill_head(struct nvml_trace_head *head, const struct sim_call *call, uint64_t trace)
{
	uint64_t now = lab_trace_clock_ns();
	struct timespec wall;

	memcpy(head->magic, NVML_TRACE_MAGIC, sizeof(head->magic));
	clock_gettime(CLOCK_REALTIME, &wall);
	head->duration_ns = now - call->start_ns;
	head->start_ns =
		(int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - (int64_t)head->duration_ns;
	head->trace = trace;
	head->pid = (uint32_t)getpid();
	head->tid = (uint32_t)syscall(SYS_gettid);
	head->number = call_number(trace);
	sim_process_name(head->process);
}

static void name_call(char ret[64], const struct sim_call *call)
{
	const char *name = call->number < lab_n_calls ? lab_calls[call->number].name : "";

	if (call->slot && call->slot != SIM_NO_SLOT)
		snprintf(ret, 64, "smi slot %u%s%s", call->slot, *name ? " " : "", name);
	else
		snprintf(ret, 64, "%s", name);
}

void sim_trace_before(struct sim_call *call, va_list args)
{
	struct message m = { .head.status = NVML_SUCCESS };
	int n = call->slot ? 0 : sim_args_of(call->number, &m.args), at = 0;
	va_list list;

	while (at < n && !m.args[at].versioned)
		at++;
	if (at >= n)
		return;
	va_copy(list, args);
	take_values(&m, (unsigned)n, &list);
	va_end(list);
	if (copy_memory(&call->version, (const void *)(uintptr_t)m.value[at], sizeof(call->version),
			UNSURE) != sizeof(call->version))
		call->version = 0;
}

/* list NULL: the arguments are not known. */
static void tell(const struct sim_call *call, nvmlReturn_t status, bool ordered, va_list *list)
{
	uint64_t trace = lab_trace_id(sim_lab());
	_cleanup_free_ uint8_t *data = NULL;
	struct message m = { .head.status = (int32_t)status };
	int n = list ? sim_args_of(call->number, &m.args) : -1;

	/* A call that began before the trace is none of it. */
	if (!trace || !call->start_ns)
		return;
	data = malloc(NVML_TRACE_MAX);
	fill_head(&m.head, call, trace);
	name_call(m.head.call, call);
	if (ordered)
		m.head.flags |= NVML_TRACE_ORDERED;
	m.head.version = call->version;
	m.done = status == NVML_SUCCESS && !ordered;
	m.counts = status == NVML_ERROR_INSUFFICIENT_SIZE && !ordered;
	if (n >= 0) {
		m.head.flags |= NVML_TRACE_ARGS;
		m.head.n_args = (uint16_t)n;
		take_values(&m, (unsigned)n, list);
	}
	m.data = data;
	m.size = sizeof(m.head) + m.head.n_args * sizeof(m.value[0]);
	for (unsigned i = 0; data && i < m.head.n_args; i++)
		add_argument(&m, i);
	m.head.size = (uint32_t)m.size;
	if (data) {
		memcpy(data, &m.head, sizeof(m.head));
		memcpy(data + sizeof(m.head), m.value, m.head.n_args * sizeof(m.value[0]));
	}
	lab_trace_send(sim_lab(), data, data ? m.size : 0);
}

void sim_trace(const struct sim_call *call, nvmlReturn_t status, bool ordered, va_list args)
{
	va_list list;

	va_copy(list, args);
	tell(call, status, ordered, call->slot ? NULL : &list);
	va_end(list);
}

void sim_trace_slot(unsigned slot, nvmlReturn_t status)
{
	const struct sim_call call = { .slot = slot,
				       .number = UINT_MAX,
				       .start_ns = lab_trace_clock_ns() };

	tell(&call, status, false, NULL);
}
