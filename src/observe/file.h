/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_FILE_H
#define MIGKIT_OBSERVE_FILE_H

#include <migkit/error.h>

/*
 * Writes a text: beside, then renamed, so that a full disk leaves what was there. A file that is
 * there is replaced only if it begins with mark (NULL: never); else -EEXIST.
 */
int observe_write_file(const char *path, const char *text, const char *mark,
		       struct mig_error *reterr);

/*
 * For a text that comes of work which nobody wants to do in vain: whether the path is free, and a
 * text of some length can be written there now.
 */
int observe_may_write_file(const char *path, struct mig_error *reterr);

#endif
