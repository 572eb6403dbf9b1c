/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_TOPICS_H
#define MIGKIT_CLI_TOPICS_H

/* What 'migctl help TOPIC' explains beside the commands: data/help/TOPIC.txt, in a table. */
struct cli_topic {
	const char *name;
	const char *title; /* first line of the text */
	const char *text;
};

/* In the order of their names; ends with a row without name. */
extern const struct cli_topic cli_topics[];

#endif
