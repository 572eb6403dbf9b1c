/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_LAB_CLIENT_H
#define MIGKIT_CLI_LAB_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include <migkit/error.h>

/*
 * The lab's clients: processes that hold a GPU or a MIG device. A client is migctl itself, executed
 * anew under the client's name with nothing else in its argument list, so that ps, kill and killall
 * see what they would see of the real program.
 */

struct cli_out;
struct lab;
struct lab_client;
struct lab_state;

/* Whether this process was started as a client; then main only calls lab_client_main(). */
bool lab_client_is_one(void);
int lab_client_main(void);

/* Starts a client in a lab's folder and waits until it holds what it is to hold. */
int lab_client_start(const char *dir, const struct lab_client *what, pid_t *ret,
		     struct mig_error *reterr);
int lab_client_start_persistenced(const char *dir, struct mig_error *reterr);

/* A GPU by index or UUID; a MIG device by UUID or as GPU/GI/CI. */
int lab_client_find_gpu(const struct lab *lab, const struct lab_state *st, const char *word,
			unsigned *ret, struct mig_error *reterr);
int lab_client_find_device(const struct lab *lab, const char *dir, const struct lab_state *st,
			   const char *word, struct lab_client *ret, struct mig_error *reterr);

/* The living clients as records of a list; empty: what to print if there is none. */
int lab_client_list(const struct lab *lab, const struct lab_state *st, struct cli_out *out,
		    const char *empty);

/* Which clients a signal is for. */
struct lab_client_match {
	bool all;
	pid_t pid;	     /* 0: by name */
	const char *name;    /* without folders, as killall compares */
	const void *pattern; /* regex_t: by name as pkill compares; before name */
};

enum lab_client_end {
	LAB_END_SIGNAL, /* send it and go on */
	LAB_END_WAIT,	/* wait a little until they are gone */
	LAB_END_INSIST, /* after that, SIGKILL */
};

/*
 * Signals living clients, each through a pidfd after the kernel's lock has named it again: never a
 * process that got the number of a dead one. Returns how many it was, 0: none matched.
 */
int lab_client_signal(const struct lab *lab, const struct lab_client_match *match, int sig,
		      enum lab_client_end end, struct mig_error *reterr);
/* Ends them all as far as this user may. */
void lab_clients_end_all(const struct lab *lab);

/* lab_reboot.c: what "lab reboot" and the lab's own reboot do. */
int lab_reboot_dir(const char *dir, struct mig_error *reterr);

#endif
