/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "lab/rules.h"

static const struct {
	const char *name, *values, *doc;
} rules[] = {
#define X(id, name, values, doc) [LAB_RULE_##id] = { name, values, doc },
	LAB_RULES(X)
#undef X
};

const char *lab_rule_name(enum lab_rule rule)
{
	return (unsigned)rule < LAB_RULE_MAX ? rules[rule].name : NULL;
}

const char *lab_rule_values(enum lab_rule rule)
{
	return (unsigned)rule < LAB_RULE_MAX ? rules[rule].values : NULL;
}

const char *lab_rule_doc(enum lab_rule rule)
{
	return (unsigned)rule < LAB_RULE_MAX ? rules[rule].doc : NULL;
}

/*
 * A rule that changes what a board offers rather than how it behaves: applied once, to the tables
 * of the lab. The plain slice of a 1g with double memory stands before the one that fills it.
 */
void lab_rules_shape_board(const uint8_t *rule, struct mig_board *board)
{
	for (unsigned i = 0; i < board->n_gi; i++) {
		struct mig_gi_profile *p = &board->gi[i];

		if (rule[LAB_RULE_CI_1G_DOUBLE] == 0 || p->slices != 1 || p->n_ci != 2)
			continue;
		p->ci[0] = p->ci[1];
		memset(&p->ci[1], 0, sizeof(p->ci[1]));
		p->n_ci = 1;
	}
}

/* Position of a word in "a|b|c", -1: not there. */
static int value_of(const char *values, const char *word)
{
	size_t len = strlen(word);

	for (int n = 0; *values; n++) {
		size_t l = strcspn(values, "|");

		if (l == len && !strncmp(values, word, len))
			return n;
		values += l + (values[l] == '|');
	}
	return -1;
}

int lab_rule_set(uint8_t rule[32], const char *assignment)
{
	const char *eq = strchr(assignment, '=');
	size_t len = eq ? (size_t)(eq - assignment) : 0;

	_Static_assert(LAB_RULE_MAX <= 32, "a lab's file has room for 32 rules");
	for (unsigned i = 0; eq && i < LAB_RULE_MAX; i++) {
		int value;

		if (strlen(rules[i].name) != len || strncmp(rules[i].name, assignment, len) != 0)
			continue;
		value = value_of(rules[i].values, eq + 1);
		if (value < 0)
			return -EINVAL;
		rule[i] = (uint8_t)value;
		return 0;
	}
	return -EINVAL;
}
