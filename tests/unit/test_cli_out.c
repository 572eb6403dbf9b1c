/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <migkit/snapshot.h>

#include "base/util.h"
#include "cli/out.h"
#include "nvml/nvml_abi.h"
#include "unit/check.h"

/* Records in all the forms that they are printed in; the bytes are the specification. */

struct row {
	uint32_t gpu;
	int32_t ci;
	bool used;
	char name[48];
	const char *note;
	uint64_t bytes;
	struct mig_reading memory;
};

#define R(f) offsetof(struct row, f)
static const struct cli_field fields[] = {
	{ "gpu", "GPU", F_U32, R(gpu) },
	{ "ci", "CI", F_INT, R(ci) },
	{ "used", "USED", F_BOOL, R(used) },
	{ "name", "NAME", F_STR, R(name), CLI_DROP },
	{ "note", "NOTE", F_PTR, R(note), CLI_WRAP },
	{ "bytes", NULL, F_MIB, R(bytes) },
	{ "memory", "MEMORY", F_READING_MIB, R(memory) },
	{ NULL },
};
#undef R

static const struct row rows[] = {
	{ .gpu = 0,
	  .ci = 1,
	  .used = true,
	  .name = "GPU-f0a1b2c3",
	  .note = "says \"a, b\" and goes on for a while",
	  .bytes = 3u << 20,
	  .memory = { .value = 64u << 20 } },
	{ .gpu = 1, .ci = CLI_NONE, .memory = { .status = NVML_ERROR_NO_PERMISSION } },
	{ .gpu = 2, .ci = 0, .note = "", .memory = { .status = NVML_ERROR_NOT_SUPPORTED } },
	{ .gpu = 3,
	  .ci = 0,
	  .note = "\xe6\xbc\xa2\xe5\xad\x97",
	  .memory = { MIG_NOT_ASKED, 0, 7 } },
};

static char *printed(enum cli_format format, const char *columns, const char *main_list, size_t n)
{
	_cleanup_(cli_out_freep) struct cli_out *out = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	if (columns)
		setenv("COLUMNS", columns, 1);
	else
		unsetenv("COLUMNS");
	CHECK_EQ(cli_out_new(format, &out, NULL), 0);
	cli_out_to(out, f);
	if (main_list)
		cli_out_main_list(out, main_list);
	CHECK_EQ(cli_out_str(out, "source", "Source:", "driver 1"), 0);
	CHECK_EQ(cli_out_bool(out, "recorded", "Recorded:", false), 0);
	CHECK_EQ(cli_out_u64(out, "count", NULL, 5), 0);
	CHECK_EQ(cli_out_list(out, "rows", "Rows", NULL, fields, rows, n, sizeof(rows[0])), 0);
	cli_out_say(out, RENDER_PLAIN, "%s", "Said between.");
	/* Versions of json-c print an empty list differently. */
	if (format != CLI_JSON)
		CHECK_EQ(cli_out_list(out, "others", NULL, "No others.", fields, rows, 0,
				      sizeof(rows[0])),
			 0);
	CHECK_EQ(cli_out_end(out, NULL), 0);
	fclose(f);
	return text;
}

static void check_printed(enum cli_format format, const char *columns, const char *main_list,
			  const char *want)
{
	_cleanup_free_ char *text = printed(format, columns, main_list, ARRAY_SIZE(rows));

	CHECK_STR(text, want);
}

static void test_csv(void)
{
	check_printed(CLI_CSV, NULL, NULL,
		      "gpu,ci,used,name,note,bytes,memory\r\n"
		      "0,1,true,GPU-f0a1b2c3,\"says \"\"a, b\"\" and goes on for a while\","
		      "3145728,67108864\r\n"
		      "1,,false,,,0,\r\n"
		      "2,0,false,,,0,\r\n"
		      "3,0,false,,\xe6\xbc\xa2\xe5\xad\x97,0,\r\n");
	/* The main list alone; one that is empty still has its keys. */
	check_printed(CLI_CSV, "20", "others", "gpu,ci,used,name,note,bytes,memory\r\n");
	check_printed(CLI_CSV, NULL, "none", "");
}

static void test_json(void)
{
	_cleanup_free_ char *text = printed(CLI_JSON, NULL, NULL, 2);

	CHECK_STR(text, "{\n"
			"  \"source\": \"driver 1\",\n"
			"  \"recorded\": false,\n"
			"  \"count\": 5,\n"
			"  \"rows\": [\n"
			"    {\n"
			"      \"gpu\": 0,\n"
			"      \"ci\": 1,\n"
			"      \"used\": true,\n"
			"      \"name\": \"GPU-f0a1b2c3\",\n"
			"      \"note\": \"says \\\"a, b\\\" and goes on for a while\",\n"
			"      \"bytes\": 3145728,\n"
			"      \"memory\": 67108864\n"
			"    },\n"
			"    {\n"
			"      \"gpu\": 1,\n"
			"      \"ci\": null,\n"
			"      \"used\": false,\n"
			"      \"name\": null,\n"
			"      \"note\": null,\n"
			"      \"bytes\": 0,\n"
			"      \"memory\": null\n"
			"    }\n"
			"  ]\n"
			"}\n");
}

static void test_table(void)
{
	check_printed(
		CLI_TABLE, NULL, NULL,
		"Source:    driver 1\n"
		"\n"
		"Rows:\n"
		"GPU CI USED NAME         NOTE                                       MEMORY\n"
		"  0  1 yes  GPU-f0a1b2c3 says \"a, b\" and goes on for a while         64MiB\n"
		"  1  - -    -            -                                   no permission\n"
		"  2  0 -    -            -                                           [N/A]\n"
		"  3  0 -    -            \xe6\xbc\xa2\xe5\xad\x97                                            -\n"
		"Said between.\n"
		"\n"
		"No others.\n");
}

