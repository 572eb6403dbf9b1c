/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lab/format.h"
#include "unit/lab_fixture.h"

/* Who has a GPU open, what that blocks, and that a dead holder blocks nothing. */

static const struct lab_client persistenced = { .kind = LAB_CLIENT_ATTACHED,
						.all_gpus = 1,
						.gi = -1,
						.ci = -1,
						.name = "nvidia-persistenced" };

struct child {
	pid_t pid;
	int to, from; /* closing "to" ends it */
};

/* A process that holds until its pipe is closed; r: what lab_hold() or lab_open() said. */
static int start(struct child *c, const struct fixture *f, const struct lab_client *what)
{
	int go[2], said[2], r;

	CHECK(!pipe(go) && !pipe(said));
	fflush(NULL);
	c->pid = fork();
	CHECK(c->pid >= 0);
	if (!c->pid) {
		struct lab *lab = NULL;
		char b;

		close(go[1]);
		close(said[0]);
		r = lab_open(f->dir, what ? 0 : LAB_OPEN_ATTACH, &lab, NULL);
		if (r >= 0 && what)
			r = lab_hold(lab, what, NULL);
		CHECK(write(said[1], &r, sizeof(r)) == sizeof(r));
		(void)!read(go[0], &b, 1);
		_exit(0);
	}
	close(go[0]);
	close(said[1]);
	c->to = go[1];
	c->from = said[0];
	CHECK(read(c->from, &r, sizeof(r)) == sizeof(r));
	return r;
}

static void finish(struct child *c, int signal)
{
	int status;

	if (signal)
		kill(c->pid, signal);
	close(c->to);
	close(c->from);
	CHECK(waitpid(c->pid, &status, 0) == c->pid);
}

static struct lab_gpu gpu0(const struct lab *lab)
{
	struct lab_gpu g;

	CHECK_EQ(lab_read_gpu(lab, 0, &g), 0);
	return g;
}

static void test_pending_and_remedies(void)
{
	struct fixture f;
	struct child p;
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	CHECK_EQ(start(&p, &f, &persistenced), 0);
	CHECK(lab_gpu_in_use(lab, 0));
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 1);
	CHECK(!gpu0(lab).mig_current && gpu0(lab).mig_pending);
	/* Setting the current mode again cancels it. */
	CHECK_EQ(lab_set_mig_mode(lab, 0, false), 0);
	CHECK(!gpu0(lab).mig_pending);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 1);
	CHECK_EQ(lab_gpu_reset(lab, 0), -EBUSY);
	finish(&p, SIGKILL);
	CHECK(!lab_gpu_in_use(lab, 0));
	CHECK_EQ(lab_gpu_reset(lab, 0), 0);
	CHECK(gpu0(lab).mig_current && gpu0(lab).mig_pending);
	/* The other remedy: a reboot, which ends the client itself. */
	CHECK_EQ(start(&p, &f, &persistenced), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, false), 1);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK(!gpu0(lab).mig_current);
	finish(&p, 0);
	lab_close(lab);
	fixture_end(&f);
}

static void test_an_nvml_process_is_a_holder(void)
{
	struct lab *lab, *mine;
	struct fixture f;
	struct child p;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	CHECK_EQ(start(&p, &f, NULL), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 1);
	finish(&p, 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0); /* a retry applies it */
	CHECK(gpu0(lab).mig_current);
	/* The caller's own attachment does not stand in its way. */
	CHECK_EQ(lab_open(f.dir, LAB_OPEN_ATTACH, &mine, NULL), 0);
	CHECK_EQ(lab_set_mig_mode(mine, 0, false), 0);
	lab_close(mine);
	lab_close(lab);
	fixture_end(&f);
}

/* The attachment must outlive other uses of the holders file by the same process. */
static void test_attachment_is_not_lost(void)
{
	struct lab_client c[4];
	struct lab *a, *b;
	struct fixture f;
	struct child p;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	CHECK_EQ(lab_open(f.dir, LAB_OPEN_ATTACH, &a, NULL), 0);
	CHECK_EQ(lab_open(f.dir, 0, &b, NULL), 0);
	CHECK_EQ(lab_clients_of(b, 0, -1, -1, c, 4), 0);
	lab_close(b);
	fflush(NULL);
	p.pid = fork();
	if (!p.pid) {
		struct lab *lab = fixture_open(&f);

		_exit(lab_gpu_in_use(lab, 0) ? 0 : 9);
	}
	CHECK(waitpid(p.pid, &p.to, 0) == p.pid);
	CHECK_EQ(WEXITSTATUS(p.to), 0);
	lab_close(a);
	fixture_end(&f);
}

