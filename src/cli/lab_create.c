/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <migkit/driver.h>

#include "base/util.h"
#include "cli/board_arg.h"
#include "cli/chosen.h"
#include "cli/cmd.h"
#include "cli/lab_client.h"
#include "cli/lab_machine.h"
#include "cli/lab_open.h"
#include "cli/paths.h"
#include "lab/lab.h"

enum { NUMBERING_OF_BOARD, NUMBERING_I, NUMBERING_X };
static const char *const numberings[] = { "board", "I", "X", NULL };

enum { PERMISSIONS_OWNER, PERMISSIONS_REAL };
static const char *const permissions[] = { "owner", "real", NULL };

struct args {
	struct cli_list board;
	const char *machine;
	const char *driver;
	struct cli_list bus_id;
	struct cli_list rule;
	int numbering;
	int permissions;
	uint64_t seed;
	bool persistenced;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_create_opts[] = {
	OPT_LIST("board", 'b', A(board), "KEY[:COUNT]|FILE",
		 "a board by its key ('migctl boards'), several of it, or a board file "
		 "(.yaml); may be given more than once"),
	OPT_STR("machine", 'm', A(machine), "KEY|FILE",
		"a whole machine by its key ('migctl lab machines') or file: its GPUs where they "
		"are, its CPUs and links; --board puts another board into its slots"),
	OPT_STR("driver", 'd', A(driver), "VERSION", "the driver's version, such as 515.86.01"),
	OPT_LIST("bus-id", 0, A(bus_id), "BUS-ID",
		 "PCI bus id of the next GPU, such as 00000001:00:00.0"),
	OPT_ENUM("numbering", 0, A(numbering), "KIND", numberings,
		 "how GPU instance ids follow from placements, where the board has both kinds"),
	OPT_U64("seed", 0, A(seed), "N", "what UUIDs and serial numbers are made from"),
	OPT_ENUM("permissions", 0, A(permissions), "WHO", permissions,
		 "who may change the GPUs: the lab's owner, or root alone as on a real driver"),
	OPT_FLAG("persistenced", 0, A(persistenced),
		 "start nvidia-persistenced, as a driver installation does"),
	OPT_LIST("rule", 0, A(rule), "NAME=VALUE",
		 "switch a rule that hardware has not settled ('migctl lab rules')"),
	OPT_END
};
#undef A

/* Splits "KEY:COUNT"; a file's name may have a colon, but then no number behind it. */
static int split_count(const char *word, char key[PATH_MAX], unsigned *ret_count,
		       struct mig_error *reterr)
{
	const char *colon = strrchr(word, ':');
	unsigned long n = 1;
	char *end;

	if (colon && (!cli_is_yaml_file(word) || (colon[1] >= '0' && colon[1] <= '9'))) {
		n = strtoul(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end || n < 1 || n > LAB_MAX_GPUS)
			return mig_fail(reterr, -EINVAL,
					"--board %s: the count must be 1 to %d, not '%s'", word,
					LAB_MAX_GPUS, colon + 1);
	} else {
		colon = word + strlen(word);
	}
	if (colon - word >= PATH_MAX)
		return mig_fail(reterr, -ENAMETOOLONG, "--board: the name is too long");
	memcpy(key, word, (size_t)(colon - word));
	key[colon - word] = '\0';
	*ret_count = (unsigned)n;
	return 0;
}

static int choose_numbering(const struct args *a, struct lab_gpu_spec *gpu,
			    struct mig_error *reterr)
{
	unsigned wanted = a->numbering == NUMBERING_I ? MIG_NUMBERING_I : MIG_NUMBERING_X;

	gpu->numbering = gpu->board.numbering;
	if (a->numbering == NUMBERING_OF_BOARD || gpu->numbering == wanted)
		return 0;
	if (gpu->board.numbering_fixed)
		return mig_fail(
			reterr, -EINVAL,
			"--numbering %s: the board %s has one kind of numbering only; leave "
			"it out",
			numberings[a->numbering], gpu->board.key);
	gpu->numbering = (uint8_t)wanted;
	return 0;
}

static int parse_bus_id(const char *word, struct lab_gpu_spec *gpu, struct mig_error *reterr)
{
	struct mig_bus_id id;

	if (mig_bus_id_parse(word, &id) < 0)
		return mig_fail(reterr, -EINVAL,
				"--bus-id must be DOMAIN:BUS:DEVICE.0 in hexadecimal, such as "
				"00000001:00:00.0, not '%s'",
				word);
	gpu->has_bus_id = 1;
	gpu->pci_domain = id.domain;
	gpu->pci_bus = id.bus;
	gpu->pci_device = id.device;
	return 0;
}

static int fill_gpu(const struct args *a, const char *key, struct lab_gpu_spec *gpu,
		    struct mig_error *reterr)
{
	int r = cli_board_arg(key, a->driver, &gpu->board, reterr);

