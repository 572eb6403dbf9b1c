/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_GPM_H
#define MIGKIT_SIM_GPM_H

/* What a metric is called; all NULL for a number that has no name. */
struct sim_gpm_name {
	const char *short_name, *long_name, *unit;
};

/* Highest metric that a driver of a branch takes. */
unsigned sim_gpm_highest(unsigned driver);
struct sim_gpm_name sim_gpm_name(unsigned metric);

#endif
