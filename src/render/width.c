/* SPDX-License-Identifier: Apache-2.0 */
#include <wchar.h>

#include "base/util.h"
#include "render/width.h"

unsigned render_decode(const char *s, uint32_t *ret_char)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = 0;
	uint32_t c;

	*ret_char = u[0];
	if (!u[0])
		return 0;
	if (u[0] < 0x80)
		return 1;
	if ((u[0] & 0xe0) == 0xc0)
		n = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		n = 3;
	else if ((u[0] & 0xf8) == 0xf0)
		n = 4;
	c = n ? u[0] & (0xff >> (n + 1)) : 0;
	for (unsigned i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			n = 0;
			break;
		}
		c = c << 6 | (u[i] & 0x3f);
	}
	if (!n || c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		*ret_char = 0xfffd;
		return 1;
	}
	*ret_char = c;
	return n;
}

unsigned render_encode(uint32_t c, char ret[4])
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Blocks that Unicode's EastAsianWidth.txt calls wide or fullwidth, as far as people write them. */
static const struct {
	uint32_t first, last;
} wide[] = {
	{ 0x1100, 0x115f }, { 0x2e80, 0x303e },	  { 0x3041, 0x33ff },	{ 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff }, { 0xa000, 0xa4cf },	  { 0xa960, 0xa97f },	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe10, 0xfe19 },	  { 0xfe30, 0xfe6f },	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

unsigned render_char_width(uint32_t c)
{
	int n;

	if (c >= 0x20 && c < 0x7f)
		return 1;
	/*
	 * In a locale that is not UTF-8 wcwidth knows ASCII only; a text that is printed all the
	 * same ("--lang zh-TW" under LC_ALL=C) must still be measured.
	 */
	n = wcwidth((wchar_t)c);
	if (n >= 0)
		return (unsigned)n;
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (c >= wide[i].first && c <= wide[i].last)
			return 2;
	return 1;
}

unsigned render_width(const char *s)
{
	unsigned columns = 0, n;
	uint32_t c;

	for (; (n = render_decode(s, &c)) > 0; s += n)
		columns += render_char_width(c);
	return columns;
}

unsigned render_fit(const char *s, unsigned columns)
{
	unsigned bytes = 0, n;
	uint32_t c;

	for (; (n = render_decode(s + bytes, &c)) > 0; bytes += n) {
		unsigned w = render_char_width(c);

		if (w > columns)
			break;
		columns -= w;
	}
	return bytes;
}
