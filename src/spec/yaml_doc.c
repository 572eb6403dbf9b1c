/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "spec/yaml_doc.h"

static const struct spec_kind kind_board = { .what = "board file",
					     .grammar = "not YAML",
					     .most = SPEC_MAX_BYTES };

/* A machine of sixteen GPUs has 150 KiB, a busy one as much again for its processes. */
const struct spec_kind spec_kind_snapshot = { .what = "recording",
					      .grammar = "not JSON, or cut short",
					      .most = 4 * 1024 * 1024 };

int spec_file_read(const char *path, char **ret, size_t *ret_size, struct mig_error *reterr)
{
	return spec_file_read_kind(path, &kind_board, ret, ret_size, reterr);
}

int spec_file_read_kind(const char *path, const struct spec_kind *kind, char **ret,
			size_t *ret_size, struct mig_error *reterr)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t used = 0;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mig_fail(reterr, -errno, "%s: %s", path, strerror(errno));
	text = malloc(kind->most + 1);
	if (!text)
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", path);
	while (used <= kind->most) {
		n = read(fd, text + used, kind->most + 1 - used);
		if (n < 0)
			return mig_fail(reterr, -errno, "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used > kind->most)
		return mig_fail(reterr, -EFBIG, "%s: larger than %zu KiB: this is no %s", path,
				kind->most / 1024, kind->what);
	*ret = TAKE_PTR(text);
	*ret_size = used;
	return 0;
}

int spec_fail(const struct spec_doc *doc, struct spec_mark at, struct mig_error *reterr,
	      const char *fmt, ...)
{
	char sentence[sizeof(reterr->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return mig_fail(reterr, -EINVAL, "%.200s:%u:%u: %.250s", doc->file, at.line, at.col,
			sentence);
}

int spec_doc_load(struct spec_doc *doc, const char *file, const char *text, size_t size,
		  struct mig_error *reterr)
{
	return spec_doc_load_kind(doc, file, text, size, &kind_board, reterr);
}

int spec_doc_load_kind(struct spec_doc *doc, const char *file, const char *text, size_t size,
		       const struct spec_kind *kind, struct mig_error *reterr)
{
	yaml_parser_t parser;
	struct spec_mark at;
	int r = 0;

	*doc = (struct spec_doc){ .file = file };
	if (size > kind->most)
		return mig_fail(reterr, -EFBIG, "%s: larger than %zu KiB", file, kind->most / 1024);
	if (!yaml_parser_initialize(&parser))
		return mig_fail(reterr, -ENOMEM, "%s: out of memory", file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (!yaml_parser_load(&parser, &doc->yaml)) {
		/* The reader's own errors (bytes that are no UTF-8) carry an offset, not a mark. */
		at = (struct spec_mark){ (unsigned)parser.problem_mark.line + 1,
					 (unsigned)parser.problem_mark.column + 1 };
		r = spec_fail(doc, at, reterr, "%s: %s", kind->grammar,
			      parser.problem ? parser.problem : "out of memory");
	} else {
		doc->loaded = true;
		if (!yaml_document_get_root_node(&doc->yaml))
			r = spec_fail(doc, (struct spec_mark){ 1, 1 }, reterr, "the file is empty");
	}
	yaml_parser_delete(&parser);
	return r;
}

void spec_doc_done(struct spec_doc *doc)
{
	if (doc->loaded)
		yaml_document_delete(&doc->yaml);
	doc->loaded = false;
}

const yaml_node_t *spec_root(struct spec_doc *doc)
{
	return yaml_document_get_root_node(&doc->yaml);
}

const yaml_node_t *spec_node(struct spec_doc *doc, int id)
{
	return yaml_document_get_node(&doc->yaml, id);
}

struct spec_mark spec_mark_of(const yaml_node_t *node)
{
	return (struct spec_mark){ (unsigned)node->start_mark.line + 1,
				   (unsigned)node->start_mark.column + 1 };
}

const char *spec_scalar(const yaml_node_t *node)
{
	const char *s;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	s = (const char *)node->data.scalar.value;
	return strlen(s) == node->data.scalar.length ? s : NULL;
}

const yaml_node_t *spec_get(struct spec_doc *doc, const yaml_node_t *map, const char *key)
{
	const yaml_node_pair_t *p;
	const char *k;

	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		k = spec_scalar(spec_node(doc, p->key));
		if (k && strcmp(k, key) == 0)
			return spec_node(doc, p->value);
	}
	return NULL;
}

int spec_check_map(struct spec_doc *doc, const yaml_node_t *node, const char *what,
		   bool (*known)(const void *arg, const char *key), const void *arg,
		   struct mig_error *reterr)
{
	const yaml_node_pair_t *p, *q;
	const yaml_node_t *key;
	const char *k;

	if (node->type != YAML_MAPPING_NODE)
		return spec_fail(doc, spec_mark_of(node), reterr,
				 "%s must be a mapping, 'key: value'", what);
	for (p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		key = spec_node(doc, p->key);
		k = spec_scalar(key);
		if (!k)
			return spec_fail(doc, spec_mark_of(key), reterr, "%s: a key must be a word",
					 what);
		if (!known(arg, k))
			return spec_fail(doc, spec_mark_of(key), reterr, "%s has no key '%.60s'",
					 what, k);
		for (q = node->data.mapping.pairs.start; q < p; q++)
			if (strcmp(k, spec_scalar(spec_node(doc, q->key))) == 0)
				return spec_fail(doc, spec_mark_of(key), reterr,
						 "%s gives '%.60s' twice", what, k);
	}
	return 0;
}

bool spec_number(const char *text, bool hex, int64_t *ret)
{
	unsigned long long n;
	char *end;

	if (hex ? strncmp(text, "0x", 2) != 0 : (*text < '0' || *text > '9'))
		return false;
	errno = 0;
	n = strtoull(text, &end, hex ? 16 : 10);
	if (errno || *end || end == text + 2 * hex || n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

bool spec_decimal(const char *text, unsigned decimals, int64_t *ret)
{
	int64_t value = 0;
	unsigned whole = 0, after = 0;

	for (; *text >= '0' && *text <= '9' && whole < 9; text++, whole++)
		value = value * 10 + (*text - '0');
	if (whole && *text == '.')
		for (text++; *text >= '0' && *text <= '9' && after < decimals; text++, after++)
			value = value * 10 + (*text - '0');
	if (!whole || *text)
		return false;
	for (; after < decimals; after++)
		value *= 10;
	*ret = value;
	return true;
}
