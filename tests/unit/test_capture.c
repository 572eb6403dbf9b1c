/* SPDX-License-Identifier: Apache-2.0 */
/* test: timeout=240 */
/*
 * Boards captured from labs: what NVML says is what the board's own file says, for every board that
 * can be simulated; what follows from the chip's family agrees with our data, and is marked.
 */
#include <dirent.h>
#include <errno.h>

#include "model/board_text.h"
#include "observe/capture.h"
#include "observe/observe.h"
#include "spec/board_yaml.h"
#include "unit/abi_fixture.h"

#define DRIVER "580.159.04"

static struct mig_snapshot *take(const struct nvml_api *api)
{
	struct mig_snapshot *s = NULL;

	CHECK_EQ(observe_machine(api, NULL, OBSERVE_BOARD | OBSERVE_MEMORY, &s, NULL), 0);
	return s;
}

static void capture(const struct nvml_api *api, struct mig_board_def *ret)
{
	struct mig_snapshot *s = take(api);
	struct mig_error err = { 0 };
	char *text = NULL;
	int r = observe_capture(api, s, "captured", &text, &err);

	if (r >= 0)
		r = spec_board_text("captured.yaml", text, strlen(text), ret, &err);
	if (r < 0)
		fprintf(stderr, "%s\n%s\n", err.msg, text ? text : "");
	CHECK_EQ(r, 0);
	CHECK_STR(ret->key, "captured");
	free(text);
	mig_snapshot_free(s);
}

static bool is_from(const struct mig_board_def *def, uint32_t sources, const char *code)
{
	for (uint32_t i = 0; i < def->n_sources; i++)
		if ((sources >> i & 1) && !strcmp(def->sources[i].code, code))
			return true;
	return false;
}

/* Figures that NVML's answer has where the file has none: the simulated driver answers by a rule.
 */
static bool may_be_absent(enum mig_board_figure f)
{
	return f == MIG_FIG_DEFAULT_SM_MHZ || f == MIG_FIG_MIN_SM_MHZ ||
	       f == MIG_FIG_MAX_OPERATING_C || f == MIG_FIG_MODULE;
}

static unsigned compare_figures(const struct mig_board_def *got, const struct mig_board_def *want)
{
	uint32_t code = 0;
	unsigned told = 0;

	CHECK_EQ(mig_driver_parse_code(DRIVER, &code, NULL), 0);
	for (enum mig_board_figure f = 0; f < MIG_BOARD_FIGURE_MAX; f++) {
		const struct mig_variant *a = mig_figure_at(&got->fig[f], code);
		const struct mig_variant *b = mig_figure_at(&want->fig[f], code);
		const char *key = mig_board_figure_name(f)->key;

		if (f == MIG_FIG_DISPLAY_OFF && (!a || !a->value))
			continue;
		/* The rule of the family does not know which kind this product's boards have. */
		if (f == MIG_FIG_NUMBERING && a->value != MIG_NUMBERING_QUARTER) {
			CHECK(is_from(got, a->sources, "FAMILY"));
			CHECK(a->sources & MIG_DEF_UNCONFIRMED);
			continue;
		}
		if (!b && may_be_absent(f))
			continue;
		if (!a != !b || (a && a->value != b->value))
			fprintf(stderr, "%s: %s: %lld, not %lld\n", want->key, key,
				a ? (long long)a->value : -1, b ? (long long)b->value : -1);
		CHECK(!a == !b && (!a || a->value == b->value));
		told += a && is_from(got, a->sources, "NVML");
	}
	return told;
}

static void compare_texts(const struct mig_board_def *got, const struct mig_board_def *want)
{
	uint32_t code = 0;

	CHECK_EQ(mig_driver_parse_code(DRIVER, &code, NULL), 0);
	for (enum mig_board_text t = 0; t < MIG_BOARD_TEXT_MAX; t++) {
		const struct mig_text_variant *a = mig_text_at(&got->text[t], code);
		const struct mig_text_variant *b = mig_text_at(&want->text[t], code);

		CHECK(!a == !b);
		if (a)
			CHECK_STR(a->text, b->text);
	}
}

