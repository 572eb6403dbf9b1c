/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/lab_trace.h"
#include "nvml/trace_msg.h"

/* --- time ----------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void put_time(const struct lab_trace_out *out, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm = { 0 };
	char text[32] = "";
	long rest = (long)(ns % 1000000000);

	if (rest < 0)
		rest = 0; /* only a message that lies has such a time */
	if (out->json) {
		gmtime_r(&seconds, &tm);
		strftime(text, sizeof(text), "%FT%T", &tm);
		fprintf(out->to, "\"%s.%09ldZ\"", text, rest);
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%T", &tm);
	fprintf(out->to, "%s.%06ld", text, rest / 1000);
}

static void put_duration(FILE *to, uint64_t ns)
{
	if (ns < 10000000)
		fprintf(to, "%.1f us", (double)ns / 1e3);
	else if (ns < 10000000000)
		fprintf(to, "%.1f ms", (double)ns / 1e6);
	else
		fprintf(to, "%.1f s", (double)ns / 1e9);
}

/* --- calls ---------------------------------------------------------------------------------- */

static void show_text(struct lab_trace_out *out, const struct nvml_trace_call *call, pid_t pid)
{
	put_time(out, call->head.start_ns);
	fprintf(out->to, " %s %d", call->head.process, (int)pid);
	/* The first thread of a process has its number. */
	if (call->head.tid != call->head.pid)
		fprintf(out->to, "/%" PRIu32, call->head.tid);
	fputc(' ', out->to);
	nvml_trace_text(call, out->to);
	fputc(' ', out->to);
	put_duration(out->to, call->head.duration_ns);
	fputc('\n', out->to);
}

static void show_json(struct lab_trace_out *out, const struct nvml_trace_call *call, pid_t pid)
{
	fputs("{\"event\":\"call\",\"time\":", out->to);
	put_time(out, call->head.start_ns);
	fprintf(out->to, ",\"pid\":%d,\"tid\":%" PRIu32 ",\"process\":", (int)pid, call->head.tid);
	nvml_trace_json_string(call->head.process, strlen(call->head.process), out->to);
	fprintf(out->to, ",\"number\":%" PRIu32 ",", call->head.number);
	nvml_trace_json(call, out->to);
	fprintf(out->to,
		",\"duration_ns\":%" PRIu64 ",\"calls\":null,\"lost\":null,\"text\":null}\n",
		call->head.duration_ns);
}

void lab_trace_show(struct lab_trace_out *out, const void *message, size_t size, pid_t pid)
{
	struct nvml_trace_call call;

	if (!nvml_trace_read(message, size, &call) || call.head.trace != out->trace)
		return;
	if (out->name && strncmp(out->name, call.head.process, sizeof(call.head.process) - 1) != 0)
		return;
	if (pid <= 0)
		pid = (pid_t)call.head.pid;
	out->calls++;
	if (out->json)
		show_json(out, &call, pid);
	else
		show_text(out, &call, pid);
}

/* --- what is no call ------------------------------------------------------------------------ */

/* lost: how many more, 0: none is told. */
static void note(struct lab_trace_out *out, const char *event, bool counts, uint64_t lost,
		 const char *text)
{
	int64_t now = now_ns();

	if (!out->json) {
		put_time(out, now);
		fprintf(out->to, " %s\n", text);
		return;
	}
	fprintf(out->to, "{\"event\":\"%s\",\"time\":", event);
	put_time(out, now);
	fputs(",\"pid\":null,\"tid\":null,\"process\":null,\"number\":null,\"call\":null,"
	      "\"in\":null,\"out\":null,\"status\":null,\"code\":null,\"fault\":null,"
	      "\"duration_ns\":null,",
	      out->to);
	if (counts)
		fprintf(out->to, "\"calls\":%" PRIu64 ",", out->calls);
	else
		fputs("\"calls\":null,", out->to);
	if (counts || lost)
		fprintf(out->to, "\"lost\":%" PRIu64 ",\"text\":", lost);
	else
		fputs("\"lost\":null,\"text\":", out->to);
	nvml_trace_json_string(text, strlen(text), out->to);
	fputs("}\n", out->to);
}

void lab_trace_show_begin(struct lab_trace_out *out, const char *lab)
{
	char text[128];

	snprintf(text, sizeof(text), "the NVML calls on the lab '%.64s':", lab);
	note(out, "begin", false, 0, text);
}

void lab_trace_show_lost(struct lab_trace_out *out, uint64_t lost)
{
	uint64_t more = lost - out->lost;
	char text[128];

	if (lost <= out->lost)
		return;
	out->lost = lost;
	snprintf(text, sizeof(text),
		 "%" PRIu64 " %s lost: they came faster than they could be "
		 "taken in",
		 more, more == 1 ? "call was" : "calls were");
	note(out, "lost", false, more, text);
}

void lab_trace_show_gap(struct lab_trace_out *out, unsigned seconds)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "this trace was stopped: calls of %u second%s before this are not in it", seconds,
		 seconds == 1 ? "" : "s");
	note(out, "gap", false, 0, text);
}

void lab_trace_show_end(struct lab_trace_out *out, const char *why)
{
	char text[192], lost[48] = "none";

	if (out->lost)
		snprintf(lost, sizeof(lost), "%" PRIu64, out->lost);
	snprintf(text, sizeof(text), "end%s%s: %" PRIu64 " %s, %s lost", *why ? ", " : "", why,
		 out->calls, out->calls == 1 ? "call" : "calls", lost);
	note(out, "end", true, out->lost, text);
}
