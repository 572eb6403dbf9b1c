/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_ENGINE_JOURNAL_H
#define MIGKIT_ENGINE_JOURNAL_H

#include <stdio.h>

#include "engine/engine.h"

/*
 * Only for src/engine: the file "journal", one JSON object on each line, written under the
 * machine's lock. A line that a killed process left half written is passed over, and the next
 * writer ends it.
 *
 *   {"op": 7, "event": "begin", "time": ..., "command": ..., "gpus": [{"from": ..., "to": ...}]}
 *   {"op": 7, "event": "step", "do": "create-gi", "text": "create 3g.40gb at 4", "gpu": 0}
 *   {"op": 7, "event": "did", "status": 0}
 *   {"op": 7, "event": "recover", "time": ...}
 *   {"op": 7, "event": "end", "result": "done", "why": "", "time": ...}
 *
 * One of nvidia-smi's grammar has "typed": 1, as its "to" the "from", and its end the GPUs that
 * changed. One of a trial has "trial": 1, its steps "profile", "profile_id" and "start", and what
 * is said after a create that was not in vain has the "start".
 */

#define ENGINE_PATH 4096

/* The file, open for appending; -errno. */
int engine_journal_open(const char *dir, struct mig_error *reterr);

/*
 * Each is on the disk when it returns 0. Room for the rest of the operation is set aside by
 * "begin", so that a disk that fills up stops an operation before it has changed anything.
 */
int engine_journal_begin(int fd, const struct engine_op *op, struct mig_error *reterr);
int engine_journal_step(int fd, const struct engine_op *op, const struct engine_step *step,
			struct mig_error *reterr);
int engine_journal_did(int fd, const struct engine_op *op, int status, struct mig_error *reterr);
/* start: of the GPU instance that a trial made; -1: none. */
int engine_journal_tried(int fd, const struct engine_op *op, int status, int start,
			 struct mig_error *reterr);
/* Somebody ends what another left. */
int engine_journal_recover(int fd, const struct engine_op *op, struct mig_error *reterr);
int engine_journal_end(int fd, const struct engine_op *op, const char *result, const char *why,
		       struct mig_error *reterr);

/* What a journal tells; engine_history_read() of a file that is open. */
void engine_history_parse(FILE *f, struct engine_history *ret);

/* trial.c: what a trial has made, while it goes on and while its journal is read. */
void engine_trial_begins(struct engine_op *op, const struct engine_step *step);
void engine_trial_ends(struct engine_op *op, bool well, int start);

/* The folder of the journal, with those above it. */
int engine_make_folders(const char *dir, struct mig_error *reterr);

#endif
