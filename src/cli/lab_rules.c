/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "lab/rules.h"

struct args {
	int format;
};

#define A(f) offsetof(struct args, f)
const struct cli_opt lab_rules_opts[] = {
	OPT_ENUM("output", 'o', A(format), "FORMAT", cli_formats, "how to print"), OPT_END
};
#undef A

struct rule_row {
	const char *name, *values, *doc;
};

#define R(f) offsetof(struct rule_row, f)
static const struct cli_field rule_fields[] = {
	{ "name", "RULE", F_PTR, R(name) },
	{ "values", "VALUES (DEFAULT FIRST)", F_PTR, R(values) },
	{ "decides", "DECIDES", F_PTR, R(doc) },
	{ NULL },
};
#undef R

int cmd_lab_rules(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	struct rule_row rows[LAB_RULE_MAX];
	struct args a = { 0 };
	int r;

	r = cli_parse(cmd, &a, &argc, argv, reterr);
	if (r >= 0)
		r = cli_out_new(a.format, &out, reterr);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < LAB_RULE_MAX; i++)
		rows[i] =
			(struct rule_row){ lab_rule_name(i), lab_rule_values(i), lab_rule_doc(i) };
	r = cli_out_list(out, "rules", NULL, NULL, rule_fields, rows, LAB_RULE_MAX,
			 sizeof(rows[0]));
	if (r < 0)
		return mig_fail(reterr, r, "cannot print the list: %s", strerror(-r));
	r = cli_out_end(out, reterr);
	return r < 0 ? r : CLI_EXIT_OK;
}
