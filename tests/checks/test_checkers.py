#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# test: timeout=300
"""The checks can fail: each is given small bad inputs and has to find what is bad, and only that."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_budget
import test_cppcheck
import test_docs
import test_exports
import test_format
import test_habits
import test_headers
import test_layers
import test_nvml_coverage
import test_tidy
import test_words

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class InTree(unittest.TestCase):
    """A small tree in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Layers(InTree):
    def judge(self, name, text):
        self.put(name, text)
        return test_layers.check(self.root)

    def test_allowed(self):
        self.put("src/plan/a.c", '#include <stdio.h>\n#include <migkit/board.h>\n'
                                 '#include "base/util.h"\n#include "plan/plan.h"\n')
        self.put("src/sim/b.c", '#include "nvml/nvml_abi.h"\n#include "lab/lab.h"\n')
        self.put("src/cli/lab_create.c", '#include "lab/lab.h"\n#include <json-c/json.h>\n')
        self.put("src/base/c.c", '/* #include "lab/lab.h" */\n// #include <yaml.h>\n')
        self.assertEqual(test_layers.check(self.root), [])

    def test_forbidden(self):
        for name, text in (("src/sim/a.c", '#include "plan/plan.h"'),
                           ("src/sim/a.c", '#include "nvml/nvml_api.h"'),
                           ("src/plan/a.c", '#include "nvml/nvml_api.h"'),
                           ("src/cli/show.c", '#include "lab/lab.h"'),
                           ("src/cli/show.c", '#include "sim/handles.h"'),
                           ("src/base/a.c", "#include <migkit/board.h>"),
                           ("src/smi/a.c", "# include <json-c/json.h>"),
                           ("src/sim/a.c", "#include <yaml.h>"),
                           ("src/render/a.c", "#include <ncurses.h>"),
                           ("src/plan/a.c", '#include "plan.h"'),
                           ("src/other/a.c", "int x;"),
                           ("include/migkit/a.h", '#include "model/names.h"')):
            with self.subTest(name=name, text=text):
                self.setUp()
                self.assertEqual(len(self.judge(name, text + "\n")), 1)


class Docs(InTree):
    def test_links(self):
        self.put("doc/a.md", "[b](b.md) [c](https://x.example/y) `src/base/`\n")
        self.put("doc/b.md", "[a](../doc/a.md#words)\n")
        self.put("src/base/a.c", "int a;\n")
        self.assertEqual(test_docs.check_links(self.root), [])
        self.put("doc/b.md", "[a](../doc/c.md) `src/other/`\n")
        self.assertEqual(len(test_docs.check_links(self.root)), 2)

    def test_layers(self):
        table = {"base": (set(), set()), "spec": ({"base"}, {"libyaml"})}
        good = "| `src/base/` | x | libc |\n| `src/spec/` | x | base, libyaml |\n"
        self.assertEqual(test_docs.check_layers(good, table), [])
        self.assertEqual(len(test_docs.check_layers(good.replace(", libyaml", ""), table)), 1)
        self.assertEqual(len(test_docs.check_layers(good + "| `src/x/` | x | libc |\n", table)), 1)
        self.put("src/base/a.c", "")
        self.put("src/new/a.c", "")
        self.assertEqual(len(test_docs.check_folders(good, self.root)), 1)


