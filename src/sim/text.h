/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_TEXT_H
#define MIGKIT_SIM_TEXT_H

#include <string.h>

/*
 * Text of the parts that answers are made of. snprintf takes longer than all else that a reading
 * call does. What has no room is left out, and a NUL ends what is there.
 */
struct sim_text {
	char *to;
	size_t room; /* more than 0; with the NUL */
	size_t n;
};

static inline void sim_put_char(struct sim_text *t, char c)
{
	if (t->n + 1 < t->room)
		t->to[t->n++] = c;
	t->to[t->n] = '\0';
}

static inline void sim_put(struct sim_text *t, const char *s)
{
	size_t n = strlen(s);

	if (n > t->room - 1 - t->n)
		n = t->room - 1 - t->n;
	memcpy(t->to + t->n, s, n);
	t->n += n;
	t->to[t->n] = '\0';
}

/*
 * The same of a literal: its length is known, so that it is copied by a few stores instead of a
 * call, with its NUL. size: with that.
 */
#define SIM_PUT(t, literal) sim_put_literal(t, "" literal, sizeof(literal))

static inline __attribute__((always_inline)) void sim_put_literal(struct sim_text *t, const char *s,
								  size_t size)
{
	if (size <= t->room - t->n) {
		memcpy(t->to + t->n, s, size);
		t->n += size - 1;
	} else {
		sim_put(t, s);
	}
}

static inline void sim_put_number(struct sim_text *t, unsigned v)
{
	char digits[11];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	sim_put(t, digits + i);
}

/* As the driver names profiles: "MIG 1g.10gb". */
static inline void sim_put_mig(char *to, size_t room, const char *profile)
{
	struct sim_text t = { .to = to, .room = room };

	sim_put(&t, "MIG ");
	sim_put(&t, profile);
}

/* At least that many digits. */
static inline void sim_put_hex(struct sim_text *t, unsigned v, unsigned digits)
{
	unsigned n = digits;

	while (n < 8 && v >> (4 * n))
		n++;
	while (n--)
		sim_put_char(t, "0123456789ABCDEF"[v >> (4 * n) & 15]);
}

/* "00000000:07:00.0": domain, bus, device; the driver tells of no function but the first. */
static inline void sim_put_bus_id(char *to, size_t room, unsigned domain, unsigned digits,
				  unsigned bus, unsigned device)
{
	struct sim_text t = { .to = to, .room = room };

	sim_put_hex(&t, domain, digits);
	sim_put_char(&t, ':');
	sim_put_hex(&t, bus, 2);
	sim_put_char(&t, ':');
	sim_put_hex(&t, device, 2);
	sim_put(&t, ".0");
}

#endif
