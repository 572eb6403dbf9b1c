/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_ROW_H
#define MIGKIT_SMI_ROW_H

#include <stddef.h>
#include <stdio.h>

/* Cells of a table are short: the longest are process names, which NVIDIA's program cuts. */
#define SMI_CELL 128

struct smi_cells {
	char text[20][SMI_CELL];
};

/*
 * Prints a row: fmt holds "%20s" or "%-20s" for each cell in order (no other conversions but "%%").
 * Text wider than its cell ends in "...", as in nvidia-smi's tables.
 */
void smi_row(FILE *f, const char *fmt, const struct smi_cells *cells);

#endif
