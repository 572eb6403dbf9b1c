/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SPEC_BOARD_READER_H
#define MIGKIT_SPEC_BOARD_READER_H

#include "spec/board_yaml.h"
#include "spec/yaml_doc.h"

/* Shared by the parts of the board parser; nobody else includes it. */

/* Driver codes that a file may name: MIG came with R450. */
#define SPEC_DRIVER_LEAST 450000000
#define SPEC_DRIVER_MOST  999999999

struct spec_gi_marks {
	struct spec_mark self, starts;
	struct spec_mark fig[MIG_PROFILE_FIGURE_MAX];
	struct spec_mark ci[MIG_MAX_CI_PROFILES];
};

/* Where each figure stands; what comes from another board stands at this file's "like". */
struct spec_board_marks {
	struct spec_mark like;
	struct spec_mark fig[MIG_BOARD_FIGURE_MAX];
	struct spec_mark architecture;
	struct spec_gi_marks gi[MIG_MAX_GI_PROFILES];
};

struct spec_reader {
	struct spec_doc *doc;
	const struct spec_board_env *env;
	struct mig_board_def *def;
	struct spec_board_marks *marks;
	const struct mig_source *own; /* sources that the file describes itself */
	unsigned n_own;
	bool known; /* a board that is known and no more: every figure may be missing */
	struct mig_error *reterr;
};

/* What stands once for a group of figures: where they come from. */
struct spec_group {
	const char *name; /* "power", "profile 3g.40gb" */
	const yaml_node_t *map;
	uint32_t sources;
	const yaml_node_t *unconfirmed; /* sequence of keys, or NULL */
	bool has_note;
};

/* The name of a board or a machine: small letters, digits and '-'. */
int spec_key_read(struct spec_reader *rd, const yaml_node_t *node, const char *name, char ret[32]);

/* Adds the bit of the source that node names; the board's list of sources grows by it. */
int spec_source_bit(struct spec_reader *rd, const yaml_node_t *node, uint32_t *mask);

/* The sources of "CODE" or "[CODE, ...]". */
int spec_sources_of(struct spec_reader *rd, const yaml_node_t *node, uint32_t *ret);

/* Reads source, unconfirmed and note of a group; about names it in the note. */
int spec_group_open(struct spec_reader *rd, const yaml_node_t *map, const char *name,
		    const char *about, struct spec_group *ret);
/* Refuses "unconfirmed" without a note, and entries in it that name nothing. */
int spec_group_close(struct spec_reader *rd, const struct spec_group *group);

/* Sources of one figure of the group, with MIG_DEF_UNCONFIRMED where it applies. */
uint32_t spec_group_sources(struct spec_reader *rd, const struct spec_group *group, const char *key,
			    uint32_t sources);

/*
 * One figure of the group; ret_mark may be NULL. It must be there, but in a file of a board that is
 * only known, and but for the few keys that most boards have no use for, which are then "no".
 */
int spec_figure_read(struct spec_reader *rd, struct spec_group *group, const char *key,
		     enum mig_kind kind, int64_t least, int64_t most, struct mig_figure *ret,
		     struct spec_mark *ret_mark);
int spec_text_read(struct spec_reader *rd, struct spec_group *group, const char *key, size_t cap,
		   struct mig_text *ret, struct spec_mark *ret_mark);
/* A plain number within bounds. */
int spec_value_read(struct spec_reader *rd, const yaml_node_t *node, const char *key,
		    enum mig_kind kind, int64_t least, int64_t most, int64_t *ret);

int spec_profiles_read(struct spec_reader *rd, const yaml_node_t *seq);
int spec_cis_read(struct spec_reader *rd, const yaml_node_t *seq);

/* Entries of a "sources:" mapping. */
int spec_sources_read(struct spec_doc *doc, const yaml_node_t *map, struct mig_source *ret,
		      unsigned cap, unsigned *ret_n, struct mig_error *reterr);

/* Contradictions between figures. */
int spec_board_check(struct spec_reader *rd);
/* The same of a board that is only known; it really lacks something. */
int spec_known_check(struct spec_reader *rd);

#endif