static void make_device(struct lab *lab, unsigned *ret_gi)
{
	struct lab_made gi, ci;

	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	CHECK_EQ(lab_gi_create(lab, 0, 9, -1, -1, &gi), 0);
	CHECK_EQ(lab_ci_create(lab, 0, gi.id, gi.generation, 2, -1, -1, &ci), 0);
	*ret_gi = gi.id;
}

static void test_compute_client(void)
{
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE,
				.gi = -1,
				.ci = -1,
				.memory = 2ull << 30,
				.name = "train" },
			  got[4];
	struct fixture f;
	struct child p;
	struct lab *lab;
	unsigned gi;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	/* On the whole GPU: blocks the first GPU instance as well as the mode. */
	CHECK_EQ(start(&p, &f, &c), 0);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 1);
	finish(&p, SIGKILL);
	make_device(lab, &gi);
	CHECK_EQ(start(&p, &f, &c), -EINVAL); /* in MIG mode it needs a device */
	finish(&p, 0);
	c.gi = (int8_t)gi;
	c.ci = 5;
	CHECK_EQ(start(&p, &f, &c), -ENOENT);
	finish(&p, 0);
	c.ci = 0;
	CHECK_EQ(start(&p, &f, &c), 0);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, got, 4), 1);
	CHECK_EQ(got[0].pid, p.pid);
	CHECK_STR(got[0].name, "train");
	CHECK(lab_memory_used(lab, 0, (int)gi) >= c.memory);
	CHECK_EQ(lab_ci_destroy(lab, 0, gi, 0, gpu0(lab).gi[0].ci[0].generation), -EBUSY);
	CHECK_EQ(lab_gi_destroy(lab, 0, gi, gpu0(lab).gi[0].generation), -EBUSY);
	finish(&p, SIGKILL);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, got, 4), 0);
	CHECK(lab_memory_used(lab, 0, (int)gi) < c.memory);
	CHECK_EQ(lab_ci_destroy(lab, 0, gi, 0, gpu0(lab).gi[0].ci[0].generation), 0);
	CHECK_EQ(lab_gi_destroy(lab, 0, gi, gpu0(lab).gi[0].generation), 0);
	lab_close(lab);
	fixture_end(&f);
}

static const struct lab_holder *holder_of(const struct lab_holder *list, int n, pid_t pid)
{
	const struct lab_holder *found = NULL;

	for (int i = 0; i < n; i++) {
		if (list[i].pid != (uint32_t)pid)
			continue;
		CHECK(!found); /* each once */
		found = &list[i];
	}
	CHECK(found != NULL);
	return found;
}

/* By name, also those that no entry of the state tells of; never the one that asks. */
static void test_list(void)
{
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE,
				.gpu = 1,
				.gi = -1,
				.ci = -1,
				.memory = 2ull << 30,
				.name = "train" };
	struct lab_client one = {
		.kind = LAB_CLIENT_ATTACHED, .gpu = 1, .gi = -1, .ci = -1, .name = "one"
	};
	struct lab_holder got[8];
	const struct lab_holder *h;
	struct child p[4];
	struct fixture f;
	struct lab *lab;
	int n;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 2, MIG_NUMBERING_X);
	CHECK_EQ(lab_open(f.dir, LAB_OPEN_ATTACH, &lab, NULL), 0);
	CHECK_EQ(lab_holders(lab, got, 8), 0);
	CHECK_EQ(start(&p[0], &f, &persistenced), 0);
	CHECK_EQ(start(&p[1], &f, NULL), 0);
	CHECK_EQ(start(&p[2], &f, &c), 0);
	CHECK_EQ(start(&p[3], &f, &one), 0);
	n = lab_holders(lab, got, 8);
	CHECK_EQ(n, 4);
	CHECK_EQ(lab_holders(lab, got, 1), 4);
	CHECK_EQ(lab_holders(lab, got, 8), 4);
	h = holder_of(got, n, p[0].pid);
	CHECK(h->kind == LAB_CLIENT_ATTACHED && h->gpu == -1);
	CHECK_STR(h->name, "nvidia-persistenced");
	h = holder_of(got, n, p[1].pid);
	CHECK(h->kind == LAB_CLIENT_ATTACHED && h->gpu == -1 && h->gi == -1 && !h->name[0]);
	h = holder_of(got, n, p[2].pid);
	CHECK(h->kind == LAB_CLIENT_COMPUTE && h->gpu == 1 && h->memory == c.memory);
	h = holder_of(got, n, p[3].pid);
	CHECK(h->kind == LAB_CLIENT_ATTACHED && h->gpu == 1);
	for (unsigned i = 0; i < 4; i++) {
		finish(&p[i], SIGKILL);
		CHECK_EQ(lab_holders(lab, got, 8), 3 - (int)i);
	}
	lab_close(lab);
	fixture_end(&f);
}

