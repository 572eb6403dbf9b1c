/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/util.h"
#include "fuzz/replay.h"
#include "nvml/trace_msg.h"

/*
 * What a traced process tells of its calls: any bytes, for anybody can write to
 * the tracer's socket. They are no message, or one that can be told: in a line
 * for a terminal, and as JSON.
 *
 * Bytes that do not begin as a message are given the head's magic and size,
 * which nobody guesses.
 */

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static char *told(const struct nvml_trace_call *call,
		  void (*tell)(const struct nvml_trace_call *, FILE *), const char *begin,
		  const char *end, size_t *ret_size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);

	check(f != NULL, "no memory");
	fputs(begin, f);
	tell(call, f);
	fputs(end, f);
	fclose(f);
	return text;
}

static void tell(const struct nvml_trace_call *call)
{
	_cleanup_free_ char *text = NULL, *json = NULL;
	enum json_tokener_error why;
	struct json_object *o;
	size_t size = 0;

	text = told(call, nvml_trace_text, "", "", &size);
	check(text && strlen(text) == size, "a text with an end in it");
	for (size_t i = 0; text && i < size; i++)
		check(text[i] >= ' ' && text[i] != 0x7f, "what a terminal would obey");
	json = told(call, nvml_trace_json, "{", "}", &size);
	check(json && strlen(json) == size, "JSON with an end in it");
	o = json_tokener_parse_verbose(json, &why);
	if (!o)
		fprintf(stderr, "%s\n%s\n", json, json_tokener_error_desc(why));
	check(o && json_object_is_type(o, json_type_object), "not JSON");
	json_object_put(o);
}

static void receive(uint8_t *message, size_t size)
{
	struct nvml_trace_call call;
	uint32_t own = (uint32_t)size;

	if (size >= sizeof(call.head) && message[0] != NVML_TRACE_MAGIC[0]) {
		memcpy(message, NVML_TRACE_MAGIC, sizeof(call.head.magic));
		memcpy(message + offsetof(struct nvml_trace_head, size), &own, sizeof(own));
	}
	if (nvml_trace_read(message, size, &call))
		tell(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *message = malloc(size ? size : 1);

	if (!message)
		return 0;
	memcpy(message, data, size);
	receive(message, size);
	free(message);
	return 0;
}

#ifndef FUZZ_ENGINE
int main(int argc, char **argv)
{
	return replay(argc, argv);
}
#endif
