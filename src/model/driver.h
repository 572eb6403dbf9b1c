/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_DRIVER_H
#define MIGKIT_MODEL_DRIVER_H

#include <migkit/driver.h>

#endif
