/* SPDX-License-Identifier: Apache-2.0 */
#include "model/snapshot_fields.h"

#include <string.h>

#define SIZE(t, m) sizeof(((struct t *)0)->m)

#define STR(t, k, m)                                                                           \
	{                                                                                      \
		.key = k, .type = MIG_F_STR, .size = SIZE(t, m), .off = offsetof(struct t, m), \
		.absent = -1                                                                   \
	}
#define UINT(t, k, m, limit)                                                                    \
	{                                                                                       \
		.key = k, .type = MIG_F_UINT, .size = SIZE(t, m), .off = offsetof(struct t, m), \
		.most = limit, .absent = -1                                                     \
	}
#define UINT_OR(t, k, m, limit, none)                                                           \
	{                                                                                       \
		.key = k, .type = MIG_F_UINT, .size = SIZE(t, m), .off = offsetof(struct t, m), \
		.most = limit, .absent = none                                                   \
	}
#define PLAIN(t, k, m, kind)                                                              \
	{                                                                                 \
		.key = k, .type = kind, .size = SIZE(t, m), .off = offsetof(struct t, m), \
		.most = INT32_MAX, .absent = -1                                           \
	}
#define INT(t, k, m)	 PLAIN(t, k, m, MIG_F_INT)
#define STATUS(t, k, m)	 PLAIN(t, k, m, MIG_F_STATUS)
#define BOOL(t, k, m)	 PLAIN(t, k, m, MIG_F_BOOL)
#define READING(t, k, m) PLAIN(t, k, m, MIG_F_READING)
#define END                 \
	{                   \
		.key = NULL \
	}

const struct mig_file_field mig_fields_machine[] = {
	STR(mig_snapshot, "source", source),
	STR(mig_snapshot, "taken", taken),
	STR(mig_snapshot, "host", host),
	STR(mig_snapshot, "driver", driver),
	STR(mig_snapshot, "nvml", nvml),
	STR(mig_snapshot, "cuda", cuda),
	BOOL(mig_snapshot, "lab", lab),
	BOOL(mig_snapshot, "privileged", privileged),
	END,
};

const struct mig_file_field mig_fields_holders[] = {
	BOOL(mig_holders_seen, "asked", asked),
	BOOL(mig_holders_seen, "hidden", hidden),
	BOOL(mig_holders_seen, "namespaced", namespaced),
	UINT(mig_holders_seen, "n_unread", n_unread, UINT32_MAX),
	STATUS(mig_holders_seen, "lab_status", lab_status),
	END,
};

const struct mig_file_field mig_fields_gpu[] = {
	UINT(mig_gpu, "index", index, 65535),
	STATUS(mig_gpu, "status", status),
	STR(mig_gpu, "failed_call", failed_call),
	STR(mig_gpu, "name", name),
	STR(mig_gpu, "uuid", uuid),
	STR(mig_gpu, "bus_id", bus_id),
	STR(mig_gpu, "serial", serial),
	INT(mig_gpu, "minor", minor),
	BOOL(mig_gpu, "mig_capable", mig_capable),
	STATUS(mig_gpu, "mode_status", mode_status),
	UINT(mig_gpu, "mode", mode, MIG_MODE_ON),
	UINT(mig_gpu, "pending", pending, MIG_MODE_ON),
	UINT(mig_gpu, "board_origin", board_origin, MIG_BOARD_FROM_DATA),
	STATUS(mig_gpu, "gi_status", gi_status),
	READING(mig_gpu, "memory_used", memory_used),
	READING(mig_gpu, "memory_free", memory_free),
	READING(mig_gpu, "memory_total", memory_total),
	STATUS(mig_gpu, "process_status", process_status),
	END,
};

const struct mig_file_field mig_fields_gi[] = {
	UINT(mig_gi, "id", id, MIG_MAX_GI_ID),
	UINT_OR(mig_gi, "start", start, 63, MIG_START_UNKNOWN),
	UINT(mig_gi, "size", size, 64),
	STATUS(mig_gi, "ci_status", ci_status),
	END,
};

const struct mig_file_field mig_fields_ci[] = {
	UINT(mig_ci, "id", id, MIG_MAX_CI - 1),
	UINT_OR(mig_ci, "start", start, 63, MIG_START_UNKNOWN),
	UINT(mig_ci, "size", size, 64),
	INT(mig_ci, "mig_index", mig_index),
	STR(mig_ci, "name", name),
	STR(mig_ci, "uuid", uuid),
	READING(mig_ci, "memory_used", memory_used),
	READING(mig_ci, "memory_total", memory_total),
	READING(mig_ci, "sm", sm),
	END,
};

