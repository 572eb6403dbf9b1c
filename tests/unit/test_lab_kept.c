/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lab/format.h"
#include "lab/root.h"
#include "unit/lab_fixture.h"

/* What a process keeps from one change to the next: two descriptors, and the state that it made. */

static struct fixture f;

static void change(struct lab *lab)
{
	struct lab_made gi;

	CHECK_EQ(lab_gi_create(lab, 0, 19, -1, -1, &gi), 0);
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
}

static struct lab *begin(void)
{
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "550.163.01", 1, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	change(lab);
	return lab;
}

static void end(struct lab *lab)
{
	lab_close(lab);
	fixture_end(&f);
}

static bool exists(const char *folder, const char *path)
{
	char whole[600];

	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	return !access(whole, F_OK);
}

/* A host closes all that it did not open, and opens files of its own under the same numbers. */
static void test_numbers_of_others(void)
{
	struct lab *lab = begin();
	int was[2] = { lab->map->state_fd, lab->map->dir.fd }, other[2], locked;
	struct lab_made gi;
	char path[400], access[100];

	CHECK(was[0] >= 0 && was[1] >= 0);
	snprintf(path, sizeof(path), "%s/other", f.base);
	close(was[0]);
	close(was[1]);
	for (unsigned i = 0; i < 2; i++)
		other[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(other[0] == was[0] && other[1] == was[1]);
	locked = open(path, O_RDWR | O_CLOEXEC);
	CHECK(!flock(locked, LOCK_EX)); /* who took ours for the lab's would wait here */
	CHECK_EQ(lab_gi_create(lab, 0, 19, -1, -1, &gi), 0);
	snprintf(access, sizeof(access), LAB_ROOT_CAPS "/gpu0/mig/gi%u/access", gi.id);
	CHECK(exists(f.dir, access));
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	lab_close(lab);
	CHECK(fcntl(other[0], F_GETFD) >= 0 && fcntl(other[1], F_GETFD) >= 0);
	close(other[0]);
	close(other[1]);
	close(locked);
	unlink(path);
	fixture_end(&f);
}

/* Only the folder's number: nothing says so but that a path below it is not there. */
static void test_number_of_the_folder(void)
{
	struct lab *lab = begin();
	struct lab_made gi;
	int other;

	close(lab->map->dir.fd);
	other = open(f.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* One that was never there, so that its folder and its node are made. */
	CHECK_EQ(lab_gi_create(lab, 0, 0, -1, -1, &gi), 0);
	CHECK(exists(f.dir, "proc/driver/nvidia/capabilities/gpu0/mig/gi0/access"));
	CHECK(exists(f.dir, "dev/nvidia-caps/nvidia-cap3"));
	CHECK(!exists(f.base, "dev") && !exists(f.base, "proc"));
	close(other);
	/* A path that is not there is what a folder that has gone already looks like, too. */
	close(lab->map->dir.fd);
	other = open(f.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	CHECK(!exists(f.dir, "proc/driver/nvidia/capabilities/gpu0/mig/gi0"));
	close(other);
	end(lab);
}

/* The same of the folder of the capabilities. */
static void test_number_of_the_capabilities(void)
{
	struct lab *lab = begin();
	struct lab_made gi;
	int was = lab->map->caps.fd, other;

	CHECK(was >= 0);
	close(was);
	other = open(f.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_EQ(other, was);
	CHECK_EQ(lab_gi_create(lab, 0, 0, -1, -1, &gi), 0);
	CHECK(exists(f.dir, LAB_ROOT_CAPS "/gpu0/mig/gi0/access"));
	CHECK(!exists(f.base, "gpu0"));
	CHECK(fcntl(other, F_GETFD) >= 0);
	close(other);
	close(lab->map->caps.fd); /* now it is no number at all */
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	CHECK(!exists(f.dir, LAB_ROOT_CAPS "/gpu0/mig/gi0"));
	end(lab);
}

/* Somebody puts another folder of capabilities in the place of the one that is open. */
static void test_capabilities_made_anew(void)
{
	struct lab *lab = begin();
	struct lab_made gi;
	char path[400];

	snprintf(path, sizeof(path), "%s/" LAB_ROOT_CAPS, f.dir);
	fixture_clear(path);
	CHECK(!mkdir(path, 0777));
	snprintf(path, sizeof(path), "%s/" LAB_ROOT_CAPS "/gpu0", f.dir);
	CHECK(!mkdir(path, 0777));
	snprintf(path, sizeof(path), "%s/" LAB_ROOT_CAPS "/gpu0/mig", f.dir);
	CHECK(!mkdir(path, 0777));
	CHECK_EQ(lab_gi_create(lab, 0, 19, -1, -1, &gi), 0);
	snprintf(path, sizeof(path), LAB_ROOT_CAPS "/gpu0/mig/gi%u/access", gi.id);
	CHECK(exists(f.dir, path));
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	CHECK(!exists(f.dir, path));
	end(lab);
}

static void create_with_node(struct lab *lab, const char *node)
{
	struct lab_made gi;

	CHECK_EQ(lab_gi_create(lab, 0, 0, -1, -1, &gi), 0);
	CHECK(exists(f.dir, node));
	CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	CHECK(exists(f.dir, node)); /* until a reboot */
}

/* Waits to be told, reboots the lab, and sees to it that the files are those of the new boot. */
static void reboot_when_told(int told, const char *node)
{
	struct lab *lab;
	char byte;

	CHECK(read(told, &byte, 1) == 1);
	lab = fixture_open(&f);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	lab_close(lab);
	lab = fixture_open(&f);
	change(lab);
	CHECK(!exists(f.dir, node));
	_exit(0);
}

/* That a node is there is known as long as the lab is open, and no longer than its boot. */
static void test_nodes(void)
{
	static const char node[] = "dev/nvidia-caps/nvidia-cap3";
	struct lab *lab = begin(), *again;
	int tell[2], status;
	char path[400];
	pid_t pid;

	/* First of all, as a process that forks forgets what it knows. */
	CHECK(!pipe(tell));
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		reboot_when_told(tell[0], node);
	create_with_node(lab, node);
	snprintf(path, sizeof(path), "%s/%s", f.dir, node);
	CHECK(!unlink(path));
	lab_close(lab);
	lab = fixture_open(&f);
	create_with_node(lab, node);
	/* It has the lab open throughout. */
	CHECK(write(tell[1], "", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	again = fixture_open(&f);
	create_with_node(again, node);
	lab_close(again);
	close(tell[0]);
	close(tell[1]);
	end(lab);
}

/* The lab goes on where it is now; another one in its old place is nothing to it. */
static void test_moved(void)
{
	struct lab *lab = begin();
	char away[400];
	struct fixture second = f;
	struct lab_spec spec;
	struct lab_made gi;

	snprintf(away, sizeof(away), "%s/away", f.base);
	CHECK(!rename(f.dir, away));
	fixture_spec(&spec, second.dir, "a100-80gb-pcie", "550.163.01", 1, MIG_NUMBERING_X);
	CHECK_EQ(lab_create(&spec, NULL), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 0, -1, -1, &gi), 0);
	CHECK(exists(away, "proc/driver/nvidia/capabilities/gpu0/mig/gi0/access"));
	CHECK(!exists(f.dir, "proc/driver/nvidia/capabilities/gpu0/mig/gi0"));
	end(lab);
}

/* Its files are gone without 'lab destroy'. */
static void test_removed(void)
{
	struct lab *lab = begin();
	struct lab_made gi;

	fixture_clear(f.base);
	CHECK_EQ(lab_gi_create(lab, 0, 19, -1, -1, &gi), -ENODEV);
	lab_close(lab);
}

static void change_often(struct lab *lab)
{
	for (unsigned i = 0; i < 400; i++) {
		struct lab_made gi;

		if (lab_gi_create(lab, 0, 19, -1, -1, &gi) >= 0)
			CHECK_EQ(lab_gi_destroy(lab, 0, gi.id, gi.generation), 0);
	}
}

/* No handler of fork() runs, so the child finds descriptors that are its parent's as well. */
static void test_clone(void)
{
	struct lab *lab = begin();
	const struct lab_part part = lab_part_state(lab->map);
	struct lab_gpu gpu;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	CHECK(pid >= 0);
	change_often(lab);
	if (!pid)
		_exit(0);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(lab_read_gpu(lab, 0, &gpu), 0);
	for (unsigned i = 0; i < MIG_MAX_GI; i++)
		CHECK(!gpu.gi[i].used);
	CHECK_EQ(lab_copy_valid(lab->map, &part, lab_locked_state(lab->map)->seq % 2), 0);
	end(lab);
}

/* A change that failed half way left its state behind; the next one must not begin with that. */
static int fail_half_way(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)lab;
	(void)arg;
	memset(&st->gpu[0].gi, 0xff, sizeof(st->gpu[0].gi));
	return -EBUSY;
}

static void test_half_way(void)
{
	struct lab *lab = begin();
	struct lab_gpu before, after;

	before = lab_locked_state(lab->map)->gpu[0];
	CHECK_EQ(lab_change(lab, fail_half_way, NULL), -EBUSY);
	change(lab);
	after = lab_locked_state(lab->map)->gpu[0];
	CHECK(!memcmp(before.gi, after.gi, sizeof(after.gi)));
	end(lab);
}

/* Two processes in turn: what each kept of its last change is not what the other made of it. */
static void test_in_turn(void)
{
	struct lab *lab = begin();
	int to[2], from[2];
	char byte = 0;
	pid_t pid;

	CHECK(!pipe(to) && !pipe(from));
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	for (unsigned i = 0; i < 50; i++) {
		const struct lab_part part = lab_part_state(lab->map);

		if (!pid) {
			CHECK(read(to[0], &byte, 1) == 1);
			change(lab);
			CHECK(write(from[1], &byte, 1) == 1);
			continue;
		}
		change(lab);
		CHECK_EQ(lab_copy_valid(lab->map, &part, lab_locked_state(lab->map)->seq % 2), 0);
		CHECK(write(to[1], &byte, 1) == 1 && read(from[0], &byte, 1) == 1);
		CHECK_EQ(lab_copy_valid(lab->map, &part, lab_locked_state(lab->map)->seq % 2), 0);
	}
	if (!pid)
		_exit(0);
	CHECK(waitpid(pid, NULL, 0) == pid);
	for (unsigned i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
	end(lab);
}

/* A client that is killed in the middle of a change is in its way until the next one. */
static int kill_in_between(struct lab *lab, struct lab_state *st, void *arg)
{
	pid_t pid = *(const pid_t *)arg;

	CHECK_EQ(lab_count_clients(lab, st, 0, -1, -1), 1);
	CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
	CHECK_EQ(lab_count_clients(lab, st, 0, -1, -1), 1);
	return 0;
}

static int none_is_left(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)arg;
	CHECK_EQ(lab_count_clients(lab, st, 0, -1, -1), 0);
	return 0;
}

static void test_killed_in_a_change(void)
{
	const struct lab_client c = { .kind = LAB_CLIENT_COMPUTE, .gi = -1, .ci = -1, .name = "c" };
	struct lab *lab;
	int said[2];
	char byte = 0;
	pid_t pid;

	fixture_lab(&f, "a100-80gb-pcie", "550.163.01", 1, MIG_NUMBERING_X);
	CHECK(!pipe(said));
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		lab = fixture_open(&f);
		CHECK_EQ(lab_hold(lab, &c, NULL), 0);
		CHECK(write(said[1], &byte, 1) == 1);
		for (;;)
			pause();
	}
	CHECK(read(said[0], &byte, 1) == 1);
	close(said[0]);
	close(said[1]);
	lab = fixture_open(&f);
	CHECK_EQ(lab_change(lab, kill_in_between, &pid), 0);
	CHECK_EQ(lab_change(lab, none_is_left, NULL), 0);
	end(lab);
}

/* Ends in the middle of a change, with the lab's lock. */
static int die(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)lab;
	(void)st;
	(void)arg;
	kill(getpid(), SIGKILL);
	return 0;
}

static void die_beside_a_child(int life)
{
	struct lab *lab = fixture_open(&f);
	char byte;

	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	change(lab);
	fflush(NULL);
	if (fork())
		lab_change(lab, die, NULL);
	(void)!read(life, &byte, 1);
	_exit(0);
}

/* Its child has all that it had, and lives. What this process maps, it would have from here. */
static void test_killed_parent(void)
{
	struct lab *lab;
	int life[2];
	pid_t pid;

	fixture_lab(&f, "a100-80gb-pcie", "550.163.01", 1, MIG_NUMBERING_X);
	CHECK(!pipe(life));
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		close(life[1]);
		die_beside_a_child(life[0]);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	lab = fixture_open(&f);
	change(lab); /* waits for ever if the lock is held */
	close(life[0]);
	close(life[1]);
	end(lab);
}

int main(void)
{
	alarm(60);
	test_numbers_of_others();
	test_number_of_the_folder();
	test_number_of_the_capabilities();
	test_capabilities_made_anew();
	test_nodes();
	test_moved();
	test_removed();
	test_clone();
	test_half_way();
	test_in_turn();
	test_killed_in_a_change();
	test_killed_parent();
	return 0;
}
