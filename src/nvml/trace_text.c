/* SPDX-License-Identifier: Apache-2.0 */
/* What a traced call says, from the memory that was sent and the types that are known. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nvml/migkit_handle.h"
#include "nvml/nvml_abi.h"
#include "nvml/trace_msg.h"
#include "nvml/trace_table.h"

#define MAX_SHOWN 16 /* entries of a list on one line, for people */

struct view {
	const struct nvml_trace_call *call;
	FILE *to;
	bool json;
	uint64_t value_type; /* the last nvmlValueType_t, and the last number: what a union is */
	uint64_t number;
	bool stale;
};

/* Memory that was sent: what lies beyond its end is not known. */
struct span {
	const uint8_t *data;
	size_t size;
	bool cut;
	const struct span *list; /* what a pointer in it leads to */
};

static const struct nvml_trace_table *const table = &nvml_trace_table;

static const struct nvml_type *type_of(unsigned number)
{
	return &table->types[number];
}

/* --- scalars -------------------------------------------------------------------------------- */

void nvml_trace_json_string(const char *text, size_t size, FILE *to)
{
	fputc('"', to);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

static void put_text(const struct view *v, const uint8_t *data, size_t size)
{
	size_t n = strnlen((const char *)data, size);

	if (v->json) {
		nvml_trace_json_string((const char *)data, n, v->to);
		return;
	}
	fputc('"', v->to);
	for (size_t i = 0; i < n; i++) {
		if (data[i] == '"' || data[i] == '\\')
			fprintf(v->to, "\\%c", data[i]);
		else if (data[i] < ' ' || data[i] > '~')
			fprintf(v->to, "\\x%02x", data[i]);
		else
			fputc(data[i], v->to);
	}
	fputc('"', v->to);
}

static void put_word(const struct view *v, const char *word)
{
	fprintf(v->to, v->json ? "\"%s\"" : "%s", word);
}

static void put_bytes(const struct view *v, const uint8_t *data, size_t size)
{
	size_t n = v->json || size <= 2 * MAX_SHOWN ? size : 2 * MAX_SHOWN;

	if (v->json)
		fputc('"', v->to);
	for (size_t i = 0; i < n; i++)
		fprintf(v->to, "%02x", data[i]);
	if (v->json)
		fputc('"', v->to);
	else if (n < size)
		fprintf(v->to, "... %zu bytes", size);
}

static void put_handle(const struct view *v, uint64_t value)
{
	char text[64];
	struct sim_ref ref;
	const char *stale = v->stale ? " (stale)" : "";

	if (!value)
		return put_word(v, "NULL");
	if (!migkit_handle_read(value, &ref))
		ref.kind = 0;
	switch (ref.kind) {
	case SIM_GPU:
		snprintf(text, sizeof(text), "GPU %u%s", ref.gpu, stale);
		break;
	case SIM_MIG:
		snprintf(text, sizeof(text), "MIG device %u/%u/%u%s", ref.gpu, ref.gi, ref.ci,
			 stale);
		break;
	case SIM_CI_DEVICE:
		snprintf(text, sizeof(text), "device of CI %u/%u/%u%s", ref.gpu, ref.gi, ref.ci,
			 stale);
		break;
	case SIM_GI:
		snprintf(text, sizeof(text), "GI %u/%u%s", ref.gpu, ref.gi, stale);
		break;
	case SIM_CI:
		snprintf(text, sizeof(text), "CI %u/%u/%u%s", ref.gpu, ref.gi, ref.ci, stale);
		break;
	case SIM_EVENT_SET:
		snprintf(text, sizeof(text), "event set %u%s", ref.gpu, stale);
		break;
	case SIM_GPM_SAMPLE:
		snprintf(text, sizeof(text), "GPM sample %u/%u%s", ref.gi, ref.gpu, stale);
		break;
	default:
		snprintf(text, sizeof(text), "0x%" PRIx64 " (no handle)", value);
	}
	put_word(v, text);
}

static void put_double(const struct view *v, const uint8_t *data)
{
	double d;

	memcpy(&d, data, sizeof(d));
	if (isfinite(d))
		fprintf(v->to, "%.17g", d);
	else
		put_word(v, isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
}

static void put_enum(const struct view *v, const struct nvml_type *t, int32_t value)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct nvml_name *n = &table->names[t->first + i];

		if (n->value != value)
			continue;
		put_word(v, n->name + (v->json || strncmp(n->name, "NVML_", 5) ? 0 : 5));
		return;
	}
	fprintf(v->to, "%" PRId32, value);
}

