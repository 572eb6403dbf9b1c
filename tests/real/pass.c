/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A libnvidia-ml.so.1 that hands calls on to the real one and writes what was called:
 *
 *	PID NAME STATUS MICROSECONDS [UUID that an export table was asked by] [BLOCKED]
 *
 * It is a guard as well. Only names that read (tests/real/reading.py has the list) are handed on;
 * any other is answered with NO_PERMISSION here and written as BLOCKED, so that not even root could
 * change a GPU by a mistake of the program before it. -DPASS_OPEN makes one without that, for the
 * tests of this file on simulated GPUs.
 *
 * It knows names only. The arguments stay where they are, in registers and on the stack, and the
 * return address is exchanged for one of ours, so that calls which nobody here has heard of pass as
 * well. NVML's private tables are functions without names: who asked for one is written, what it
 * then calls is not seen.
 *
 * NVML_PASS_REAL  path of the library that answers
 * NVML_PASS_LOG   file that lines are appended to
 * NVML_PASS_LAB   for trials on a lab: chooses it for the simulated library behind us, which then
 *                 hides that it is one, so that migctl takes it for a driver
 */
#if !defined(__x86_64__)
#error "written for x86-64, as the machines with a driver are that it is used on"
#endif

enum { DEEP = 16, NO_PERMISSION = 4, NOT_FOUND = 6, FUNCTION_NOT_FOUND = 13 };

static const char *const names[] = {
#define NAME(symbol, reads) #symbol,
#include "pass_names.h"
#undef NAME
};
static const uint8_t may_pass[] = {
#define NAME(symbol, reads) reads,
#include "pass_names.h"
#undef NAME
};
static void *real[sizeof(names) / sizeof(*names)];

/* A call on its way: NVML calls its own entries by other paths, so one per thread is the rule. */
struct under_way {
	void *back;
	unsigned n;
	double since;
	char uuid[2 * 16 + 1];
	int blocked;
};
static _Thread_local struct under_way calls[DEEP];
static _Thread_local unsigned depth;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *log_path;
static int lab_chosen;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The driver's library would print of the call that it lacks; a program asks by dlsym, or gets
 * this.
 */
static int missing(void)
{
	return FUNCTION_NOT_FOUND;
}

static int no_table(void)
{
	return NOT_FOUND;
}

static int no_permission(void)
{
	return NO_PERMISSION;
}

static void begin(void)
{
	const char *path = getenv("NVML_PASS_REAL");
	const char *lab = getenv("NVML_PASS_LAB");
	void *library;

	log_path = getenv("NVML_PASS_LOG");
	if (lab) {
		setenv("MIGKIT_LAB", lab, 1);
		lab_chosen = 1;
	}
	library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!library) {
		fprintf(stderr, "pass: NVML_PASS_REAL (%s): %s\n", path ? path : "not set",
			path ? dlerror() : "it names the library that answers");
		abort();
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		real[i] = dlsym(library, names[i]);
		if (!real[i])
			real[i] = (void *)missing;
	}
}

/* migkit's own table of a simulated library (src/nvml/migkit_export.h); a driver has none such. */
static const char own_table[] = "9a2e417d5c0b4e6b8d316d69676b6974";

/* Who answers: the library behind, or one of the refusals above. */
static void *who_answers(struct under_way *c, const uint8_t *uuid)
{
	int pass = may_pass[c->n];

	if (!strcmp(names[c->n], "nvmlInternalGetExportTable")) {
		for (unsigned i = 0; uuid && i < 16; i++)
			snprintf(c->uuid + 2 * i, 3, "%02x", uuid[i]);
		pass = !strcmp(c->uuid, own_table);
		if (pass && lab_chosen)
			return (void *)no_table;
	}
#ifdef PASS_OPEN
	pass = 1;
#endif
	c->blocked = !pass;
	return pass ? real[c->n] : (void *)no_permission;
}

__attribute__((used, visibility("hidden"))) void *pass_before(unsigned n, void *back,
							      const void *second)
{
	struct under_way *c = &calls[depth];
	void *answers;

	pthread_once(&once, begin);
	if (depth == DEEP) {
		fprintf(stderr, "pass: more than %d calls within each other\n", DEEP);
		abort();
	}
	depth++;
	*c = (struct under_way){ .back = back, .n = n };
	answers = who_answers(c, second);
	c->since = now();
	return answers;
}

__attribute__((used, visibility("hidden"))) void *pass_after_call(unsigned long status)
{
	double end = now();
	struct under_way *c = &calls[--depth];
	char line[160];
	int fd, len;

	if (!log_path)
		return c->back;
	/* nvmlErrorString answers no status. */
	len = snprintf(line, sizeof(line), "%d %s %d %.1f%s%s%s\n", (int)getpid(), names[c->n],
		       !strcmp(names[c->n], "nvmlErrorString") ? 0 : (int)status, end - c->since,
		       c->uuid[0] ? " " : "", c->uuid, c->blocked ? " BLOCKED" : "");
	fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	/* A call that is not written would make a proof of what was called worthless. */
	if (fd < 0 || write(fd, line, (size_t)len) != len) {
		fprintf(stderr, "pass: NVML_PASS_LOG (%s) cannot be written\n", log_path);
		abort();
	}
	close(fd);
	return c->back;
}

/* What all entries have in common: [rsp] is the number of the name, [rsp + 8] the way back. */
__asm__(".text\n"
	"pass_enter:\n"
	"	push %rdi\n	push %rsi\n	push %rdx\n	push %rcx\n	push %r8\n	push %r9\n"
	"	mov %rsi, %rdx\n"
	"	mov 56(%rsp), %rsi\n"
	"	mov 48(%rsp), %rdi\n"
	"	call pass_before\n"
	"	mov %rax, %r11\n"
	"	pop %r9\n	pop %r8\n	pop %rcx\n	pop %rdx\n	pop %rsi\n	pop %rdi\n"
	"	lea pass_back(%rip), %rax\n"
	"	mov %rax, 8(%rsp)\n"
	"	add $8, %rsp\n"
	"	xor %eax, %eax\n"
	"	jmp *%r11\n"
	"pass_back:\n"
	"	push %rax\n"
	"	sub $8, %rsp\n"
	"	mov %rax, %rdi\n"
	"	call pass_after_call\n"
	"	add $8, %rsp\n"
	"	mov %rax, %r11\n"
	"	pop %rax\n"
	"	jmp *%r11\n"
	".macro ENTRY name, n\n"
	"	.globl \\name\n"
	"	.type \\name, @function\n"
	"\\name:\n"
	"	push $\\n\n"
	"	jmp pass_enter\n"
	"	.size \\name, . - \\name\n"
	".endm\n");
#include "pass_entries.h"