static void compare_profiles(const struct mig_board_def *got, const struct mig_board *want,
			     const char *driver)
{
	struct mig_board *b = calloc(1, sizeof(*b));

	CHECK(b != NULL);
	CHECK_EQ(mig_board_resolve(got, driver, b, NULL), 0);
	CHECK_EQ(b->n_gi, want->n_gi);
	for (unsigned i = 0; i < b->n_gi; i++) {
		const struct mig_gi_profile *p = &b->gi[i], *q = &want->gi[i];

		CHECK_STR(p->name, q->name);
		CHECK_EQ(p->id, q->id);
		CHECK_EQ(p->index, q->index);
		CHECK_EQ(p->slices, q->slices);
		CHECK_EQ(p->size, q->size);
		CHECK_EQ(p->total, q->total);
		CHECK_EQ(p->n_starts, q->n_starts);
		CHECK(!memcmp(p->starts, q->starts, sizeof(p->starts)));
		CHECK_EQ(p->memory_mb, q->memory_mb);
		CHECK_EQ(p->bar1_mb, q->bar1_mb);
		CHECK_EQ(p->sm, q->sm);
		CHECK_EQ(p->ce, q->ce);
		CHECK_EQ(p->dec, q->dec);
		CHECK_EQ(p->enc, q->enc);
		CHECK_EQ(p->jpeg, q->jpeg);
		CHECK_EQ(p->ofa, q->ofa);
		CHECK_EQ(p->p2p, q->p2p);
		CHECK_EQ(p->media, q->media);
		CHECK_EQ(p->n_ci, q->n_ci);
		for (unsigned k = 0; k < p->n_ci; k++) {
			CHECK_STR(p->ci[k].name, q->ci[k].name);
			CHECK_EQ(p->ci[k].id, q->ci[k].id);
			CHECK_EQ(p->ci[k].slices, q->ci[k].slices);
			CHECK_EQ(p->ci[k].total, q->ci[k].total);
			CHECK_EQ(p->ci[k].span, q->ci[k].span);
			CHECK_EQ(p->ci[k].sm, q->ci[k].sm);
			CHECK_EQ(p->ci[k].is_default, q->ci[k].is_default);
			/* MIG is off: nothing has told them. */
			CHECK(p->ci[k].unconfirmed & MIG_UNCONFIRMED_SM);
		}
	}
	free(b);
}

static void display_off(const struct fixture *f)
{
	struct lab *lab = fixture_open(f);
	struct mig_error err = { 0 };

	CHECK_EQ(lab_set_reading(lab, 0, -1, "display", "off", &err), 0);
	lab_close(lab);
}

static void one_board(const struct mig_board_def *def, const struct mig_board *data)
{
	struct mig_board_def *got = calloc(1, sizeof(*got));
	struct nvml_api api;
	struct fixture f;

	CHECK(got != NULL);
	abi_lab(&f, &api, def->key, DRIVER, 1, data->numbering);
	if (data->mode_display_off)
		display_off(&f);
	capture(&api, got);
	/* Of 47 figures of a board NVML tells 28 at the least. */
	CHECK(compare_figures(got, def) >= 28);
	compare_texts(got, def);
	compare_profiles(got, data, DRIVER);
	/* A simulation confirms nothing. */
	for (uint32_t i = 0; i < got->n_sources; i++)
		CHECK(!got->sources[i].confirms);
	abi_end(&f, &api);
	free(got);
}

