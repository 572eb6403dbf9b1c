/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_NAMES_H
#define MIGKIT_CLI_NAMES_H

#include "cli/source.h"
#include "engine/names.h"

/*
 * Names of places on the command line ("migctl name"). A name is never a word of another kind: it
 * has a letter in front, where profiles and ids have digits, and UUIDs have GPU- or MIG-.
 */

/* Of the lab that is chosen, or of this machine. */
int cli_names_read(struct engine_names *ret, struct mig_error *reterr);

/* 1: the word is a name; 0: it is something else; -errno: the names cannot be read. */
int cli_name_look_up(const char *word, struct engine_name *ret, struct mig_error *reterr);

/* The same in a machine whose root is a lab's folder. */
int cli_name_look_up_in(const char *root, const char *word, struct engine_name *ret,
			struct mig_error *reterr);

#define CLI_NAME_WORD (sizeof(((struct engine_name *)0)->uuid) + MIG_PROFILE_NAME + 8)
/*
 * What stands for a word where a device is asked for: of a name "GPU-.../3g.40gb@4", in buf; any
 * other word itself.
 */
int cli_name_expand(const char *word, char buf[CLI_NAME_WORD], const char **ret,
		    struct mig_error *reterr);

/* Of a command that is about one GPU: its words, with the profiles for the names in them. */
struct cli_named {
	char gpu[48]; /* "": no word is a name */
	struct {
		char text[160];
	} word[32];
};

/*
 * Puts "3g.40gb@4" in a name's place, with what stands behind a slash, and the GPU where -i would
 * have it. -EINVAL: names of two GPUs, or -i beside a name.
 */
int cli_names_replace(struct cli_named *named, int argc, char **argv,
		      struct cli_source_args *source, struct mig_error *reterr);

/* The instance at a name's place; NULL: there is none now. */
const struct mig_gi *cli_name_gi(const struct engine_name *name, const struct mig_gpu *gpu);
/* -ENOENT, and how to make it. */
int cli_name_not_there(const struct engine_name *name, const struct mig_gpu *gpu,
		       struct mig_error *reterr);

/*
 * The names that a reading command shows: none of a recording, and none where the file cannot be
 * read, which 'migctl name' says.
 */
void cli_names_for(const struct cli_source *source, struct engine_names *ret);
/* What an instance's place is called, in tables: NULL where it has no name. */
const char *cli_name_of_gi(const struct engine_names *names, const struct mig_gpu *gpu,
			   const struct mig_gi *gi);

#endif
