/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/parse.h"

/*
 * strtoul and sscanf are not used: newer C libraries turn them into symbols (__isoc23_*) that the
 * library must not need (glibc 2.28 is the limit).
 */
static bool hex(const char **text, unsigned *ret)
{
	unsigned v = 0, digits = 0;

	for (;; (*text)++, digits++) {
		char c = **text;
		unsigned d;

		if (c >= '0' && c <= '9')
			d = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			d = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			d = (unsigned)(c - 'A') + 10;
		else
			break;
		if (digits == 8)
			return false;
		v = v << 4 | d;
	}
	*ret = v;
	return digits > 0;
}

bool sim_parse_bus_id(const char *text, struct sim_bus_id *ret)
{
	unsigned part[3] = { 0 };
	unsigned n = 0, function = 0;

	for (;;) {
		if (!hex(&text, &part[n++]))
			return false;
		if (*text != ':')
			break;
		if (n == 3)
			return false;
		text++;
	}
	if (n < 2)
		return false;
	if (*text++ != '.' || !hex(&text, &function) || *text)
		return false;
	ret->domain = n == 3 ? part[0] : 0;
	ret->bus = part[n - 2];
	ret->device = part[n - 1];
	ret->function = function;
	return true;
}
