/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_ABI_LIVE_H
#define MIGKIT_NVML_NVML_ABI_LIVE_H

/* The part of nvml_abi.h that tells what goes on: events, processes, samples, links. */

/* --- events --------------------------------------------------------------------------------- */

#define nvmlEventTypeSingleBitEccErrorStorm 0x0000000000000200LL
#define nvmlEventTypeDramRetirementEvent    0x0000000000000400LL
#define nvmlEventTypeDramRetirementFailure  0x0000000000000800LL
#define nvmlEventTypeNonFatalPoisonError    0x0000000000001000LL
#define nvmlEventTypeFatalPoisonError	    0x0000000000002000LL
#define nvmlEventTypeGpuUnavailableError    0x0000000000004000LL
#define nvmlEventTypeGpuRecoveryAction	    0x0000000000008000LL

#endif