	return r < 0 ? r : choose_numbering(a, gpu, reterr);
}

/* The machine's boards in its slots, or in all of them the one board that was given. */
static int fill_machine(const struct args *a, struct lab_spec *spec, struct mig_error *reterr)
{
	_cleanup_free_ struct mig_machine *m = calloc(1, sizeof(*m));
	const char *key = a->board.n ? a->board.v[0] : NULL;
	int r;

	if (!m)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = cli_machine_get(a->machine, m, reterr);
	if (r < 0)
		return r;
	if (a->board.n > 1 || (key && strchr(key, ':')))
		return mig_fail(reterr, -EINVAL,
				"--board: the machine %s has %u GPUs; one board without a count "
				"may take the place of its own",
				m->key, m->n_gpus);
	if (a->bus_id.n)
		return mig_fail(reterr, -EINVAL,
				"--bus-id: the machine %s has its own bus ids; leave it out",
				m->key);
	cli_machine_place(m, spec);
	for (spec->n_gpus = 0; spec->n_gpus < m->n_gpus; spec->n_gpus++) {
		r = fill_gpu(a, key ?: m->gpu[spec->n_gpus].board, &spec->gpu[spec->n_gpus],
			     reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill_gpus(const struct args *a, struct lab_spec *spec, struct mig_error *reterr)
{
	for (unsigned b = 0; b < a->board.n; b++) {
		char key[PATH_MAX];
		unsigned count = 1;
		int r = split_count(a->board.v[b], key, &count, reterr);

		if (r < 0)
			return r;
		if (spec->n_gpus + count > LAB_MAX_GPUS)
			return mig_fail(reterr, -EINVAL, "a lab has at most %d GPUs", LAB_MAX_GPUS);
		r = fill_gpu(a, key, &spec->gpu[spec->n_gpus], reterr);
		if (r < 0)
			return r;
		for (unsigned i = 1; i < count; i++)
			spec->gpu[spec->n_gpus + i] = spec->gpu[spec->n_gpus];
		spec->n_gpus += count;
	}
	if (a->bus_id.n > spec->n_gpus)
		return mig_fail(reterr, -EINVAL, "%u bus ids are too many: the lab has %u GPU%s",
				a->bus_id.n, spec->n_gpus, spec->n_gpus == 1 ? "" : "s");
	for (unsigned i = 0; i < a->bus_id.n; i++) {
		int r = parse_bus_id(a->bus_id.v[i], &spec->gpu[i], reterr);

		if (r < 0)
			return r;
		for (unsigned j = 0; j < i; j++)
			if (!memcmp(&spec->gpu[i].pci_domain, &spec->gpu[j].pci_domain,
				    3 * sizeof(uint32_t)))
				return mig_fail(reterr, -EINVAL,
						"two GPUs cannot have the bus id %s",
						a->bus_id.v[i]);
	}
	return 0;
}

static int fill(const struct args *a, struct lab_spec *spec, struct mig_error *reterr)
{
	struct mig_driver driver;
	int r;

	if (!a->board.n && !a->machine)
		return mig_fail(reterr, -EINVAL,
				"which board? --board a100-80gb-pcie, for instance ('migctl "
				"boards' lists them), or a whole machine: --machine dgx-a100");
	if (!a->driver)
		return mig_fail(reterr, -EINVAL,
				"which driver? --driver 515.86.01, for instance: the lab looks as "
				"that version does");
	r = mig_driver_parse(a->driver, &driver, reterr);
	if (r < 0)
		return r;
	spec->driver_version = a->driver;
	spec->cuda_version = driver.cuda;
	spec->permissions_real = a->permissions == PERMISSIONS_REAL;
	spec->persistenced = a->persistenced;
	spec->seed = a->seed;
	for (unsigned i = 0; i < a->rule.n; i++) {
		if (lab_rule_set(spec->rule, a->rule.v[i]) < 0)
			return mig_fail(reterr, -EINVAL,
					"--rule %s: there is no such rule or value; 'migctl lab "
					"rules' lists them",
					a->rule.v[i]);
	}
	return a->machine ? fill_machine(a, spec, reterr) : fill_gpus(a, spec, reterr);
}

/* Creates under the first free of default, default-2, default-3 ... */
static int create_unnamed(struct lab_spec *spec, const char *labs, char name[64],
			  char dir[PATH_MAX], struct mig_error *reterr)
{
	int r = -EEXIST;

	for (unsigned i = 1; i <= 1000 && r == -EEXIST; i++) {
		snprintf(name, 64, i == 1 ? "default" : "default-%u", i);
		if (snprintf(dir, PATH_MAX, "%s/%s", labs, name) >= PATH_MAX)
			return mig_fail(reterr, -ENAMETOOLONG, "the path %.100s is too long", labs);
		r = lab_create(spec, reterr);
	}
	return r;
}

static int create(const char *word, struct lab_spec *spec, char name[64], char dir[PATH_MAX],
		  struct mig_error *reterr)
{
	char labs[PATH_MAX];
	const char *slash = word ? strrchr(word, '/') : NULL;
	int r;

	spec->dir = dir;
	spec->name = name;
	if (slash) {
		r = cli_lab_name_check(slash + 1, reterr);
		if (r < 0)
			return r;
		snprintf(name, 64, "%s", slash + 1);
		if (snprintf(dir, PATH_MAX, "%s", word) >= PATH_MAX)
			return mig_fail(reterr, -ENAMETOOLONG, "the path is too long");
		return lab_create(spec, reterr);
	}
	r = word ? cli_lab_name_check(word, reterr) : 0;
	if (r >= 0)
		r = cli_labs_dir(true, labs, reterr);
	if (r < 0)
		return r;
	if (!word)
		return create_unnamed(spec, labs, name, dir, reterr);
	snprintf(name, 64, "%s", word);
	if (snprintf(dir, PATH_MAX, "%s/%s", labs, word) >= PATH_MAX)
		return mig_fail(reterr, -ENAMETOOLONG, "the path %.100s is too long", labs);
	r = lab_create(spec, reterr);
	if (r == -EEXIST)
		return mig_fail(reterr, r,
				"there is a lab '%s' already: 'migctl lab destroy %s' removes it",
				word, word);
	return r;
}

/* For the links in the lab's own usr; without them it is a lab all the same. */
static void name_own(struct lab_spec *spec, char library[PATH_MAX], char program[PATH_MAX])
{
	char sim[PATH_MAX];

	if (cli_branch_dir(spec->driver_version, sim, NULL) >= 0 &&
	    snprintf(library, PATH_MAX, "%s/libnvidia-ml.so.1", sim) < PATH_MAX)
		spec->library = library;
	if (cli_self(program, NULL) >= 0)
		spec->program = program;
}

int cmd_lab_create(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_free_ struct lab_spec *spec = calloc(1, sizeof(*spec));
	struct args a = { .seed = 1 };
	char name[64], dir[PATH_MAX], library[PATH_MAX], program[PATH_MAX];
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r < 0)
		return r;
	if (!spec)
		return mig_fail(reterr, -ENOMEM, "out of memory");
	r = fill(&a, spec, reterr);
	if (r >= 0) {
		name_own(spec, library, program);
		r = create(argv[0], spec, name, dir, reterr);
	}
	if (r < 0)
		return r;
	if (a.persistenced) {
		r = lab_client_start_persistenced(dir, reterr);
		if (r < 0)
			return mig_fail_wrap(reterr, r, "the lab '%s' is made, but", name);
	}
	printf("Made the lab '%s': %u GPU%s, driver %s.\n"
	       "Enter it with: migctl lab shell %s\n",
	       name, spec->n_gpus, spec->n_gpus == 1 ? "" : "s", spec->driver_version,
	       strchr(argv[0] ? argv[0] : "", '/') ? argv[0] : name);
	return CLI_EXIT_OK;
}
