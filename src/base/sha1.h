/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_BASE_SHA1_H
#define MIGKIT_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

/* SHA-1 (RFC 3174), for version-5 UUIDs (RFC 4122) alone: libc has none, and the simulated driver
 * may need nothing but libc. Not for anything that must resist an attacker. */
void base_sha1(const void *data, size_t size, uint8_t ret[20]);

/* Version-5 UUID in text form ("xxxxxxxx-xxxx-5xxx-xxxx-xxxxxxxxxxxx") of a name in a namespace. */
void base_uuid5(const uint8_t space[16], const char *name, char ret[37]);

/* 36 characters of the same form. */
void base_uuid_text(const uint8_t bytes[16], char ret[37]);

/* Parses 36 characters of UUID text; 0 or -EINVAL. */
int base_uuid_parse(const char *text, uint8_t ret[16]);

#endif
