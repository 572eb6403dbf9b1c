/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "observe/proc.h"

/*
 * /proc/PID/cgroup: a line "0::/path" of version 2, or lines "N:controllers:/path" of version 1 of
 * which systemd's own is "name=systemd". What lies below a container is its own affair; so a path
 * is read from the outside, and the innermost word that names a container counts.
 */

struct word {
	const char *at;
	size_t size;
};

#define W(w) (int)(w).size, (w).at

static bool begins(struct word w, const char *with)
{
	return w.size >= strlen(with) && !memcmp(w.at, with, strlen(with));
}

static bool ends(struct word w, const char *with)
{
	size_t n = strlen(with);

	return w.size > n && !memcmp(w.at + w.size - n, with, n);
}

static bool is(struct word w, const char *text)
{
	return w.size == strlen(text) && begins(w, text);
}

static struct word cut(struct word w, size_t front, size_t back)
{
	return (struct word){ w.at + front, w.size - front - back };
}

/* Runtimes make ids of 64 hexadecimal digits. */
static bool is_id(struct word w)
{
	if (w.size != 64)
		return false;
	for (size_t i = 0; i < w.size; i++)
		if (!strchr("0123456789abcdef", w.at[i]) || !w.at[i])
			return false;
	return true;
}

/* Next word of a path; false at its end. */
static bool next(const char **path, struct word *ret)
{
	*path += strspn(*path, "/");
	ret->at = *path;
	ret->size = strcspn(*path, "/\n");
	*path += ret->size;
	return ret->size > 0;
}

/* "docker-ID.scope" and its like; also "kubepods-x.slice:cri-containerd:ID", which runc leaves. */
static bool by_prefix(struct word w, char *ret, size_t size)
{
	static const struct {
		const char *prefix, *runtime;
	} known[] = {
		{ "docker-", "docker" },
		{ "libpod-", "podman" },
		{ "cri-containerd-", "containerd" },
		{ "cri-containerd:", "containerd" },
		{ "nerdctl-", "containerd" },
		{ "crio-", "cri-o" },
		{ "crio:", "cri-o" },
		{ "docker:", "docker" },
	};
	const char *colon;

	if (ends(w, ".scope"))
		w = cut(w, 0, strlen(".scope"));
	colon = memchr(w.at, ':', w.size);
	if (colon && memchr(colon + 1, ':', w.size - (size_t)(colon + 1 - w.at)))
		w = cut(w, (size_t)(colon + 1 - w.at), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
		if (!begins(w, known[i].prefix) || !is_id(cut(w, strlen(known[i].prefix), 0)))
			continue;
		w = cut(w, strlen(known[i].prefix), 0);
		snprintf(ret, size, "%s://%.*s", known[i].runtime, W(w));
		return true;
	}
	return false;
}

/* systemd-nspawn and LXC name containers; machined's scopes of virtual machines are none. */
static bool by_name(struct word w, struct word above, char *ret, size_t size)
{
	const char *kind = NULL;

	if (begins(w, "lxc.payload.")) {
		kind = "lxc";
		w = cut(w, strlen("lxc.payload."), 0);
	} else if (is(above, "lxc") || is(above, "lxc.payload")) {
		kind = "lxc";
	} else if (begins(w, "systemd-nspawn@") && ends(w, ".service")) {
		kind = "nspawn";
		w = cut(w, strlen("systemd-nspawn@"), strlen(".service"));
	} else if (begins(w, "machine-") && ends(w, ".scope") && !begins(w, "machine-qemu") &&
		   !begins(w, "machine-lxc")) {
		kind = "nspawn";
		w = cut(w, strlen("machine-"), strlen(".scope"));
	}
	if (kind && w.size)
		snprintf(ret, size, "%s://%.*s", kind, W(w));
	return kind && w.size;
}

/* Whether the word names a container, and which; above: the word before it. */
static bool is_container(struct word w, struct word above, char *ret, size_t size)
{
	if (by_prefix(w, ret, size) || by_name(w, above, ret, size))
		return true;
	if (!is_id(w))
		return false;
	snprintf(ret, size, "%s%.*s", is(above, "docker") ? "docker://" : "", W(w));
	return true;
}

static bool is_unit(struct word w)
{
	return ends(w, ".service") || ends(w, ".scope") || ends(w, ".socket");
}

static void take_unit(struct word w, const char *user_manager, struct mig_process *p)
{
	if (*user_manager)
		snprintf(p->unit, sizeof(p->unit), "%s/%.*s", user_manager, W(w));
	else
		snprintf(p->unit, sizeof(p->unit), "%.*s", W(w));
}

/* path: of a line; units are of systemd's lines only. */
static void read_path(const char *path, bool systemd, struct mig_process *p)
{
	struct word above = { "", 0 }, w;
	char user_manager[40] = "";
	bool slurm = false;

	while (next(&path, &w)) {
		slurm = slurm || begins(w, "slurm");
		if (is_container(w, above, p->container, sizeof(p->container)))
			systemd = false; /* units below are the container's own */
		else if (slurm && begins(w, "job_"))
			snprintf(p->unit, sizeof(p->unit), "slurm/%.*s", W(w));
		else if (systemd && is_unit(w) && strncmp(p->unit, "slurm/", 6) != 0)
			take_unit(w, user_manager, p);
		if (begins(w, "user@") && ends(w, ".service") && w.size < sizeof(user_manager))
			snprintf(user_manager, sizeof(user_manager), "%.*s", W(w));
		above = w;
	}
}

void proc_cgroup(const char *text, struct mig_process *p)
{
	while (*text) {
		const char *controllers = strchr(text, ':');
		const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		const char *end = text + strcspn(text, "\n");

		if (path && path < end)
			read_path(path + 1,
				  path == controllers + 1 ||
					  !strncmp(controllers, ":name=systemd:", 14),
				  p);
		text = *end ? end + 1 : end;
	}
	/* A user may name the cgroups below his own as he likes. */
	proc_text(p->unit, strlen(p->unit), p->unit, sizeof(p->unit));
	proc_text(p->container, strlen(p->container), p->container, sizeof(p->container));
}
