/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_MODEL_NAMES_H
#define MIGKIT_MODEL_NAMES_H

#include <migkit/names.h>

#endif
