/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_CLI_TAKES_H
#define MIGKIT_CLI_TAKES_H

#include <stdint.h>

/*
 * What a word of the command line may be, for completion: an operand (struct cli_cmd, .takes) or
 * the value of an option, which follows from its name for people (takes.c). Several at once are
 * fine. Whoever adds a kind says in complete.c where its words are from.
 */
enum cli_takes {
	TAKES_NEW = 1u << 0,	    /* a name, number or size that only the user knows */
	TAKES_GPU = 1u << 1,	    /* its index */
	TAKES_GI = 1u << 2,	    /* GPU/GI */
	TAKES_CI = 1u << 3,	    /* GPU/GI/CI */
	TAKES_MIG = 1u << 4,	    /* UUID of a MIG device */
	TAKES_GI_ID = 1u << 5,	    /* of the GPU that -i names */
	TAKES_PROFILE = 1u << 6,    /* of GPU instances: [Nx]PROFILE[@START] */
	TAKES_CI_PROFILE = 1u << 7, /* of compute instances */
	TAKES_BOARD = 1u << 8,
	TAKES_MACHINE = 1u << 9,
	TAKES_DRIVER = 1u << 10, /* a version of the driver */
	TAKES_LAB = 1u << 11,
	TAKES_CLIENT = 1u << 12,  /* of a lab: name or pid */
	TAKES_FAULT = 1u << 13,	  /* of a lab: number */
	TAKES_CALL = 1u << 14,	  /* of NVML, or group:NAME */
	TAKES_GROUP = 1u << 15,	  /* of such calls */
	TAKES_STATUS = 1u << 16,  /* of NVML */
	TAKES_RULE = 1u << 17,	  /* NAME=VALUE */
	TAKES_READING = 1u << 18, /* KEY= */
	TAKES_EVENT = 1u << 19,
	TAKES_COMMAND = 1u << 20, /* of migctl */
	TAKES_TOPIC = 1u << 21,
	TAKES_WORDS = 1u << 22, /* those of .words */
	TAKES_FILE = 1u << 23,
	TAKES_MANY = 1u << 24, /* several with commas between them */
	TAKES_UUID = 1u << 25, /* of a GPU */
	TAKES_NAME = 1u << 26, /* of a place */
	/* What only the driver or a lab knows, and may be slow to tell. */
	TAKES_LIVE = TAKES_GPU | TAKES_UUID | TAKES_GI | TAKES_CI | TAKES_MIG | TAKES_GI_ID |
		     TAKES_PROFILE | TAKES_CI_PROFILE | TAKES_CLIENT | TAKES_FAULT | TAKES_NAME,
};

struct cli_opt;

struct cli_takes_row {
	const char *option; /* NULL: any with that value */
	const char *arg;    /* the value's name in the option's row: "GPU,..." */
	uint32_t takes;	    /* enum cli_takes */
	const char *words;  /* of TAKES_WORDS, with blanks between them */
};

/* Of an option with a value that is no enum; NULL: takes.c does not know it, which a test finds. */
const struct cli_takes_row *cli_takes_of(const struct cli_opt *option);

#endif
