/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "observe/proc.h"

ssize_t proc_read(const char *root, pid_t pid, const char *name, char *ret, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX + 64];
	size_t n = 0;

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%s/proc/%ld/%s", root, (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	/* /proc hands out a page at a time. */
	while (n + 1 < size) {
		ssize_t got = read(fd, ret + n, size - 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		n += (size_t)got;
	}
	ret[n] = '\0';
	return (ssize_t)n;
}

/* Bytes of the UTF-8 character at p, 0: there is none that may be printed. */
static size_t character(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80	     ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;

	if (!n || n > left || p[0] < 0x20 || p[0] == 0x7f || p[0] == 0xc0 || p[0] == 0xc1 ||
	    p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (p[i] >> 6 != 2)
			return 0;
	/* Written too long, half of a pair, beyond Unicode; and control characters again. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ||
	    (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return n;
}

/* Command lines and names of cgroups and files are any bytes that their makers like. */
void proc_text(const char *from, size_t n, char *ret, size_t size)
{
	size_t at = 0;

	while (n && !from[n - 1])
		n--;
	for (size_t i = 0; i < n;) {
		size_t len = character((const unsigned char *)from + i, n - i);

		if (at + (len ? len : 1) + 1 > size)
			break;
		if (len)
			memmove(ret + at, from + i, len);
		else
			ret[at] = from[i] ? '?' : ' ';
		at += len ? len : 1;
		i += len ? len : 1;
	}
	ret[at] = '\0';
}

static void describe_user(const char *status, struct mig_process *p)
{
	const char *line = strstr(status, "\nUid:");
	struct passwd pw, *found = NULL;
	char buf[4096];
	unsigned uid;

	/* The second is the effective one, which decides what the process may do. */
	if (!line || sscanf(line, "\nUid: %*u %u", &uid) != 1)
		return;
	p->uid = uid;
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(p->user, sizeof(p->user), "%.39s", pw.pw_name);
	else
		snprintf(p->user, sizeof(p->user), "%u", uid);
}

/* A program may empty its command line; its name is that of the status then. */
static void describe_name(const char *status, struct mig_process *p)
{
	const char *name = !strncmp(status, "Name:\t", 6) ? status + 6 : "";

	proc_text(name, strcspn(name, "\n"), p->name, sizeof(p->name));
}

void proc_describe(const char *root, struct mig_process *p)
{
	char text[PROC_TEXT];
	ssize_t n;

	n = proc_read(root, (pid_t)p->pid, "cmdline", text, sizeof(text));
	if (n > 0) {
		proc_text(text, (size_t)n, p->command, sizeof(p->command));
		if (!p->name[0])
			proc_text(text, strnlen(text, (size_t)n), p->name, sizeof(p->name));
	}
	if (proc_read(root, (pid_t)p->pid, "status", text, sizeof(text)) > 0) {
		describe_user(text, p);
		if (!p->name[0])
			describe_name(text, p);
	}
	if (proc_read(root, (pid_t)p->pid, "cgroup", text, sizeof(text)) > 0)
		proc_cgroup(text, p);
}
