/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_OBSERVE_CONTAINER_H
#define MIGKIT_OBSERVE_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the machine below root ("": this one) is a container, and what tells so: device files
 * are then those that its runtime has handed in. ret: "/.dockerenv", "docker://ID"; "" if not.
 */
bool observe_is_container(const char *root, char *ret, size_t size);

#endif
