/* SPDX-License-Identifier: Apache-2.0 */
#include "smi/row.h"

#include <stdbool.h>
#include <string.h>

static void cell(FILE *f, const char *text, bool left, size_t width)
{
	size_t n = strlen(text);

	if (n > width && width > 3)
		fprintf(f, "%.*s...", (int)width - 3, text);
	else
		fprintf(f, left ? "%-*.*s" : "%*.*s", (int)width, (int)width, text);
}

void smi_row(FILE *f, const char *fmt, const struct smi_cells *cells)
{
	unsigned int i = 0;

	while (*fmt) {
		size_t width = 0;
		bool left;

		if (*fmt != '%') {
			fputc(*fmt++, f);
			continue;
		}
		fmt++;
		left = *fmt == '-';
		fmt += left;
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + (size_t)(*fmt++ - '0');
		if (*fmt == 's')
			cell(f, cells->text[i++], left, width);
		else
			fputc(*fmt, f);
		fmt++;
	}
}
