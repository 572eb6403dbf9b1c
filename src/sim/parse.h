/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_PARSE_H
#define MIGKIT_SIM_PARSE_H

#include <stdbool.h>

struct sim_bus_id {
	unsigned domain, bus, device, function;
};

/*
 * Reads "domain:bus:device.function" in hexadecimal digits of any number up to eight; domain and
 * function may be absent (0). False: not a bus id.
 */
bool sim_parse_bus_id(const char *text, struct sim_bus_id *ret);

#endif
