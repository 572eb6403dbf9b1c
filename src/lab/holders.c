/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "lab/format.h"

/*
 * Who has the GPUs open. Liveness is a kernel lock, never a pid: each holder keeps a POSIX read
 * lock on its byte of the holders file, and the kernel drops it however the process ends.
 *   byte 0            every process with NVML initialised (it has all GPUs open)
 *   byte 1 + gpu      a lab client that has that GPU open
 *   byte 64 + slot    the lab client of that entry of the state
 * F_GETLK never reports the caller's own locks, so "somebody else" needs no further question.
 */
enum { BYTE_ALL = LAB_BYTE_ALL, BYTE_GPU = LAB_BYTE_GPU, BYTE_SLOT = 64 };

static int set_lock(int fd, off_t byte, short type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, F_SETLK, &l) < 0 ? -errno : 0;
}

/* Pid of another process that holds the byte, 0: nobody. */
static pid_t lock_owner(int fd, off_t byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return 0;
	/* 0 or -1 for a holder in another pid namespace: alive all the same. */
	return l.l_pid > 0 ? l.l_pid : -1;
}

static int open_file(const char *dir)
{
	char path[PATH_MAX + sizeof("/" LAB_HOLDERS_FILE)];
	int fd;

	snprintf(path, sizeof(path), "%s/" LAB_HOLDERS_FILE, dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool still_ours(const struct lab_map *map)
{
	struct base_file_id id;

	return map->holders_fd >= 0 && base_file_id(map->holders_fd, &id) >= 0 &&
	       id.dev == map->holders_id.dev && id.ino == map->holders_id.ino;
}

/*
 * One descriptor per process and lab: closing any descriptor of the file would end all its locks.
 * A host may have closed ours (closefrom) and got the number for something else; then the locks are
 * gone as well and the file is opened anew. Under lab_mutex.
 */
static int holders_fd(const struct lab *lab)
{
	struct lab_map *map = lab->map;

	if (still_ours(map))
		return map->holders_fd;
	map->holders_fd = open_file(lab->dir);
	if (map->holders_fd < 0)
		return map->holders_fd;
	(void)base_file_id(map->holders_fd, &map->holders_id);
	/* This process has the GPUs open as before; only the lock that says so went with the file.
	 */
	if (map->attached)
		(void)set_lock(map->holders_fd, BYTE_ALL, F_RDLCK);
	return map->holders_fd;
}

int lab_attach(struct lab *lab)
{
	int fd, r;

	pthread_mutex_lock(&lab_mutex);
	fd = holders_fd(lab);
	r = fd < 0 ? fd : set_lock(fd, BYTE_ALL, F_RDLCK);
	if (r >= 0) {
		lab->attached = true;
		lab->map->attached++;
	}
	pthread_mutex_unlock(&lab_mutex);
	return r;
}

/*
 * What lab_close() does here: the last one of a process lets go of everything. Only if the
 * descriptor is still ours: a host that closed it may have the number for a file of its own, with
 * locks of its own.
 */
void lab_detach(struct lab *lab)
{
	struct lab_map *map = lab->map;

	pthread_mutex_lock(&lab_mutex);
	if (lab->attached && !--map->attached && still_ours(map))
		(void)set_lock(map->holders_fd, BYTE_ALL, F_UNLCK);
	lab->attached = false;
	if (!--map->users) {
		if (still_ours(map))
			close(map->holders_fd);
		map->holders_fd = -1;
		lab_kept_close(map);
		map->mine = 0; /* the locks went with it */
	}
	pthread_mutex_unlock(&lab_mutex);
}

/* Its entries are gone, so its bytes may be another's; under lab_mutex. */
void lab_no_client(struct lab_map *map)
{
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		if (map->mine >> i & 1 && map->mine_pid == getpid() && still_ours(map))
			(void)set_lock(map->holders_fd, BYTE_SLOT + (off_t)i, F_UNLCK);
	map->mine = 0;
}

static bool is_mine(const struct lab_map *map, unsigned slot)
{
	return map->mine >> slot & 1 && map->mine_pid == getpid();
}

/* Whether the process of entry slot lives; c is the entry. */
static bool alive(const struct lab *lab, const struct lab_client *c, unsigned slot,
		  uint32_t *ret_pid)
{
	int saved = errno;
	pid_t pid = getpid();

	pthread_mutex_lock(&lab_mutex);
	if (!is_mine(lab->map, slot))
		pid = lock_owner(holders_fd(lab), BYTE_SLOT + (off_t)slot);
	pthread_mutex_unlock(&lab_mutex);
	if (pid && ret_pid)
		*ret_pid = pid > 0 ? (uint32_t)pid : c->pid;
	errno = saved;
	return pid != 0;
}

bool lab_slot_alive(const struct lab *lab, unsigned slot)
{
	return alive(lab, NULL, slot, NULL);
}

bool lab_slot_owner(const struct lab *lab, const struct lab_client *c, unsigned slot,
		    uint32_t *ret_pid)
{
	return alive(lab, c, slot, ret_pid);
}

int lab_slots_held(const char *dir, const struct lab_map *map, uint64_t *ret)
{
	/* Closing another descriptor of the file would end the locks of this process. */
	bool ours = map && still_ours(map);
	int fd = ours ? map->holders_fd : open_file(dir);

	*ret = 0;
	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++)
		if (lock_owner(fd, BYTE_SLOT + (off_t)i) || (map && is_mine(map, i)))
			*ret |= 1ull << i;
	if (!ours)
		close(fd);
	return 0;
}

int lab_holders_id(const struct lab *lab, struct base_file_id *ret)
{
	int fd;

	pthread_mutex_lock(&lab_mutex);
	fd = holders_fd(lab);
	*ret = lab->map->holders_id;
	pthread_mutex_unlock(&lab_mutex);
	return fd < 0 ? fd : 0;
}

bool lab_client_alive(const struct lab *lab, const struct lab_state *st, unsigned i,
		      uint32_t *ret_pid)
{
	if (i >= LAB_MAX_CLIENTS || !st->client[i].used)
		return false;
	return alive(lab, &st->client[i], i, ret_pid);
}

void lab_drop_dead_clients(const struct lab *lab, struct lab_state *st)
{
	/* Most labs have few: a look at each entry costs more than the rest of a change's own work.
	 */
	for (uint64_t rest = st->clients; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);

		if (!lab_client_alive(lab, st, i, NULL)) {
			lab_account_end(st, i);
			memset(&st->client[i], 0, sizeof(st->client[i]));
		}
	}
}