/* With instances, NVML tells the compute instances of theirs and the numbering. */
static void with_instances(void)
{
	struct mig_board_def *got = calloc(1, sizeof(*got));
	nvmlReturn_t activation;
	nvmlGpuInstance_t gi;
	struct nvml_api api;
	nvmlDevice_t dev;
	struct fixture f;

	CHECK(got != NULL);
	abi_lab(&f, &api, "a100-80gb-sxm", DRIVER, 1, MIG_NUMBERING_X);
	CHECK_EQ(api.nvmlDeviceGetHandleByIndex_v2(0, &dev), 0);
	CHECK_EQ(api.nvmlDeviceSetMigMode(dev, 1, &activation), 0);
	CHECK_EQ(api.nvmlDeviceCreateGpuInstance(dev, 9, &gi), 0);
	capture(&api, got);
	CHECK_EQ(got->fig[MIG_FIG_NUMBERING].v[0].value, MIG_NUMBERING_X);
	CHECK(is_from(got, got->fig[MIG_FIG_NUMBERING].v[0].sources, "NVML"));
	for (uint32_t i = 0; i < got->n_gi; i++)
		CHECK_EQ(is_from(got, got->gi[i].ci[0].sources, "NVML"),
			 !strcmp(got->gi[i].name, "3g.40gb"));
	abi_end(&f, &api);
	free(got);
}

/* A product that our data do not have: by the rules alone it is a board that can be simulated. */
static void unknown_product(void)
{
	const struct mig_board_def *def = mig_board_find("h100-80gb-sxm");
	struct mig_board_def *got = calloc(1, sizeof(*got));
	struct mig_error err = { 0 };
	struct mig_snapshot *s;
	struct nvml_api api;
	struct fixture f;
	char *text = NULL;
	int r;

	CHECK(got != NULL && def != NULL);
	abi_lab(&f, &api, def->key, DRIVER, 1, MIG_NUMBERING_I);
	s = take(&api);
	s->gpu[0].board.key[0] = '\0';
	CHECK_EQ(observe_capture(&api, s, "mine", &text, &err), 0);
	r = spec_board_text("mine.yaml", text, strlen(text), got, &err);
	if (r < 0)
		fprintf(stderr, "%s\n%s\n", err.msg, text);
	CHECK_EQ(r, 0);
	CHECK_EQ(got->n_gi, def->n_gi);
	CHECK_EQ(got->fig[MIG_FIG_SM_TOTAL].v[0].value, 132);
	CHECK(is_from(got, got->gi[0].fig[MIG_PFIG_BAR1_MB].v[0].sources, "BAR1-580"));
	free(text);
	text = NULL;
	/* What cannot be captured: a GPU that fails, and one without MIG. */
	s->gpu[0].board_origin = MIG_BOARD_FROM_DATA;
	s->privileged = false;
	CHECK_EQ(observe_capture(&api, s, "mine", &text, &err), -EPERM);
	CHECK(strstr(err.msg, "root") != NULL);
	s->gpu[0].mig_capable = false;
	CHECK_EQ(observe_capture(&api, s, "mine", &text, &err), -ENOTSUP);
	s->gpu[0].status = NVML_ERROR_GPU_IS_LOST;
	CHECK_EQ(observe_capture(&api, s, "mine", &text, &err), -EIO);
	CHECK(strstr(err.msg, "NVML_ERROR_GPU_IS_LOST") != NULL);
	CHECK(text == NULL);
	mig_snapshot_free(s);
	abi_end(&f, &api);
	free(got);
}

static void since(void)
{
	char text[24];

	capture_since("580.159.04", text);
	CHECK_STR(text, "580.159.04");
	/* A branch that no lab can have yet. */
	capture_since("990.10.01", text);
	CHECK_STR(text, "580.00.00");
}

/* Readings of the moment, which a machine at work has others of. */
static bool is_of_the_moment(enum mig_board_figure f)
{
	return f == MIG_FIG_IDLE_C || f == MIG_FIG_IDLE_W || f == MIG_FIG_IDLE_SM_MHZ ||
	       f == MIG_FIG_IDLE_MEM_MHZ || f == MIG_FIG_IDLE_VIDEO_MHZ || f == MIG_FIG_BAR1_USED ||
	       f == MIG_FIG_MEMORY_W;
}