/* Texts wrap first; what then is still too wide leaves out what may be, and says so. */
static void test_narrow(void)
{
	_cleanup_free_ char *wide = printed(CLI_TABLE, "80", NULL, ARRAY_SIZE(rows));
	_cleanup_free_ char *any = printed(CLI_TABLE, NULL, NULL, ARRAY_SIZE(rows));

	CHECK_STR(wide, any);
	check_printed(CLI_TABLE, "50", NULL,
		      "Source:    driver 1\n"
		      "\n"
		      "Rows:\n"
		      "GPU CI USED NAME         NOTE               MEMORY\n"
		      "  0  1 yes  GPU-f0a1b2c3 says \"a, b\"         64MiB\n"
		      "                         and goes on \n"
		      "                         for a while \n"
		      "  1  - -    -            -           no permission\n"
		      "  2  0 -    -            -                   [N/A]\n"
		      "  3  0 -    -            \xe6\xbc\xa2\xe5\xad\x97                    -\n"
		      "Said between.\n"
		      "\n"
		      "No others.\n");
	check_printed(CLI_TABLE, "40", NULL,
		      "Source:    driver 1\n"
		      "\n"
		      "Rows:\n"
		      "GPU CI USED NOTE               MEMORY\n"
		      "  0  1 yes  says \"a, b\"         64MiB\n"
		      "            and goes on \n"
		      "            for a while \n"
		      "  1  - -    -           no permission\n"
		      "  2  0 -    -                   [N/A]\n"
		      "  3  0 -    \xe6\xbc\xa2\xe5\xad\x97                    -\n"
		      "Too narrow for NAME; -o json and -o csv\n"
		      "have all.\n"
		      "Said between.\n"
		      "\n"
		      "No others.\n");
}

struct doubt {
	struct cli_marked marked;
	int32_t maybe, status;
};

/* What may be unknown, unconfirmed or refused; a column for people only, and one for programs. */
static void test_doubt(void)
{
	static const struct cli_field doubtful[] = {
		{ "n", "N", F_MARKED, offsetof(struct doubt, marked) },
		{ "maybe", "MAYBE", F_MAYBE, offsetof(struct doubt, maybe) },
		{ "why", "WHY", F_STATUS, offsetof(struct doubt, status) },
		{ "", "PEOPLE", F_INT, offsetof(struct doubt, status) },
		{ "programs", NULL, F_INT, offsetof(struct doubt, status) },
		{ NULL },
	};
	static const struct doubt records[] = {
		{ { 12, true }, 1, NVML_ERROR_NO_PERMISSION },
		{ { 7, false }, 0, 0 },
		{ { CLI_NONE, false }, CLI_NONE, MIG_NOT_ASKED },
	};
	static const char *const want[] = {
		[CLI_TABLE] = "  N MAYBE WHY                      PEOPLE\n"
			      "12? yes   NVML_ERROR_NO_PERMISSION      4\n"
			      "  7 -     -                             0\n"
			      "  - -     -                            -1\n",
		[CLI_CSV] = "n,maybe,why,programs\r\n"
			    "12,true,NVML_ERROR_NO_PERMISSION,4\r\n"
			    "7,false,,0\r\n"
			    ",,,-1\r\n",
		[CLI_JSON] = "{\n  \"d\": [\n"
			     "    {\n      \"n\": 12,\n      \"maybe\": true,\n"
			     "      \"why\": \"NVML_ERROR_NO_PERMISSION\",\n"
			     "      \"programs\": 4\n    },\n"
			     "    {\n      \"n\": 7,\n      \"maybe\": false,\n"
			     "      \"why\": null,\n      \"programs\": 0\n    },\n"
			     "    {\n      \"n\": null,\n      \"maybe\": null,\n"
			     "      \"why\": null,\n      \"programs\": -1\n    }\n"
			     "  ]\n}\n",
	};

	unsetenv("COLUMNS");
	for (int format = CLI_TABLE; format <= CLI_CSV; format++) {
		_cleanup_(cli_out_freep) struct cli_out *out = NULL;
		_cleanup_free_ char *text = NULL;
		size_t size = 0;
		FILE *f = open_memstream(&text, &size);

		CHECK(f != NULL);
		CHECK_EQ(cli_out_new((enum cli_format)format, &out, NULL), 0);
		cli_out_to(out, f);
		CHECK_EQ(cli_out_list(out, "d", NULL, NULL, doubtful, records, ARRAY_SIZE(records),
				      sizeof(records[0])),
			 0);
		CHECK_EQ(cli_out_end(out, NULL), 0);
		fclose(f);
		CHECK_STR(text, want[format]);
	}
}

/* No width at all, or one that no table fits into: as narrow as may be, never an endless loop. */
static void test_absurd_widths(void)
{
	static const char *const widths[] = { "0", "1", "7", "x", "-3", "99999999999999999999" };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		_cleanup_free_ char *text = printed(CLI_TABLE, widths[i], NULL, ARRAY_SIZE(rows));

		CHECK(strstr(text, "GPU"));
		CHECK(strstr(text, "permission"));
	}
}

int main(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	test_csv();
	test_json();
	test_table();
	test_narrow();
	test_doubt();
	test_absurd_widths();
	return 0;
}