static uint64_t load(const uint8_t *data, uint32_t size, bool is_signed)
{
	uint64_t value = 0;

	memcpy(&value, data, size <= sizeof(value) ? size : sizeof(value));
	if (is_signed && size < sizeof(value) && value >> (8 * size - 1))
		value |= UINT64_MAX << (8 * size);
	return value;
}

static void put_scalar(struct view *v, const struct nvml_type *t, const uint8_t *data, bool hex)
{
	uint64_t value = load(data, t->size, t->kind == NVML_TYPE_INT);

	if (t == type_of(table->value_type))
		v->value_type = value;
	else if (t->kind == NVML_TYPE_UINT)
		v->number = value;
	switch ((enum nvml_type_kind)t->kind) {
	case NVML_TYPE_DOUBLE:
		return put_double(v, data);
	case NVML_TYPE_ENUM:
		return put_enum(v, t, (int32_t)value);
	case NVML_TYPE_HANDLE:
		return put_handle(v, value);
	case NVML_TYPE_POINTER: /* where a program keeps its things is nobody's business */
		return put_word(v, value ? "set" : "NULL");
	case NVML_TYPE_INT:
		fprintf(v->to, "%" PRId64, (int64_t)value);
		return;
	default:
		fprintf(v->to, hex && !v->json ? "0x%" PRIx64 : "%" PRIu64, value);
	}
}

/* --- structs and lists ---------------------------------------------------------------------- */

static void put_value(struct view *v, const struct nvml_type *t, const struct span *at, bool hex);

/* n entries, as far as they were sent. */
static void put_list(struct view *v, const struct nvml_type *t, const struct span *at, uint64_t n)
{
	size_t known = t->size ? at->size / t->size : 0;
	size_t shown = n < known ? (size_t)n : known;

	if (t->kind == NVML_TYPE_CHAR)
		return put_text(v, at->data, shown);
	if (t->kind == NVML_TYPE_UINT && t->size == 1)
		return put_bytes(v, at->data, shown);
	if (!v->json && shown > MAX_SHOWN)
		shown = MAX_SHOWN;
	fputc('[', v->to);
	for (size_t i = 0; i < shown; i++) {
		struct span one = { .data = at->data + i * t->size, .size = t->size };

		fputs(i ? v->json ? "," : ", " : "", v->to);
		put_value(v, t, &one, false);
	}
	if (!v->json && n > shown)
		fprintf(v->to, "%s... %" PRIu64 " in all", shown ? ", " : "", n);
	fputc(']', v->to);
}

/* How many entries of an array, or behind a pointer, the struct says that there are. */
static uint64_t filled(const struct nvml_type *t, const struct nvml_field *f, const struct span *at)
{
	const struct nvml_field *counter = &table->fields[t->first + f->counter - 1u];
	uint64_t n = UINT64_MAX;

	if (f->counter && counter->offset + type_of(counter->type)->size <= at->size)
		n = load(at->data + counter->offset, type_of(counter->type)->size, false);
	if (f->array && n > f->array)
		n = f->array;
	return n;
}

static void put_field(struct view *v, const struct nvml_type *t, const struct nvml_field *f,
		      const struct span *at)
{
	const struct nvml_type *type = type_of(f->type);
	struct span in = { .data = at->data + f->offset, .size = at->size - f->offset };
	const struct span none = { .data = in.data };

	if (f->array)
		return put_list(v, type, &in, filled(t, f, at));
	if (f->is_list && load(in.data, sizeof(void *), false) &&
	    (at->list || filled(t, f, at) == 0))
		return put_list(v, type_of(f->behind), at->list ? at->list : &none,
				filled(t, f, at));
	in.size = type->size;
	put_value(v, type, &in, f->hex);
}

