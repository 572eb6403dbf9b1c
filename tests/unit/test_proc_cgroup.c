/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "observe/proc.h"
#include "unit/check.h"

/* Samples of /proc/PID/cgroup with their meaning: tests/observe/cgroups.txt. */

static unsigned line_number;

static void judge(const char *lines, char *want)
{
	struct mig_process p = { 0 };
	char *container = strstr(want, " | ");
	char title[64];

	CHECK(container != NULL);
	*container = '\0';
	container += strlen(" | ");
	proc_cgroup(lines, &p);
	snprintf(title, sizeof(title), "cgroups.txt:%u", line_number);
	if (strcmp(p.unit, strcmp(want, "-") ? want : "") != 0 ||
	    strcmp(p.container, strcmp(container, "-") ? container : "") != 0) {
		fprintf(stderr, "%s: '%s | %s', not '%s | %s'\n", title, p.unit, p.container, want,
			container);
		exit(1);
	}
}

int main(void)
{
	const char *source = getenv("MIGKIT_SOURCE");
	char path[4096], line[1024], lines[8192] = "";
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/observe/cgroups.txt", source ? source : ".");
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		line_number++;
		if (line[0] == '#')
			continue;
		if (line[0] == '=') {
			line[strcspn(line, "\n")] = '\0';
			judge(lines, line + 2);
			lines[0] = '\0';
			n++;
		} else if (line[0] != '\n') {
			CHECK(strlen(lines) + strlen(line) < sizeof(lines));
			memcpy(lines + strlen(lines), line, strlen(line) + 1);
		}
	}
	fclose(f);
	CHECK(n > 30 && !lines[0]);
	return 0;
}