bool lab_gpu_in_use(const struct lab *lab, unsigned gpu)
{
	int saved = errno, fd;
	bool yes;

	pthread_mutex_lock(&lab_mutex);
	fd = holders_fd(lab);
	yes = lock_owner(fd, BYTE_ALL) || lock_owner(fd, BYTE_GPU + (off_t)gpu);
	pthread_mutex_unlock(&lab_mutex);
	errno = saved;
	return yes;
}

static bool client_matches(const struct lab_client *c, unsigned gpu, int gi, int ci)
{
	return c->used && c->kind == LAB_CLIENT_COMPUTE && c->gpu == gpu &&
	       (gi < 0 || c->gi == gi) && (ci < 0 || c->ci == ci);
}

unsigned lab_count_clients(const struct lab *lab, const struct lab_state *st, unsigned gpu, int gi,
			   int ci)
{
	/*
	 * The change that asks has dropped the dead, and adds none before it asks. Asked a second
	 * time, the kernel could say that one died meanwhile, and the state would keep it beside
	 * what it was in the way of.
	 */
	(void)lab;
	unsigned n = 0;

	for (uint64_t rest = st->clients; rest; rest &= rest - 1)
		n += client_matches(&st->client[__builtin_ctzll(rest)], gpu, gi, ci);
	return n;
}

int lab_clients_of(const struct lab *lab, unsigned gpu, int gi, int ci, struct lab_client *ret,
		   unsigned cap)
{
	struct lab_client all[LAB_MAX_CLIENTS];
	unsigned n = 0;

	if (gpu >= lab->map->con->n_gpus)
		return -EINVAL;
	for (uint64_t rest = lab_load_clients(lab->map, all); rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		uint32_t pid;

		if (!client_matches(&all[i], gpu, gi, ci) || !alive(lab, &all[i], i, &pid))
			continue;
		if (n < cap) {
			ret[n] = all[i];
			ret[n].pid = pid;
		}
		n++;
	}
	return (int)n;
}

static uint64_t idle_bytes(const struct lab *lab, const struct lab_gpu *g, int gi)
{
	if (gi < 0)
		return lab_gpu_idle_bytes(lab_board(lab, g), g);
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		if (g->gi[i].used && g->gi[i].id == gi)
			return lab_gi_idle_bytes(lab_board(lab, g), &g->gi[i]);
	return 0;
}