static void put_struct(struct view *v, const struct nvml_type *t, const struct span *at)
{
	bool first = true;

	fputc('{', v->to);
	for (unsigned i = 0; i < t->n; i++) {
		const struct nvml_field *f = &table->fields[t->first + i];
		size_t need = f->array ? 1 : type_of(f->type)->size;

		if (f->hidden)
			continue;
		if (f->offset + need > at->size) {
			if (!v->json)
				fprintf(v->to, "%s...", first ? "" : ", ");
			break;
		}
		fputs(first ? "" : v->json ? "," : ", ", v->to);
		fprintf(v->to, v->json ? "\"%s\":" : "%s=", f->name);
		put_field(v, t, f, at);
		first = false;
	}
	fputc('}', v->to);
}

/* Which member it is was said by something before it. */
static void put_union(struct view *v, const struct nvml_type *t, const struct span *at)
{
	uint64_t which = type_of(table->fields[t->first].type)->kind == NVML_TYPE_DOUBLE
				 ? v->value_type
				 : v->number;
	const struct nvml_field *f =
		&table->fields[t->first + (which < t->n ? (unsigned)which : 0)];
	struct span in = { .data = at->data, .size = at->size };

	if (which >= t->n)
		return put_bytes(v, at->data, at->size);
	if (f->array)
		return put_list(v, type_of(f->type), &in, f->array);
	put_value(v, type_of(f->type), &in, false);
}

static void put_value(struct view *v, const struct nvml_type *t, const struct span *at, bool hex)
{
	if (t->kind == NVML_TYPE_STRUCT)
		return put_struct(v, t, at);
	if (at->size < t->size)
		return put_word(v, v->json ? "" : "...");
	if (t->kind == NVML_TYPE_UNION)
		return put_union(v, t, at);
	put_scalar(v, t, at->data, hex);
}

/* --- arguments ------------------------------------------------------------------------------ */

static bool find_part(const struct nvml_trace_call *call, unsigned arg, bool is_list,
		      struct span *ret)
{
	for (unsigned i = 0; i < call->head.n_parts; i++)
		if (call->part[i].arg == arg && call->part[i].is_list == is_list) {
			*ret = (struct span){ .data = call->part[i].data,
					      .size = call->part[i].size,
					      .cut = call->part[i].cut };
			return true;
		}
	return false;
}

static const struct nvml_type *type_of_word(const struct nvml_param *p, uint32_t word)
{
	for (unsigned i = 0; i < table->n_versions; i++)
		if (table->versions[i].declared == p->type && table->versions[i].word == word)
			return type_of(table->versions[i].type);
	return NULL;
}

/* The type by the version that the struct names; some calls leave 0 there, in place of the wish. */
static const struct nvml_type *version_type(const struct nvml_trace_call *call,
					    const struct nvml_param *p, const struct span *at)
{
	const struct nvml_type *t = NULL;
	uint32_t word;

	if (at->size >= sizeof(word)) {
		memcpy(&word, at->data, sizeof(word));
		t = type_of_word(p, word ? word : call->head.version);
	}
	return t ? t : type_of(p->type);
}

/* How many entries the list of an argument has. */
static uint64_t list_count(const struct nvml_trace_call *call, const struct nvml_param *p)
{
	uint64_t n = (uint32_t)call->arg[p->ref];
	struct span at;

	if (p->role == NVML_ARG_LIST)
		n = find_part(call, p->ref, false, &at) && at.size >= 4 ? load(at.data, 4, false)
									: 0;
	if (p->role == NVML_ARG_LIST_BYTES)
		n /= type_of(p->type)->size;
	return n;
}

/* What an argument points to. */
static void put_memory(struct view *v, const struct nvml_param *p, struct span at, unsigned arg)
{
	const struct nvml_type *t = type_of(p->type);
	struct span list;

	switch ((enum nvml_arg_role)p->role) {
	case NVML_ARG_LIST:
	case NVML_ARG_LIST_VALUE:
	case NVML_ARG_LIST_BYTES:
		return put_list(v, t, &at, list_count(v->call, p));
	case NVML_ARG_WORDS:
	case NVML_ARG_TEXT:
	case NVML_ARG_TEXT_COUNTED:
	case NVML_ARG_TEXT_OPEN:
		return put_text(v, at.data, at.size);
	default:
		if (find_part(v->call, arg, true, &list))
			at.list = &list;
		/* The only pointer to something nameless that is read is to a table's 16 bytes. */
		if (p->role == NVML_ARG_IN && t->kind == NVML_TYPE_POINTER)
			return put_bytes(v, at.data, at.size);
		put_value(v, version_type(v->call, p, &at), &at, p->hex);
	}
}

