/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/chosen.h"
#include "cli/complete.h"
#include "cli/lab_inject.h"
#include "cli/lab_open.h"
#include "cli/takes.h"
#include "lab/calls.h"
#include "lab/lab.h"
#include "lab/trouble.h"

/* What labs have to offer for completion. Their files are read, and no driver is asked. */

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void offer_labs(const struct cli_complete *c)
{
	struct dirent **entries;
	char labs[PATH_MAX];
	int n;

	if (cli_labs_dir(false, labs, NULL) < 0)
		return;
	n = scandir(labs, &entries, visible, alphasort);
	for (int i = 0; i < n; i++) {
		cli_candidate(c, entries[i]->d_name, "lab");
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void offer_clients(const struct cli_complete *c, const struct lab *lab)
{
	struct lab_state st;
	uint32_t pid;

	if (lab_read_state(lab, &st) < 0)
		return;
	for (unsigned i = 0; i < LAB_MAX_CLIENTS; i++) {
		if (!lab_client_alive(lab, &st, i, &pid))
			continue;
		cli_candidate_fmt(c, st.client[i].name, "%u", pid);
		cli_candidate(c, st.client[i].name, "client");
	}
}

static void offer_faults(const struct cli_complete *c, const struct lab *lab)
{
	struct lab_trouble t;

	lab_trouble_read(lab, &t);
	for (unsigned i = 0; i < t.n_slots; i++)
		if (t.fault[i].id && lab_fault_holds(lab, &t.fault[i]))
			cli_candidate_fmt(c, "fault", "%u", t.fault[i].id);
}

static void offer_calls(const struct cli_complete *c)
{
	cli_candidate(c, "any", "every call");
	for (unsigned i = 0; i < lab_n_call_groups; i++)
		cli_candidate_fmt(c, lab_call_groups[i].text, "group:%s", lab_call_groups[i].name);
	for (unsigned i = 0; i < lab_n_calls; i++) {
		const char *group = lab_call_groups[lab_calls[i].group].name;

		cli_candidate(c, lab_calls[i].name, group);
		/* The nvml in front may be left out, once something else was typed. */
		if (c->full[c->at] && !strncmp(lab_calls[i].name, "nvml", 4))
			cli_candidate(c, lab_calls[i].name + 4, group);
	}
}

/* "gfx-beside-compute=refuse", where the values are "allow|refuse". */
static void offer_rules(const struct cli_complete *c)
{
	for (unsigned i = 0; i < LAB_RULE_MAX; i++) {
		const char *values = lab_rule_values(i);

		for (size_t len; *values; values += len + (values[len] == '|')) {
			len = strcspn(values, "|");
			cli_candidate_fmt(c, lab_rule_doc(i), "%s=%.*s", lab_rule_name(i), (int)len,
					  values);
		}
	}
}

void lab_complete_kinds(const struct cli_complete *c, uint32_t takes)
{
	_cleanup_(lab_closep) struct lab *lab = NULL;

	if (takes & TAKES_LAB)
		offer_labs(c);
	if (takes & TAKES_CALL)
		offer_calls(c);
	for (unsigned i = 0; takes & TAKES_GROUP && i < lab_n_call_groups; i++)
		cli_candidate(c, lab_call_groups[i].name, lab_call_groups[i].text);
	if (takes & TAKES_RULE)
		offer_rules(c);
	for (unsigned i = 0; takes & TAKES_READING && lab_reading_key(i); i++)
		cli_candidate_fmt(c, NULL, "%s=", lab_reading_key(i));
	for (unsigned i = 0; takes & TAKES_EVENT && lab_inject_word(i); i++)
		cli_candidate(c, lab_inject_word(i), NULL);
	if (!(takes & (TAKES_CLIENT | TAKES_FAULT)) || lab_open_named(c->lab, &lab, NULL) < 0)
		return;
	if (takes & TAKES_CLIENT)
		offer_clients(c, lab);
	if (takes & TAKES_FAULT)
		offer_faults(c, lab);
}