uint64_t lab_memory_of(const struct lab *lab, unsigned gpu, const struct lab_gpu *g, int gi)
{
	struct lab_client all[LAB_MAX_CLIENTS];
	uint64_t used = idle_bytes(lab, g, gi);

	for (uint64_t rest = lab_load_clients(lab->map, all); rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);

		if (client_matches(&all[i], gpu, gi, -1) && alive(lab, &all[i], i, NULL))
			used += all[i].memory;
	}
	return used;
}

uint64_t lab_memory_used(const struct lab *lab, unsigned gpu, int gi)
{
	struct lab_gpu g;

	return lab_read_gpu(lab, gpu, &g) < 0 ? 0 : lab_memory_of(lab, gpu, &g, gi);
}

struct hold {
	const struct lab_client *what;
	struct mig_error *reterr;
	int fd;
	int slot; /* out */
};

static int check_hold(const struct lab *lab, const struct lab_state *st, const struct hold *h)
{
	const struct lab_client *c = h->what;
	const struct lab_gpu *gpu = &st->gpu[c->gpu];
	const struct lab_gi *gi = NULL;

	if (c->kind == LAB_CLIENT_ATTACHED)
		return 0;
	if (!gpu->mig_current && c->gi >= 0)
		return mig_fail(h->reterr, -EINVAL,
				"GPU %u is not in MIG mode: it has no MIG devices", c->gpu);
	if (gpu->mig_current && (c->gi < 0 || c->ci < 0))
		return mig_fail(h->reterr, -EINVAL,
				"GPU %u is in MIG mode: name a MIG device (--device), a program "
				"cannot use the whole GPU",
				c->gpu);
	for (unsigned i = 0; c->gi >= 0 && i < MIG_MAX_GI; i++)
		if (gpu->gi[i].used && gpu->gi[i].id == c->gi)
			gi = &gpu->gi[i];
	for (unsigned i = 0; gi && i < MIG_MAX_CI; i++)
		if (gi->ci[i].used && gi->ci[i].id == c->ci)
			return 0;
	if (c->gi >= 0)
		return mig_fail(h->reterr, -ENOENT,
				"GPU %u has no compute instance %d in GPU instance %d", c->gpu,
				c->ci, c->gi);
	(void)lab;
	return 0;
}

static int hold_change(struct lab *lab, struct lab_state *st, void *arg)
{
	struct hold *h = arg;
	const struct lab_client *c = h->what;
	int r;

	if (c->gpu >= st->n_gpus)
		return mig_fail(h->reterr, -EINVAL, "there is no GPU %u: this lab has %u", c->gpu,
				st->n_gpus);
	r = check_hold(lab, st, h);
	if (r < 0)
		return r;
	for (h->slot = 0; h->slot < LAB_MAX_CLIENTS; h->slot++)
		if (!st->client[h->slot].used)
			break;
	if (h->slot == LAB_MAX_CLIENTS)
		return mig_fail(h->reterr, -ENOSPC, "a lab has room for %d clients",
				LAB_MAX_CLIENTS);
	/* The locks come before the entry is seen, so that it is never taken for a dead one. */
	r = set_lock(h->fd, BYTE_SLOT + h->slot, F_RDLCK);
	if (r >= 0)
		r = set_lock(h->fd, c->all_gpus ? BYTE_ALL : BYTE_GPU + (off_t)c->gpu, F_RDLCK);
	if (r < 0)
		return mig_fail(h->reterr, r, "cannot lock the lab's holders file: %s",
				strerror(-r));
	st->client[h->slot] = *c;
	st->client[h->slot].used = 1;
	st->client[h->slot].pid = (uint32_t)getpid();
	lab_account_start(st, (unsigned)h->slot);
	lab->map->mine |= 1ull << h->slot;
	lab->map->mine_pid = getpid();
	return 0;
}

int lab_hold(struct lab *lab, const struct lab_client *what, struct mig_error *reterr)
{
	struct hold h = { .what = what, .reterr = reterr };
	int r;

	pthread_mutex_lock(&lab_mutex);
	h.fd = holders_fd(lab);
	pthread_mutex_unlock(&lab_mutex);
	if (h.fd < 0)
		return mig_fail(reterr, h.fd, "cannot open the lab's holders file: %s",
				strerror(-h.fd));
	if (reterr)
		reterr->msg[0] = '\0';
	r = lab_change(lab, hold_change, &h);
	if (r < 0 && reterr && !reterr->msg[0])
		return mig_fail(reterr, r, "cannot write to the lab: %s", strerror(-r));
	return r;
}
