# SPDX-License-Identifier: Apache-2.0
"""Words that are wrong, and what must be said of them: (words, exit code, parts of the sentence).

On the machine "full" of readers.py: three GPUs, the first an A100 80GB with 3g.40gb, 2g.20gb and
1g.10gb. Every row must end with that code, one sentence on stderr that has all the parts, nothing on
stdout, no file written and the machine as it was.
"""
USAGE, NOT_FOUND = 2, 6

FULL = "full"


def rows():
    yield from words_of_a_request()
    yield from options()
    yield from operands()
    yield from files()


def words_of_a_request():
    """The same for plan and explain, which take the same words."""
    for command in ("plan", "explain"):
        for words, parts in (
                (["3g.20gb"], ["A100 80GB", "no 3g.20gb", "nearest: 3g.40gb"]),
                (["1g.5gb"], ["no 1g.5gb", "1g.10gb"]),
                (["3g.40gb@1"], ["3g.40gb", "1", "0 or 4"]),
                (["4g.40gb@4"], ["4g.40gb", "starts at 0"]),
                (["3g.40gb:4"], ["colon", "3g.40gb@START"]),
                (["3g.40gb@"], ["3g.40gb"]),
                (["3g.40gb@x"], ["'@'", "0 or 4"]),
                (["3g.40gb@-1"], ["0 or 4"]),
                (["3g.40gb@99999999999999999999"], ["0 or 4"]),
                (["77"], ["no profile with the id 77"]),
                (["banana"], ["banana"]),
                (["@0"], ["@0", "profile"]),
                ([""], ["profile"]),
                (["\x1b[31m"], ["\\x1b[31m"]), (["\x9b31m\n"], ["\\x9b31m\\x0a"])):
            yield [command, *words, "-i", "0"], USAGE, parts
    for words, parts in (
            (["0x1g.10gb"], ["a count is 1 to"]), (["99999x1g.10gb"], ["a count is 1 to"]),
            (["99999999999999999999x1g.10gb"], ["a count is 1 to"]), (["-1x1g.10gb"], ["-1x1g.10gb"]),
            (["x1g.10gb"], ["count"]), (["2x"], ["profile"]), (["2x1g.10gb@3"], ["start"]),
            (["1g.10gb,2g.20gb"], ["blanks", "commas"]), ([], ["PROFILE"])):
        yield ["plan", *words, "-i", "0"], USAGE, parts
    # A plan is of GPU instances; of compute instances there is an explanation.
    yield ["plan", "1c.3g.40gb", "-i", "0"], USAGE, ["compute instance", "3g.40gb"]
    for words, parts in ((["1c.3g.20gb"], ["no compute instance 1c.3g.20gb"]), (["1c.3g.40gb:1"], ["colon"]),
                         (["1c.3g.40gb@x"], ["start"]), (["1c.3g.40gb@9"], ["0,1,2"]),
                         (["1c.3g.40gb@99999999999999999999"], ["start"]), (["1g.10gb", "--gi", "1"], ["3g.40gb"])):
        yield ["explain", *words, "-i", "0"], USAGE, parts
    yield ["explain", "1c.3g.40gb", "--gi", "14", "-i", "0"], NOT_FOUND, ["14"]
    yield ["explain", "-i", "0"], USAGE, []
    yield ["explain", "1g.10gb", "2g.20gb", "-i", "0"], USAGE, []
    yield ["explain", "2x1g.10gb", "-i", "0"], USAGE, ["count"]


