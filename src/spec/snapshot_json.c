/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/snapshot_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "spec/snapshot_reader.h"

/* A snapshot file from its top: format, version, machine, boards, gpus, processes, holders. */

static const struct mig_file_field no_fields[] = { { .key = NULL } };

/* First of all: a newer file may have anything else in it. */
static int check_version(struct snapshot_reader *rd, const yaml_node_t *root)
{
	const yaml_node_t *node;
	const char *text;
	int64_t version;
	int r;

	if (root->type != YAML_MAPPING_NODE)
		return spec_fail(rd->doc, spec_mark_of(root), rd->reterr,
				 "this is no recording of a machine");
	node = spec_get(rd->doc, root, "format");
	text = node ? spec_scalar(node) : NULL;
	if (!text || strcmp(text, MIG_SNAPSHOT_FORMAT) != 0)
		return spec_fail(rd->doc, spec_mark_of(node ?: root), rd->reterr,
				 "this is no recording of a machine: \"format\" must be \"%s\" "
				 "('migctl snapshot FILE' writes one)",
				 MIG_SNAPSHOT_FORMAT);
	node = spec_get(rd->doc, root, "version");
	if (!node)
		return spec_fail(rd->doc, spec_mark_of(root), rd->reterr,
				 "the recording lacks its \"version\"");
	r = snapshot_number(rd, node, "version", INT32_MAX, &version);
	if (r < 0)
		return r;
	if (version > MIG_SNAPSHOT_VERSION || version < 1)
		return spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				 "the recording is of format %u, and this migctl reads up to %u: "
				 "use the migctl that wrote it, or a newer one",
				 (unsigned)version, MIG_SNAPSHOT_VERSION);
	return 0;
}

static int processes(struct snapshot_reader *rd, const yaml_node_t *root)
{
	size_t n;
	const yaml_node_t *list = snapshot_list(rd, root, "processes", MIG_MAX_ALL_PROCESSES, &n);
	struct mig_snapshot *s = rd->s;
	int r = 0;

	if (!list)
		return -EINVAL;
	s->process = calloc(n ? n : 1, sizeof(*s->process));
	if (!s->process)
		return mig_fail(rd->reterr, -ENOMEM, "%s: out of memory", rd->doc->file);
	for (size_t i = 0; i < n && r >= 0; i++) {
		const yaml_node_t *node = snapshot_item(rd, list, i);
		struct mig_process *p = &s->process[i];
		bool known = false;

		r = snapshot_record(rd, node, "a process", mig_fields_process, NULL, p);
		for (uint32_t g = 0; r >= 0 && g < s->n_gpu; g++)
			known |= s->gpu[g].index == p->gpu;
		if (r >= 0 && !known && p->gpu != MIG_NO_GPU)
			r = spec_fail(rd->doc, spec_mark_of(node), rd->reterr,
				      "process %u is on GPU %u, which is not there", p->pid,
				      p->gpu);
	}
	s->n_process = (uint32_t)n;
	return r;
}

static int read_all(struct snapshot_reader *rd)
{
	static const char *const more[] = { "format", "version",   "machine", "boards",
					    "gpus",   "processes", "holders", NULL };
	const yaml_node_t *root = spec_root(rd->doc);
	int r = check_version(rd, root);

	if (r >= 0)
		r = snapshot_record(rd, root, "the recording", no_fields, more, rd->s);
	if (r >= 0)
		r = snapshot_record(rd, spec_get(rd->doc, root, "machine"), "the machine",
				    mig_fields_machine, NULL, rd->s);
	if (r >= 0)
		r = snapshot_boards(rd, root);
	if (r >= 0)
		r = snapshot_gpus(rd, root);
	if (r >= 0)
		r = processes(rd, root);
	if (r >= 0)
		r = snapshot_record(rd, spec_get(rd->doc, root, "holders"), "holders",
				    mig_fields_holders, NULL, &rd->s->holders);
	return r;
}

static void free_snapshot(struct mig_snapshot **s)
{
	mig_snapshot_free(*s);
}

int spec_snapshot_parse(const char *file, const char *text, size_t size, struct mig_snapshot **ret,
			struct mig_error *reterr)
{
	_cleanup_(free_snapshot) struct mig_snapshot *s = calloc(1, sizeof(*s));
	_cleanup_(spec_doc_done) struct spec_doc doc = { 0 };
	struct snapshot_reader rd = { .doc = &doc, .s = s, .reterr = reterr };
	int r;

	if (!s)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", file);
	r = spec_doc_load_kind(&doc, file, text, size, &spec_kind_snapshot, reterr);
	if (r >= 0)
		r = read_all(&rd);
	free(rd.boards);
	if (r < 0)
		return r;
	s->recorded = true;
	snprintf(s->source, sizeof(s->source), "%s", file);
	*ret = TAKE_PTR(s);
	return 0;
}

int spec_snapshot_read(const char *path, struct mig_snapshot **ret, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = spec_file_read_kind(path, &spec_kind_snapshot, &text, &size, reterr);

	return r < 0 ? r : spec_snapshot_parse(path, text, size, ret, reterr);
}
