/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_NVML_NVML_LAYOUT_LIVE_H
#define MIGKIT_NVML_NVML_LAYOUT_LIVE_H

/* Every struct of nvml_abi_live.h, pinned; included by nvml_layout.h, which says how. */

/* clang-format off */
SIZE(nvmlAccountingStats_t, 56);
AT(nvmlAccountingStats_t, gpuUtilization, 0);
AT(nvmlAccountingStats_t, memoryUtilization, 4);
AT(nvmlAccountingStats_t, maxMemoryUsage, 8);
AT(nvmlAccountingStats_t, time, 16);
AT(nvmlAccountingStats_t, startTime, 24);
AT(nvmlAccountingStats_t, isRunning, 32);
AT(nvmlAccountingStats_t, reserved, 36);
SIZE(nvmlProcessUtilizationInfo_v1_t, 40);
AT(nvmlProcessUtilizationInfo_v1_t, timeStamp, 0);
AT(nvmlProcessUtilizationInfo_v1_t, pid, 8);
AT(nvmlProcessUtilizationInfo_v1_t, smUtil, 12);
AT(nvmlProcessUtilizationInfo_v1_t, memUtil, 16);
AT(nvmlProcessUtilizationInfo_v1_t, encUtil, 20);
AT(nvmlProcessUtilizationInfo_v1_t, decUtil, 24);
AT(nvmlProcessUtilizationInfo_v1_t, jpgUtil, 28);
AT(nvmlProcessUtilizationInfo_v1_t, ofaUtil, 32);
SIZE(nvmlProcessesUtilizationInfo_v1_t, 24);
AT(nvmlProcessesUtilizationInfo_v1_t, version, 0);
AT(nvmlProcessesUtilizationInfo_v1_t, processSamplesCount, 4);
AT(nvmlProcessesUtilizationInfo_v1_t, lastSeenTimeStamp, 8);
AT(nvmlProcessesUtilizationInfo_v1_t, procUtilArray, 16);
SIZE(nvmlGpmMetricMetricInfo_t, 24);
AT(nvmlGpmMetricMetricInfo_t, shortName, 0);
AT(nvmlGpmMetricMetricInfo_t, longName, 8);
AT(nvmlGpmMetricMetricInfo_t, unit, 16);
SIZE(nvmlGpmMetric_t, 40);
AT(nvmlGpmMetric_t, metricId, 0);
AT(nvmlGpmMetric_t, nvmlReturn, 4);
AT(nvmlGpmMetric_t, value, 8);
AT(nvmlGpmMetric_t, metricInfo, 16);
SIZE(nvmlGpmMetricsGet_t, 19104);
AT(nvmlGpmMetricsGet_t, version, 0);
AT(nvmlGpmMetricsGet_t, numMetrics, 4);
AT(nvmlGpmMetricsGet_t, sample1, 8);
AT(nvmlGpmMetricsGet_t, sample2, 16);
AT(nvmlGpmMetricsGet_t, metrics, 24);
SIZE(nvmlGpmSupport_t, 8);
AT(nvmlGpmSupport_t, version, 0);
AT(nvmlGpmSupport_t, isSupportedDevice, 4);
/* clang-format on */

#endif