def options():
    for need, parts in (("0GiB", ["memory"]), ("banana", ["30GiB"]), ("30", ["unit"]), ("30XiB", ["GiB"]),
                        ("12GiB,12GiB", ["twice"]), ("", ["need"]), ("0x3GiB", ["count"])):
        yield ["plan", "--need", need, "-i", "0"], USAGE, parts
    yield ["plan", "1g.10gb", "--keep", "99", "-i", "0"], NOT_FOUND, ["99"]
    yield ["plan", "1g.10gb", "--keep", "banana", "-i", "0"], USAGE, ["banana"]
    yield ["plan", "1g.10gb", "--need", "1GiB", "-i", "0"], USAGE, ["--need"]
    yield ["layouts", "-i", "0", "--with", "3g.20gb"], USAGE, ["no 3g.20gb", "3g.40gb"]
    yield ["layouts", "-i", "0", "--profiles", "some"], USAGE, ["some", "plain"]
    yield ["layouts", "a30", "--driver", "banana"], USAGE, ["banana"]
    yield ["status", "--watch", "banana"], USAGE, ["banana"]
    for command in (["status"], ["profiles"], ["devices"], ["who"], ["doctor"]):
        yield [*command, "-i", ""], USAGE, []
        yield [*command, "-i", "0,,1"], USAGE, []
        yield [*command, "-o", "yaml"], USAGE, ["yaml", "json"]


def operands():
    """One GPU where one must be meant; names that nobody has."""
    for command in (["plan", "1g.10gb"], ["explain", "1g.10gb"],
                    ["draw", "--maximal", "--svg", "never.svg"], ["boards", "capture", "never.yaml"]):
        yield command, USAGE, ["-i"]
    for board, parts in (("a100-80gb-pci", ["a100-80gb-pcie"]), ("banana", ["banana"])):
        yield ["layouts", board], USAGE, parts
        yield ["plan", "1g.10gb", "--board", board], USAGE, parts
        yield ["draw", "--board", board, "--svg", "never.svg"], USAGE, parts
    yield ["status", "banana"], USAGE, ["banana"]
    yield ["devices", "banana"], USAGE, ["banana"]
    yield ["doctor", "banana"], USAGE, ["banana"]
    yield ["who", "9"], NOT_FOUND, ["9"]
    yield ["who", "0/99"], NOT_FOUND, ["99"]
    yield ["who", "0/1/9"], NOT_FOUND, ["9"]
    yield ["who", "a/b"], USAGE, ["a/b"]
    yield ["who", "MIG-nobody"], NOT_FOUND, ["MIG-nobody"]
    yield ["help", "banana"], USAGE, ["banana"]
    yield from runs()
    yield from names()
    yield ["snapshot"], USAGE, []
    yield ["boards", "capture"], USAGE, []
    yield ["draw", "3g.40gb", "-i", "0"], USAGE, ["--layout or --plan"]
    yield ["draw", "--plan", "-i", "0"], USAGE, ["3g.40gb"]
    yield ["draw", "--plan", "--layout", "3g.40gb", "-i", "0"], USAGE, ["say one"]
    yield ["draw", "--maximal", "--keep", "1", "-i", "0"], USAGE, ["--plan"]
    yield ["draw", "--layout", "3g.20gb", "-i", "0", "--svg", "never.svg"], USAGE, ["nearest: 3g.40gb"]
    yield ["draw", "--layout", "4g.40gb", "4g.40gb", "-i", "0", "--svg", "never.svg"], 3, ["migctl plan"]
    yield ["draw", "--svg", "-", "-o", "json"], USAGE, ["--svg -"]


def runs():
    """Of a program that never starts."""
    program = ["--", "touch", "never"]
    for words, rc, parts in (
            (["banana"], USAGE, ["banana"]), ([""], USAGE, ["MIG device"]), (["\x1b[31m"], USAGE, ["\\x1b[31m"]),
            (["3g.20gb"], USAGE, ["no 3g.20gb"]), (["3g.40gb@1"], USAGE, ["0 or 4"]), (["0/1/0/0"], USAGE, ["0/1/0/0"]),
            (["0/x"], USAGE, ["0/x"]), (["0/"], USAGE, ["'0/'"]), (["9/1"], NOT_FOUND, ["no GPU 9"]),
            (["0/99"], NOT_FOUND, ["0/99"]), (["MIG-nobody"], NOT_FOUND, ["MIG-nobody"]), (["0,1/1"], USAGE, ["0,1/1"]),
            (["4g.40gb"], NOT_FOUND, ["4g.40gb", "--create"]), (["0/1/0", "--create"], USAGE, ["--create makes"]),
            (["1g.10gb", "--wait=x"], USAGE, ["--wait", "x"]), (["1g.10gb", "--wait=-1"], USAGE, ["--wait"]),
            (["1g.10gb", "--wait=99999999999999999999"], USAGE, ["--wait"]), (["1g.10gb", "2g.20gb"], USAGE, ["which"]),
            (["1g.10gb", "-i", "99"], NOT_FOUND, ["99"]), (["1g.10gb", "--nonsense"], USAGE, ["--nonsense"])):
        yield ["run", *words, *program], rc, parts
    yield ["run", "1g.10gb"], USAGE, ["which program"]
    yield ["run", "1g.10gb", "--"], USAGE, ["which program"]
    yield ["run"], USAGE, ["which program"]
    yield ["runs", "banana"], USAGE, ["banana"]
    yield ["runs", "-o", "yaml"], USAGE, ["yaml"]