class Budget(InTree):
    def judge(self, text):
        path = self.put("src/base/a.c", text)
        return test_budget.judge("src/base/a.c", *test_budget.measure(path))

    def test_small(self):
        self.assertEqual(self.judge("int f(int a)\n{\n\treturn a ? 1 : 2;\n}\n"), [])

    def test_long_function(self):
        self.assertEqual(self.judge("int f(void)\n{\n" + "\t;\n" * 97 + "}\n"), [])
        self.assertIn("lines 101", self.judge("int f(void)\n{\n" + "\t;\n" * 98 + "}\n")[0])

    def test_long_file(self):
        self.assertEqual(self.judge("int a;\n" * 800), [])
        self.assertIn("lines 801", self.judge("int a;\n" * 801)[0])

    def test_nesting(self):
        self.assertEqual(self.judge("int f(int a)\n{" + "if (a) {\n" * 4 + "}\n" * 4 + "return 0;\n}\n"), [])
        found = self.judge("int f(int a)\n{" + "if (a) {\n" * 5 + "}\n" * 5 + "return 0;\n}\n")
        self.assertIn("nesting 5", found[0])

    def test_initializers_are_no_blocks(self):
        self.assertEqual(self.judge("int f(void)\n{\n\tint a[1][1][1][1][1] = {{{{{1}}}}};\n"
                                    "\treturn a[0][0][0][0][0];\n}\n"), [])

    def test_complexity(self):
        self.assertEqual(self.judge("int f(int a)\n{\n" + "\tif (a)\n\t\ta++;\n" * 24 + "\treturn a;\n}\n"), [])
        found = self.judge("int f(int a)\n{\n" + "\tif (a && a)\n\t\ta++;\n" * 13 + "\treturn a;\n}\n")
        self.assertIn("complexity 27", found[0])

    def test_comments_and_strings_are_not_code(self):
        self.assertEqual(self.judge("int f(void)\n{\n\t/* " + "if && || ? " * 20 + "*/\n\tg(\"" +
                                    "if && ? { { { { { {" * 9 + "\");\n\treturn '{';\n}\n"), [])

    def test_backward_goto(self):
        self.assertEqual(self.judge("int f(int a)\n{\n\tif (a)\n\t\tgoto out;\n\ta++;\nout:\n\treturn a;\n}\n"), [])
        found = self.judge("int f(int a)\n{\nagain:\n\tif (a++)\n\t\tgoto again;\n\treturn a;\n}\n")
        self.assertIn("jump back 1", found[0])

    def test_python_file(self):
        self.put("tests/a.py", "# SPDX\n" * 801)
        self.assertEqual(len(test_budget.check(self.root)), 1)


class Format(InTree):
    def test_both(self):
        (self.root / ".clang-format").write_text(
            (test_format.common.ROOT / ".clang-format").read_text())
        good = self.put("a.c", "int f(void)\n{\n\treturn 0;\n}\n")
        bad = self.put("b.c", "int f(void) {\n  return 0;\n}\n")
        self.assertEqual(test_format.check([good]), [])
        self.assertTrue(test_format.check([good, bad]))


class Habits(InTree):
    def test_fine(self):
        self.put("src/lab/a.c", 'static int x;\nint f(void)\n{\n\tstatic const int n = 1;\n'
                                '\tst->exit(1);\n\t/* exit() */\n\treturn n + g("exit(1)");\n}\n')
        self.put("src/cli/show.c", 'int f(void)\n{\n\treturn printf("x");\n}\n')
        self.assertEqual(test_habits.check(self.root), [])

    def test_found(self):
        for line in ('printf("x");', 'fprintf(stderr, "x");', "exit(1);", "fork();", "strcpy(a, b);",
                     'getenv("HOME");', 'setenv("A", "b", 1);', "static int calls;"):
            with self.subTest(line=line):
                self.put("src/lab/a.c", "void f(void)\n{\n\t" + line + "\n}\n")
                self.assertEqual(len(test_habits.check(self.root)), 1)


class Words(InTree):
    def test_clean(self):
        self.put("src/a.c", SPDX + "int a; /* https://docs.example.org/network/shared/ */\n")
        self.assertEqual(test_words.check(self.root), [])

    def test_found(self):
        for text in ("/wor" + "k/shared/x", "../share" + "d/facts", "/roo" + "t/x", "nvcr.i" + "o/x",
                     "TOD" + "O", "/tm" + "p/wt/x", "docker pull registry.example" + ".com/x"):
            with self.subTest(text=text):
                self.put("src/a.c", SPDX + f"/* {text} */\n")
                self.assertEqual(len(test_words.check(self.root)), 1)

    def test_licence(self):
        self.put("src/a.c", "int a;\n")
        self.assertEqual(len(test_words.check(self.root)), 1)