/* --- the call ------------------------------------------------------------------------------- */

static int by_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct nvml_call *)entry)->name);
}

/* The call's parameters; NULL: not declared, or not with so many. */
static const struct nvml_call *declared(const struct nvml_trace_call *call)
{
	const struct nvml_call *c = bsearch(call->head.call, table->calls, table->n_calls,
					    sizeof(table->calls[0]), by_name);

	if (!c || !(call->head.flags & NVML_TRACE_ARGS) || c->n != call->head.n_args)
		return NULL;
	return c;
}

static bool is_in(const struct nvml_param *p)
{
	return p->role == NVML_ARG_VALUE || p->role == NVML_ARG_IN || p->role == NVML_ARG_WORDS;
}

/* What an argument points to, as far as the call says something of it. */
static bool find_memory(const struct nvml_trace_call *call, const struct nvml_param *p,
			unsigned arg, struct span *ret)
{
	bool is_list = p->role >= NVML_ARG_LIST && p->role <= NVML_ARG_LIST_BYTES;
	struct span count;

	if (find_part(call, arg, false, ret))
		return true;
	/* Nothing is sent of a list without entries. */
	*ret = (struct span){ .data = (const uint8_t *)"" };
	return is_list && call->arg[arg] && call->head.status == NVML_SUCCESS &&
	       (p->role != NVML_ARG_LIST || find_part(call, p->ref, false, &count)) &&
	       list_count(call, p) == 0;
}

static void put_argument(struct view *v, const struct nvml_param *p, unsigned arg)
{
	struct span at = { .data = (const uint8_t *)&v->call->arg[arg], .size = sizeof(uint64_t) };

	v->stale = v->call->head.stale >> arg & 1;
	if (p->role == NVML_ARG_VALUE)
		put_value(v, type_of(p->type), &at, p->hex);
	else if (!v->call->arg[arg])
		fputs(v->json ? "null" : "NULL", v->to);
	else if (find_memory(v->call, p, arg, &at))
		put_memory(v, p, at, arg);
	else
		put_word(v, "-");
	v->stale = false;
}

void nvml_trace_text(const struct nvml_trace_call *call, FILE *to)
{
	const struct nvml_call *c = declared(call);
	struct view v = { .call = call, .to = to };

	fprintf(to, "%s(", call->head.call);
	for (unsigned i = 0; c && i < c->n; i++) {
		const struct nvml_param *p = &table->params[c->first + i];

		fprintf(to, "%s%s%s", i ? ", " : "", p->name, is_in(p) ? "=" : " -> ");
		put_argument(&v, p, i);
	}
	fputs(c ? ") = " : "...) = ", to);
	put_enum(&v, type_of(table->status), call->head.status);
	if (call->head.flags & NVML_TRACE_ORDERED)
		fputs(" (fault)", to);
}

static void put_side(struct view *v, const struct nvml_call *c, bool in)
{
	bool first = true;
	struct span at;

	for (unsigned i = 0; i < c->n; i++) {
		const struct nvml_param *p = &table->params[c->first + i];

		/* An output that was not written is not there; one that was not wanted is null. */
		if (is_in(p) != in || (p->role != NVML_ARG_VALUE && v->call->arg[i] &&
				       !find_memory(v->call, p, i, &at)))
			continue;
		fprintf(v->to, "%s\"%s\":", first ? "" : ",", p->name);
		put_argument(v, p, i);
		first = false;
	}
}

void nvml_trace_json(const struct nvml_trace_call *call, FILE *to)
{
	const struct nvml_call *c = declared(call);
	struct view v = { .call = call, .to = to, .json = true };

	fputs("\"call\":", to);
	nvml_trace_json_string(call->head.call, strlen(call->head.call), to);
	if (c) {
		fputs(",\"in\":{", to);
		put_side(&v, c, true);
		fputs("},\"out\":{", to);
		put_side(&v, c, false);
		fputc('}', to);
	} else {
		fputs(",\"in\":null,\"out\":null", to);
	}
	fputs(",\"status\":", to);
	put_enum(&v, type_of(table->status), call->head.status);
	fprintf(to, ",\"code\":%" PRId32 ",\"fault\":%s", call->head.status,
		call->head.flags & NVML_TRACE_ORDERED ? "true" : "false");
}