def names():
    for words, rc, parts in (
            (["banana"], NOT_FOUND, ["banana"]), ([""], USAGE, ["a letter in front"]), (["3g.40gb"], USAGE, ["letter"]),
            (["all", "0/1"], USAGE, ["all"]), (["MIG-x", "0/1"], USAGE, ["MIG-x"]), (["\x1b[31m"], USAGE, ["\\x1b[31m"]),
            (["x" * 64, "0/1"], USAGE, ["63"]), (["x/y", "0/1"], USAGE, ["x/y"]), (["--remove"], USAGE, ["--remove"]),
            (["--remove", "banana"], NOT_FOUND, ["banana"]), (["--remove", "a", "0/1"], USAGE, ["--remove"]),
            (["a", "1g.10gb", "0/1"], USAGE, ["0/1"]), (["a", "banana"], USAGE, ["banana"]), (["a", ""], USAGE, ["''"]),
            (["a", "0/99"], NOT_FOUND, ["0/99"]), (["a", "9/1"], NOT_FOUND, ["no GPU 9"]), (["a", "MIG-no"], NOT_FOUND, ["MIG-no"]),
            (["a", "0/3g.40gb"], USAGE, ["0,4"]), (["a", "0/3g.40gb@1"], USAGE, ["0 or 4"]), (["a", "0/x"], USAGE, ["0/x"]),
            (["a", "1c.3g.40gb"], USAGE, ["whole"]), (["a", "-o", "yaml"], USAGE, ["yaml"])):
        yield ["name", *words], rc, parts


def files():
    """Files that are not there, or are no recordings and no boards."""
    for command in (["status"], ["profiles"], ["devices"], ["who"], ["doctor"], ["layouts", "-i", "0"],
                    ["plan", "1g.10gb", "-i", "0"], ["explain", "1g.10gb", "-i", "0"]):
        yield [*command, "--snapshot", "missing.json"], NOT_FOUND, ["missing.json"]
        yield [*command, "--snapshot", "."], None, ["."]
        yield [*command, "--snapshot", "empty.json"], None, ["empty.json"]
        yield [*command, "--snapshot", "text.json"], None, ["text.json:"]
        yield [*command, "--snapshot", "cut.json"], None, ["cut.json:"]
        yield [*command, "--snapshot", "newer.json"], None, ["newer.json:3:", "newer"]
        yield [*command, "--snapshot", "overlap.json"], None, ["overlap.json:", "GI 1", "GI 6"]
        yield [*command, "--snapshot", "twice.json"], None, ["twice.json:", "GI 1"]
    for name in ("text.yaml", "cut.yaml"):
        for command in (["layouts"], ["profiles"], ["plan", "1g.6gb", "--board"],
                        ["explain", "1g.6gb", "--board"], ["draw", "--svg", "never.svg", "--board"],
                        ["lab", "create", "never", "--driver", "535.261.03", "--board"]):
            yield [*command, f"./{name}"], None, [f"{name}:"]
    for words in (["snapshot", "missing/file"], ["boards", "capture", "-i", "0", "missing/file.yaml"],
                  ["draw", "-i", "0", "--svg", "missing/file"]):
        yield words, NOT_FOUND, ["missing/file"]
