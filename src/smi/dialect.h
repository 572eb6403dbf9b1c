/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SMI_DIALECT_H
#define MIGKIT_SMI_DIALECT_H

#include <stdbool.h>

/*
 * What nvidia-smi prints changed with the driver's branches. Everything that differs is data here:
 * formats, widths and yes/no questions; the code asks them and never the version. The source of the
 * data: what NVIDIA's own programs 450.248.02, 460.106.00, 470.256.02, 510.60.02, 525.147.05,
 * 535.261.03, 545.29.06, 550.163.01, 565.57.01, 570.133.07 and 580.178.04 printed over one and the
 * same library (tests/smi compares three of them again); for 515 the lesson and its transcripts.
 */

/* Plain "nvidia-smi". */
struct smi_summary_format {
	const char *head;	 /* row: nvidia-smi's version, driver's version, CUDA's */
	const char *gpu;	 /* row of one GPU: 15 cells */
	const char *power_error; /* what stands for a power draw that cannot be read */
	const char *limit_error;
	const char *memory; /* used and total MiB */
	const char *mig_head;
	const char *mig_none;
	const char *mig_device;	 /* row: 13 cells */
	const char *mig_sibling; /* row of a CI whose GI has a row already: 10 cells; NULL: none */
	const char *mig_line;	 /* between GIs */
	const char *mig_sibling_line;
	const char *process_head; /* with the line above it */
	const char *process_none;
	const char *process; /* row: 7 cells */
	const char *process_line;
	unsigned int process_name; /* longest name that is printed whole */
};

/* The tables of "nvidia-smi mig". */
struct smi_mig_format {
	const char *gi_profiles_head, *gi_profile, *gi_profiles_line; /* row: 12 cells */
	const char *gis_head, *gi, *gis_line;			      /* row: 5 cells */
};

/* How the main grammar complains: printf formats and exit codes. */
struct smi_usage_format {
	const char *unknown; /* option; in a summary */
	int unknown_code;
	const char *unknown_change; /* option; beside a modification */
	int unknown_change_code;
	const char *missing; /* option */
	int missing_code;
	const char *bad_value; /* both names of the option, value; or value, option */
	bool bad_value_first;
	int bad_value_code;
	bool bad_value_late; /* told as bad_input is: after the GPUs were looked up */
	const char *two_changes;
	const char *bad_input; /* -i twice and the like; NULL: the last one counts */
	int bad_input_code;
	const char *not_with_command; /* option beside -L or -h */
	const char *two_commands;
};

enum smi_equals {
	SMI_EQUALS_NO,
	SMI_EQUALS_ALL,	   /* in every word, at every "=" */
	SMI_EQUALS_OPTION, /* in "OPTION=VALUE", at the first */
};

struct smi_dialect {
	unsigned int from; /* first driver branch */
	const struct smi_summary_format *summary;
	const struct smi_mig_format *mig;
	const struct smi_usage_format *usage;
	unsigned int gi_profiles; /* profile indices that are asked for: 0 to this - 1 */
	unsigned int ci_profiles;
	const char *mig_device;	    /* -L: profile, index and UUID */
	bool names_by_driver;	    /* profiles carry their names; before, figures made them */
	bool gi_placements;	    /* -cgi PROFILE:START */
	bool ci_placements;	    /* -lcipp and -cci PROFILE:START */
	bool profiles_without_mig;  /* -lgip and -lgipp answer with MIG mode off */
	bool own_words;		    /* for errors that NVML has poorer ones for */
	bool no_supported_gpus;	    /* and one for GPU_NOT_FOUND */
	bool tells_unsupported;	    /* "No MIG-supported devices found." is a message of its own */
	int no_mig_code;	    /* exit code of "No MIG-enabled devices found." */
	enum smi_equals mig_equals; /* "mig": when "-i=0" is "-i 0" */
	bool mig_help_alone;	    /* "mig -i 0" prints the help */
	bool mig_dash_is_no_value;  /* "mig -cgi -9" has no value */
	bool mig_help_first;	    /* "mig -h" does not look at the other options */
	bool checks_mig_mode;	    /* "-mig 2" is refused */
	bool reserved_memory;	    /* memory.reserved is a field */
	bool word_is_id_0;	    /* "mig -gi x" means 0; later, nothing that can be foreseen */
	bool rounds_mib_up;	    /* memory; before, the rest was cut off */
	const char *persistence_on; /* -pm 1: bus id */
	bool persistence_goes_on;   /* where it fails, it is told as done all the same */
	bool has_error_on_warning;  /* -eow */
	bool strict_values;	    /* "-i 0" and "--id=0", but neither "-i=0" nor "--id 0" */
	bool dash_values;	    /* where that is so: a value may begin with "-" */
	bool format_optional;	    /* --query-gpu without --format is CSV */
	bool reset_type;	    /* "-r bus" */
	bool goes_on_without_lost;  /* a lost GPU is told on stderr, and the others are shown */
};

/* The dialect of a driver branch: the newest that is not younger; the oldest for anything older. */
const struct smi_dialect *smi_dialect_of(unsigned int driver_major);

extern const struct smi_summary_format smi_summary_450, smi_summary_535, smi_summary_550,
	smi_summary_565, smi_summary_570, smi_summary_580;
extern const struct smi_mig_format smi_mig_450, smi_mig_470, smi_mig_580;

#endif