/* Of another piece of the same product. */
static bool is_of_the_piece(enum mig_board_text t)
{
	return t == MIG_TEXT_VBIOS || t == MIG_TEXT_PART_NUMBER || t == MIG_TEXT_GPU_PART_NUMBER ||
	       t == MIG_TEXT_INFOROM_IMAGE;
}

static const struct mig_board_def *same_product(const struct mig_board_def *got)
{
	const struct mig_board_def *def;
	const struct mig_board_def *found = NULL;

	for (unsigned i = 0; (def = mig_board_at(i)); i++)
		if (def->fig[MIG_FIG_PCI_DEVICE_ID].v[0].value ==
			    got->fig[MIG_FIG_PCI_DEVICE_ID].v[0].value &&
		    !strcmp(def->text[MIG_TEXT_NAME].v[0].text, got->text[MIG_TEXT_NAME].v[0].text))
			found = def;
	return found;
}

/* A board that was captured from real hardware (tests/real/keep): NVML confirms what ours says. */
static void recorded(const char *path)
{
	struct mig_board_def *got = calloc(1, sizeof(*got));
	struct mig_board *data = calloc(1, sizeof(*data));
	const struct mig_board_def *want;
	struct mig_error err = { 0 };
	uint32_t code;
	char driver[24];
	int r;

	CHECK(got && data);
	r = spec_board_load(path, got, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", err.msg);
	CHECK_EQ(r, 0);
	code = (uint32_t)got->first_driver.v[0].value;
	mig_driver_format(code, driver, sizeof(driver));
	want = same_product(got);
	CHECK(want != NULL);
	for (enum mig_board_figure f = 0; f < MIG_BOARD_FIGURE_MAX; f++) {
		const struct mig_variant *a = mig_figure_at(&got->fig[f], code);
		const struct mig_variant *b = mig_figure_at(&want->fig[f], code);

		if (!a || !is_from(got, a->sources, "NVML") || is_of_the_moment(f))
			continue;
		if (!b || a->value != b->value)
			fprintf(stderr, "%s: %s: there %lld, in data/boards/%s.yaml %lld\n", path,
				mig_board_figure_name(f)->key, (long long)a->value, want->key,
				b ? (long long)b->value : -1);
		CHECK(b && a->value == b->value);
	}
	for (enum mig_board_text t = 0; t < MIG_BOARD_TEXT_MAX; t++) {
		const struct mig_text_variant *a = mig_text_at(&got->text[t], code);
		const struct mig_text_variant *b = mig_text_at(&want->text[t], code);

		if (a && !is_of_the_piece(t))
			CHECK_STR(b ? b->text : "", a->text);
	}
	CHECK_EQ(mig_board_resolve(want, driver, data, &err), 0);
	compare_profiles(got, data, driver);
	free(got);
	free(data);
}

static void all_recorded(void)
{
	const char *source = getenv("MIGKIT_SOURCE");
	char folder[300], path[700];
	struct dirent *d;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/tests/real/recorded", source ? source : ".");
	dir = opendir(folder);
	CHECK(dir != NULL);
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%.255s/board.yaml", folder, d->d_name);
		if (d->d_name[0] != '.' && access(path, R_OK) == 0)
			recorded(path);
	}
	closedir(dir);
}

int main(void)
{
	const struct mig_board_def *def;
	struct mig_board *data = calloc(1, sizeof(*data));
	unsigned n = 0;

	CHECK(data != NULL);
	for (unsigned i = 0; (def = mig_board_at(i)); i++) {
		if (mig_board_resolve(def, DRIVER, data, NULL) < 0)
			continue;
		one_board(def, data);
		n++;
	}
	CHECK(n >= 20);
	with_instances();
	unknown_product();
	all_recorded();
	since();
	free(data);
	return 0;
}
