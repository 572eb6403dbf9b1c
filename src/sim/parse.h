/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_PARSE_H
#define MIGKIT_SIM_PARSE_H

#include <stdbool.h>

struct sim_bus_id {
	unsigned domain, bus, device, function;
};

/*
 * Reads "[domain:]bus:device.function", each in hexadecimal digits, up to eight. False: not a bus
 * id. The form is the one that nvidia-smi's message asks for.
 */
bool sim_parse_bus_id(const char *text, struct sim_bus_id *ret);

#endif
