#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Size budgets, on the tails: the hard limits fail, the others are reported.

Complexity is 1 + if, for, while, case, &&, ||, ?. Nesting is the depth of blocks inside a function.
"""
import re
import statistics

import common

MAX_FUNCTION_LINES = 100
MAX_FILE_LINES = 800
MAX_NESTING = 4
MAX_COMPLEXITY = 25

# A reasoned exception: "file" or "file:function" -> why.
EXCEPTIONS = {
}

BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
GOTO = re.compile(r"\bgoto\s+(\w+)\s*;")


def complexity(code):
    return 1 + len(BRANCH.findall(code))


def nesting(code):
    """Depth of blocks; the braces of an initializer are no block."""
    deepest = 0
    stack = []
    before = ""
    for i, c in enumerate(code):
        if c == "{":
            initializer = before in "=,[" or (before == "{" and stack[-1])
            stack.append(bool(before) and initializer)
            deepest = max(deepest, sum(not s for s in stack) - 1)
        elif c == "}" and stack:
            stack.pop()
        if not c.isspace():
            before = c
    return max(deepest, 0)


def backward_gotos(code):
    found = []
    for m in GOTO.finditer(code):
        label = re.search(rf"^\s*{m.group(1)}\s*:", code, re.M)
        if label and label.start() < m.start():
            found.append(m.group(1))
    return found


def measure(path):
    """(file lines, [(name, line, lines, nesting, complexity, backward gotos)])"""
    text = common.read(path)
    lines = common.code_only(text).splitlines()
    rows = []
    for name, first, last in common.functions(path):
        code = "\n".join(lines[first - 1:last])
        body = code[code.find("{"):]
        rows.append((name, first, last - first + 1, nesting(body), complexity(body),
                     backward_gotos(body)))
    return len(text.splitlines()), rows


def judge(rel, n_lines, rows):
    findings = []

    def over(what, limit, value, line=None, name=None):
        if value > limit and rel not in EXCEPTIONS and f"{rel}:{name}" not in EXCEPTIONS:
            place = f"{rel}:{line}: {name}()" if name else rel
            findings.append(f"{place}: {what} {value}, at most {limit}")

    over("lines", MAX_FILE_LINES, n_lines)
    for name, line, length, depth, branches, back in rows:
        over("lines", MAX_FUNCTION_LINES, length, line, name)
        over("nesting", MAX_NESTING, depth, line, name)
        over("complexity", MAX_COMPLEXITY, branches, line, name)
        over("gotos that jump back", 0, len(back), line, name)
    return findings


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))] if values else 0


def density(paths):
    code = comment = 0
    for path in paths:
        text = common.read(path)
        bare = common.code_only(text, keep_strings=True).splitlines()
        for whole, rest in zip(text.splitlines(), bare):
            if rest.strip():
                code += 1
            elif whole.strip() and "SPDX-License-Identifier" not in whole:
                comment += 1
            if rest.strip() and rest != whole:
                comment += 1  # a remark at the end of a line of code
    return comment / code if code else 0


def report(rows, file_lines, root):
    lengths = [r[2] for r in rows]
    depths, branches = [r[3] for r in rows], [r[4] for r in rows]
    if not rows:
        return
    over60 = 100 * sum(n > 60 for n in lengths) / len(lengths)
    print(f"{len(rows)} functions: lines median {statistics.median(lengths):.0f} (aim 18), "
          f"95th percentile {percentile(lengths, 95)} (60), longest {max(lengths)}, "
          f"over 60 lines {over60:.1f} % (under 5)")
    print(f"nesting median {statistics.median(depths):.0f} (1), 95th percentile "
          f"{percentile(depths, 95)} (3), deepest {max(depths)}; complexity median "
          f"{statistics.median(branches):.0f} (3), 95th percentile {percentile(branches, 95)} (15), "
          f"most {max(branches)}")
    print(f"{len(file_lines)} .c files: lines median {statistics.median(file_lines):.0f} (250), "
          f"95th percentile {percentile(file_lines, 95)} (600), longest {max(file_lines)}")
    print(f"comments per code line: .c {density(common.files('.c', root=root, below=('src',))):.2f} "
          f"(0.10 to 0.20), public headers "
          f"{density(common.files('.h', root=root, below=('include',))):.2f} (0.8 or more)")


def check(root, verbose=False):
    findings, all_rows, file_lines = [], [], []
    for path in common.files(".c", ".h", root=root):
        n_lines, rows = measure(path)
        rel = str(path.relative_to(root))
        findings += judge(rel, n_lines, rows)
        if rel.startswith("src/") and path.suffix == ".c":
            all_rows += rows
            file_lines.append(n_lines)
    for path in common.files(".py", ".sh", root=root):
        findings += judge(str(path.relative_to(root)), len(common.read(path).splitlines()), [])
    if verbose:
        report(all_rows, file_lines, root)
        for name in EXCEPTIONS:
            if not (root / name.split(":")[0]).exists():
                findings.append(f"{name}: an exception for a file that is not there")
    return findings


if __name__ == "__main__":
    common.finish(check(common.ROOT, verbose=True), "size budget")
