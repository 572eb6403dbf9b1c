/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/replay.h"
#include "observe/proc.h"

/*
 * What other users' processes say of themselves: command lines, cgroups, names of files. Any bytes
 * may come, and what goes on to a terminal and into JSON is text. The first byte chooses.
 */

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* UTF-8 without control characters that ends where the field does. */
static void check_text(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;

	check(strnlen(text, size) < size);
	while (*p) {
		unsigned n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
		unsigned code = n == 1 ? *p : *p & (0x7fu >> n);

		for (unsigned i = 1; i < n; i++) {
			check(p[i] >> 6 == 2);
			code = code << 6 | (p[i] & 0x3f);
		}
		check(code >= (const unsigned[]){ 0, 0x20, 0xa0, 0x800, 0x10000 }[n] &&
		      code != 0x7f && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
		p += n;
	}
}

static void try_cgroup(const char *text)
{
	struct mig_process p = { 0 };

	proc_cgroup(text, &p);
	check_text(p.unit, sizeof(p.unit));
	check_text(p.container, sizeof(p.container));
}

static void try_device(const char *path)
{
	struct proc_device d;

	if (!proc_device_by_name(path, &d))
		return;
	check(d.kind == PROC_GPU || d.kind == PROC_CAP || d.kind == PROC_COMMON);
	check(d.kind != PROC_COMMON || !d.minor);
	check_text(d.path, sizeof(d.path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[PROC_TEXT], out[64];

	if (!size || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 3) {
	case 0:
		try_cgroup(text);
		break;
	case 1:
		try_device(text);
		break;
	default:
		proc_text(text, size - 1, out, sizeof(out));
		check_text(out, sizeof(out));
	}
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