static int give_our_pid(struct lab *lab, struct lab_state *st, void *arg)
{
	(void)lab;
	(void)arg;
	CHECK(st->client[0].used);
	st->client[0].pid = (uint32_t)getpid();
	return 0;
}

/* The dead client's pid now belongs to a living process: it is dead all the same. */
static void test_reused_pid(void)
{
	struct lab_client c = { .kind = LAB_CLIENT_COMPUTE, .gi = -1, .ci = -1, .name = "job" },
			  got;
	struct lab_state st;
	struct fixture f;
	struct child p;
	struct lab *lab;

	fixture_lab(&f, "a100-80gb-pcie", "515.86.01", 1, MIG_NUMBERING_X);
	lab = fixture_open(&f);
	CHECK_EQ(start(&p, &f, &c), 0);
	CHECK_EQ(lab_change(lab, give_our_pid, NULL), 0);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, &got, 1), 1);
	CHECK_EQ(got.pid, p.pid); /* the kernel names the holder */
	finish(&p, SIGKILL);
	CHECK_EQ(lab_clients_of(lab, 0, -1, -1, &got, 1), 0);
	CHECK_EQ(lab_read_state(lab, &st), 0);
	CHECK(st.client[0].used); /* still in the file; the next change clears it */
	CHECK_EQ(lab_set_persistence(lab, 0, true), 0);
	CHECK_EQ(lab_read_state(lab, &st), 0);
	CHECK(!st.client[0].used);
	lab_close(lab);
	fixture_end(&f);
}

static void test_reboot_and_destroy_seen_by_others(void)
{
	struct mig_error err = { 0 };
	struct lab *other, *lab;
	struct lab_gpu g;
	struct fixture f;

	fixture_lab(&f, "h100-80gb-sxm", "580.159.04", 1, MIG_NUMBERING_I);
	lab = fixture_open(&f);
	other = fixture_open(&f);
	CHECK_EQ(lab_set_mig_mode(lab, 0, true), 0);
	CHECK_EQ(lab_reboot(lab, NULL), 0);
	CHECK(!gpu0(lab).mig_current); /* Hopper forgets the mode */
	CHECK_EQ(lab_read_gpu(other, 0, &g), -ENODEV);
	CHECK_EQ(lab_set_persistence(other, 0, true), -ENODEV);
	lab_close(other);
	other = fixture_open(&f);
	CHECK_EQ(lab_read_gpu(other, 0, &g), 0);
	CHECK_EQ(lab_destroy(f.dir, &err), 0);
	CHECK_EQ(lab_read_gpu(other, 0, &g), -ENODEV);
	CHECK_EQ(lab_set_persistence(lab, 0, true), -ENODEV);
	lab_close(other);
	lab_close(lab);
	CHECK_EQ(lab_open(f.dir, 0, &lab, &err), -ENOENT);
	fixture_end(&f);
}

/* Another user: reads a lab that may be read, changes nothing; root's permissions when asked for.
 */
static void as_nobody(const struct fixture *f, bool real)
{
	struct lab *lab = NULL;
	struct lab_made made;

	if (setgid(65534) || setuid(65534))
		_exit(20);
	if (lab_open(f->dir, LAB_OPEN_ATTACH, &lab, NULL) < 0)
		_exit(21);
	if (lab_may_change(lab) == real)
		_exit(22);
	if (lab_gi_create(lab, 0, 9, -1, -1, &made) != -EPERM)
		_exit(23);
	if (lab_set_mig_mode(lab, 0, true) != -EPERM)
		_exit(24);
	if (!gpu0(lab).minor)
		_exit(0);
	_exit(25);
}

static void test_permissions(bool real)
{
	struct mig_error err = { 0 };
	struct lab_spec spec;
	struct fixture f;
	pid_t pid;
	int status;

	fixture_make(&f);
	CHECK(!chmod(f.base, 0755));
	fixture_spec(&spec, f.dir, "a100-80gb-pcie", "535.261.03", 1, MIG_NUMBERING_X);
	spec.permissions_real = real;
	CHECK_EQ(lab_create(&spec, &err), 0);
	fflush(NULL);
	pid = fork();
	if (!pid)
		as_nobody(&f, real);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	fixture_end(&f);
}

int main(void)
{
	test_pending_and_remedies();
	test_an_nvml_process_is_a_holder();
	test_attachment_is_not_lost();
	test_compute_client();
	test_list();
	test_reused_pid();
	test_reboot_and_destroy_seen_by_others();
	if (geteuid() != 0)
		CHECK_SKIP("only root can become another user");
	test_permissions(false);
	test_permissions(true);
	return 0;
}