class Exports(InTree):
    def library(self, code, *flags, name="libnvidia-ml.so.1"):
        source, out = self.put("a.c", code), self.root / "lib" / name
        out.parent.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", out, source, *flags], check=True)
        return out

    def test_driver(self):
        soname = "-Wl,-soname,libnvidia-ml.so.1"
        good = "int nvmlInit(void) { return 0; }\n"
        self.assertEqual(test_exports.check_driver(self.library(good, soname)), [])
        for code, flags, word in (
                (good, (), "soname"),
                (good + "int lab_open(void) { return 0; }", (soname,), "exports lab_open"),
                ("static int x;", (soname,), "exports nothing"),
                (good, (soname, "-Wl,--no-as-needed", "-lm"), "needs libm"),
                # __libc_single_threaded is of glibc 2.32.
                ("extern char __libc_single_threaded; int nvmlInit(void)"
                 "{ return __libc_single_threaded; }", (soname,), "glibc 2.32")):
            with self.subTest(word=word):
                found = test_exports.check_driver(self.library(code, *flags))
                self.assertTrue(len(found) == 1 and word in found[0], found)

    def test_missing(self):
        self.assertEqual(len(test_exports.check_driver(self.root / "none.so")), 1)

    def test_folder(self):
        self.put("sim/libnvidia-ml.so.1", "")
        self.assertEqual(test_exports.check_folder(self.root / "sim"), [])
        self.put("sim/libcuda.so.1", "")
        self.assertEqual(len(test_exports.check_folder(self.root / "sim")), 1)

    def test_branches(self):
        since = test_exports.named("# symbol since\nnvmlInit 418 library X\nnvmlNew 580 header Y\n")
        self.assertEqual(since, {"nvmlInit": 418, "nvmlNew": 580})
        table = "\t{ 550, 12040 }, { 580, 13000 },\n"
        soname = "-Wl,-soname,libnvidia-ml.so.1"
        old, new = "int nvmlInit(void) { return 0; }\n", "int nvmlNew(void) { return 0; }\n"

        def judge(*libraries):
            for branch, code in libraries:
                path = self.put(f"branch/{branch}/libnvidia-ml.so.1", "")
                self.library(code, soname).rename(path)
            return test_exports.check_branches(self.root / "branch", since, table)

        self.assertEqual(judge(("550", old), ("580", old + new)), [])
        self.assertIn("exports nvmlNew, which driver 550 has not", judge(("550", old + new))[0])
        self.assertIn("does not export nvmlNew, which driver 580 has", judge(("550", old), ("580", old))[0])
        self.assertIn("knows no such branch", judge(("580", old + new), ("581", old))[0])
        self.put("branch/550/other.so", "")
        (self.root / "branch/580/libnvidia-ml.so.1").unlink()
        found = "\n".join(judge())
        for word in ("550/other.so: only", "not built", "581: src/model"):
            self.assertIn(word, found)

    def test_library(self):
        header = self.put("include/a.h", "MIG_API int mig_a(int x);\nMIG_API const char *mig_b(void);\n"
                                         "/* MIG_API int mig_c(void); */\nint mig_d(void);\n")
        soname = "-Wl,-soname,libmigkit.so.0"
        good = "int mig_a(int x) { return x; }\nconst char *mig_b(void) { return 0; }\n"

        def judge(code):
            path = self.library(code, soname, name="libmigkit.so.0")
            return test_exports.check_library(path, [header])

        self.assertEqual(judge(good), [])
        self.assertIn("mig_d, which no public", judge(good + "int mig_d(void) { return 0; }")[0])
        self.assertIn("only mig_*", judge(good + "int other(void) { return 0; }")[0])
        self.assertIn("does not export mig_b", judge("int mig_a(int x) { return x; }")[0])