const struct mig_file_field mig_fields_process[] = {
	UINT_OR(mig_process, "gpu", gpu, 65535, MIG_NO_GPU),
	INT(mig_process, "gi", gi),
	INT(mig_process, "ci", ci),
	UINT(mig_process, "pid", pid, UINT32_MAX),
	UINT(mig_process, "kind", kind, 31),
	UINT_OR(mig_process, "uid", uid, UINT32_MAX - 1ll, UINT32_MAX),
	READING(mig_process, "memory", memory),
	STR(mig_process, "name", name),
	STR(mig_process, "command", command),
	STR(mig_process, "user", user),
	STR(mig_process, "unit", unit),
	STR(mig_process, "container", container),
	STR(mig_process, "files", files),
	END,
};

const struct mig_file_field mig_fields_board[] = {
	STR(mig_board, "key", key),
	STR(mig_board, "name", name),
	UINT(mig_board, "architecture", architecture, UINT32_MAX),
	UINT(mig_board, "cc_major", cc_major, 255),
	UINT(mig_board, "cc_minor", cc_minor, 255),
	UINT(mig_board, "pci_device_id", pci_device_id, UINT32_MAX),
	UINT(mig_board, "pci_subsystem_id", pci_subsystem_id, UINT32_MAX),
	UINT(mig_board, "memory_total_mib", memory_total_mib, UINT32_MAX),
	UINT(mig_board, "compute_slices", compute_slices, 64),
	UINT(mig_board, "memory_slices", memory_slices, 64),
	UINT(mig_board, "units", units, 64),
	UINT(mig_board, "numbering", numbering, MIG_NUMBERING_QUARTER),
	BOOL(mig_board, "numbering_fixed", numbering_fixed),
	BOOL(mig_board, "mode_needs_reset", mode_needs_reset),
	BOOL(mig_board, "mode_persistent", mode_persistent),
	BOOL(mig_board, "gi_beside_4g3g", gi_beside_4g3g),
	END,
};

const struct mig_file_field mig_fields_profile[] = {
	STR(mig_gi_profile, "name", name),
	UINT(mig_gi_profile, "id", id, UINT16_MAX),
	UINT(mig_gi_profile, "index", index, UINT16_MAX),
	UINT(mig_gi_profile, "slices", slices, 64),
	UINT(mig_gi_profile, "size", size, 64),
	UINT(mig_gi_profile, "total", total, 255),
	UINT(mig_gi_profile, "memory_mb", memory_mb, UINT32_MAX),
	UINT(mig_gi_profile, "sm", sm, UINT16_MAX),
	UINT(mig_gi_profile, "ce", ce, 255),
	UINT(mig_gi_profile, "dec", dec, 255),
	UINT(mig_gi_profile, "enc", enc, 255),
	UINT(mig_gi_profile, "jpeg", jpeg, 255),
	UINT(mig_gi_profile, "ofa", ofa, 255),
	UINT(mig_gi_profile, "p2p", p2p, 1),
	UINT(mig_gi_profile, "media", media, MIG_MEDIA_GFX),
	UINT(mig_gi_profile, "unconfirmed", unconfirmed, 127),
	END,
};

const struct mig_file_field mig_fields_ci_profile[] = {
	STR(mig_ci_profile, "name", name),
	UINT(mig_ci_profile, "id", id, 255),
	UINT(mig_ci_profile, "slices", slices, 64),
	UINT(mig_ci_profile, "total", total, 255),
	UINT(mig_ci_profile, "span", span, 64),
	UINT(mig_ci_profile, "sm", sm, UINT16_MAX),
	BOOL(mig_ci_profile, "is_default", is_default),
	UINT(mig_ci_profile, "unconfirmed", unconfirmed, 127),
	END,
};

uint64_t mig_field_get(const struct mig_file_field *field, const void *record)
{
	const char *at = (const char *)record + field->off;
	uint64_t v = 0;
	uint32_t v4;
	uint16_t v2;

	switch (field->size) {
	case 1:
		return (uint8_t)*at;
	case 2:
		memcpy(&v2, at, 2);
		return v2;
	case 4:
		memcpy(&v4, at, 4);
		return v4;
	default:
		memcpy(&v, at, 8);
		return v;
	}
}

void mig_field_set(const struct mig_file_field *field, void *record, uint64_t value)
{
	char *at = (char *)record + field->off;
	const uint32_t v4 = (uint32_t)value;
	const uint16_t v2 = (uint16_t)value;

	switch (field->size) {
	case 1:
		*at = (char)value;
		return;
	case 2:
		memcpy(at, &v2, 2);
		return;
	case 4:
		memcpy(at, &v4, 4);
		return;
	default:
		memcpy(at, &value, 8);
	}
}
