/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "cli/cmd.h"
#include "cli/topics.h"

/* The table of commands as JSON, for what is made of it or held against it outside of migctl. */

static void add(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? json_object_new_string(text) : NULL);
}

static struct json_object *option(const struct cli_opt *opt)
{
	struct json_object *o = json_object_new_object();
	struct json_object *values = json_object_new_array();
	char letter[2] = { opt->letter };

	add(o, "name", opt->name);
	add(o, "letter", opt->letter ? letter : NULL);
	add(o, "arg", opt->arg);
	add(o, "help", opt->help);
	for (int i = 0; opt->kind == OPT_KIND_ENUM && opt->values[i]; i++)
		json_object_array_add(values, json_object_new_string(opt->values[i]));
	json_object_object_add(o, "values", values);
	return o;
}

static struct json_object *command(const struct cli_cmd *cmd)
{
	struct json_object *o = json_object_new_object();
	struct json_object *options = json_object_new_array();

	add(o, "name", cmd->name);
	add(o, "group", cmd->group);
	add(o, "args", cmd->args);
	add(o, "summary", cmd->summary);
	add(o, "details", cmd->details);
	for (const struct cli_opt *opt = cmd->opts; opt && opt->name; opt++)
		json_object_array_add(options, option(opt));
	json_object_object_add(o, "options", options);
	return o;
}

int cmd_table(const struct cli_cmd *cmd, int argc, char **argv, struct mig_error *reterr)
{
	struct json_object *o = json_object_new_object();
	struct json_object *commands = json_object_new_array();
	struct json_object *topics = json_object_new_array();

	(void)cmd;
	if (argc) {
		json_object_put(o);
		return mig_fail(reterr, -EINVAL, "'migctl __table' does not expect '%s'", argv[0]);
	}
	for (const struct cli_cmd *c = cli_commands; c->name; c++)
		if (!(c->flags & CMD_HIDDEN))
			json_object_array_add(commands, command(c));
	for (const struct cli_topic *t = cli_topics; t->name; t++)
		json_object_array_add(topics, json_object_new_string(t->name));
	json_object_object_add(o, "commands", commands);
	json_object_object_add(o, "topics", topics);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return CLI_EXIT_OK;
}