class Headers(InTree):
    def test_public(self):
        self.put("migkit/good.h", "#include <stdint.h>\nstatic inline uint8_t f(void) { return 1; }\n")
        self.assertEqual(test_headers.check_public(self.root), [])
        self.put("migkit/needs.h", "extern uint8_t x;\n")
        self.assertEqual(len(test_headers.check_public(self.root)), 2)
        self.put("migkit/needs.h", "extern int class;\n")
        self.assertEqual(len(test_headers.check_public(self.root)), 1)


class NvmlCoverage(InTree):
    ENTRIES = """
/* Modes. */
#include "sim/sim.h"

#define NUMBER(sym, lookup)                             \\
	SIM_ENTRY(sym, (nvmlDevice_t device), (device)) \\
	{                                               \\
		struct sim_dev dev;                     \\
		return lookup(device, &dev);            \\
	}

NUMBER(nvmlA, sim_parent)
/* Works on both: measured. Twice. */
NUMBER(nvmlB, sim_device)

static nvmlReturn_t set(nvmlDevice_t device)
{
	struct sim_dev dev;
	nvmlReturn_t status = sim_device(device, &dev);

	if (sim_is_mig(&dev))
		return NVML_ERROR_INVALID_ARGUMENT;
	return sim_status(lab_set(sim_lab()));
}

SIM_ENTRY(nvmlC, (nvmlDevice_t device), (device))
{
	return set(device);
}
"""
    LAB = """
int lab_set(struct lab *lab)
{
	if (!lab_may_change(lab))
		return -EPERM;
	return lab_change(lab, set_change, NULL);
}
"""

    def test_read_from_source(self):
        self.put("src/sim/export_mode.c", self.ENTRIES.replace("\\\\", "\\"))
        self.put("src/lab/mode.c", self.LAB)
        self.put("data/nvml/symbols.txt",
                 "".join(f"nvml{n} 450 library 450.248.02\n" for n in "ABCD"))
        self.put("data/nvml/newer.txt", "# newer\nnvmlE\n")
        page = test_nvml_coverage.made(self.root)
        for row in ("| `nvmlA` | 450 | answers | NOT_SUPPORTED |  | Modes |",
                    "| `nvmlB` | 450 | answers | answers |  | Works on both: measured |",
                    "| `nvmlC` | 450 | answers | INVALID_ARGUMENT | root, changes | Modes |",
                    "| `nvmlD` | 450 | stub |  |  |  |"):
            self.assertIn(row + "\n", page)
        self.assertIn("- `nvmlE`\n", page)
        self.assertEqual(test_nvml_coverage.check(page, page), [])
        self.assertEqual(len(test_nvml_coverage.check(page, page.replace("450 | stub", "450 | x"))),
                         2)


class Cppcheck(InTree):
    def test_both(self):
        self.put("good/a.c", "int f(int *p)\n{\n\treturn *p;\n}\n")
        self.put("bad/a.c", "int f(void)\n{\n\tint a[2];\n\ta[2] = 1;\n\treturn a[2];\n}\n")
        self.assertEqual(test_cppcheck.check([self.root / "good"]), [])
        self.assertTrue(test_cppcheck.check([self.root / "bad"]))


class Tidy(InTree):
    def judge(self, text):
        self.put("a.c", text)
        entry = {"directory": str(self.root), "file": "a.c", "command": "gcc -c -o a.o a.c"}
        return test_tidy.check([entry], self.root / "cache")

    def test_found_again(self):
        """What was found is no less found when nothing changed since."""
        bad = "int f(int a)\n{\n\treturn a == a;\n}\n"
        self.assertTrue(self.judge(bad))
        self.assertTrue(self.judge(bad))
        self.assertEqual(self.judge("int f(int a)\n{\n\treturn a;\n}\n"), [])
        self.assertTrue(self.judge(bad))


if __name__ == "__main__":
    unittest.main()
