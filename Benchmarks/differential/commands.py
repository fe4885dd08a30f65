"""Random command lines: options, files and standard inputs, good, cut and broken.

A command shrinks by its options, its program and its bytes, and is shown as a shell takes it.
"""

from __future__ import annotations

import random
import shlex
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from differential import documents
from differential.engines import ENVIRONMENT, Result, finish, start
from differential.judge import LINE, Case, Difference, Judge, Outcome, descend

COMMANDS_A_STEP = 20
SECONDS = 3.0
OPTIONS = [
    "-n", "-r", "-j", "-a", "-s", "-S", "-C", "-M", "-c", "-c", "-c", "-e", "-R", "--tab", "--seq",
    "--stream", "--stream-errors", "--raw-output0", "--unbuffered", "-nr", "-rj", "-sR", "-cS",
    "-ne", "-sc", "-Cc", "-es", "-rR", "--indent 0", "--indent 1", "--indent 3", "--indent 7",
    "--indent 8", "--indent -1", "--indent x", "--arg a x", "--arg a é", "--argjson a 1",
    "--argjson a [1,{}]", "--argjson a {", "--arg b y", "--slurpfile a one.json",
    "--rawfile a one.json", "--slurpfile a none.json", "--ascii-output", "--null-input",
    "--raw-input", "--slurp", "--compact-output", "--exit-status", "--join-output", "--sort-keys",
    "--color-output", "--monochrome-output", "--raw-output", "-z", "--nope", "--arg a", "-", "--",
    "-L mods", "-cr", "-nj", "--seq --stream", "-s --stream", "-n --stream", "-ca", "--stream -c",
]  # fmt: skip
PROGRAMS = [
    ".", ".", ".", ".", ".[]?", ".a?", "., .", "input", "[., input]", "inputs", "[inputs]",
    "empty", "first(inputs)", "try input catch .", "try error catch .", "error", 'error("x")',
    "error(null)", "error({a: 1})", "halt", "halt_error", "halt_error(1)", '"bye\\n" | halt_error',
    "{} | halt_error(0)", "input_line_number", "[., input_line_number]", "input_filename",
    "[inputs | input_line_number]", "debug", 'debug("m")', "stderr", "$ARGS", "$ARGS.positional",
    "$ARGS.named", "$a", "[$a, $b]", "$__prog_args", "$ENV.X", "env.X", "tostream",
    "fromstream(inputs)", "fromstream(tostream)", "[limit(3; inputs)]",
    "reduce inputs as $x (0; . + 1)", "null", "false", "1, null", "null, 1", '"a\\u0000b"',
    '"é\\u007f\\u2028😀"', "[1.0, 1e1000, nan, -0, 1.10]", "tojson", "fromjson?", "@text",
    "{b: 1, a: {d: 2, c: 3}}", "keys", "length", ".[0]", ".a.b", "..", "to_entries?",
    "try (1, error) catch 2", "limit(1; .[]?)", "1 as $x | $x", "$x", "{", "", "# c", "def f: 1;",
    "1 +", "nope", "ltrimstr(\"a\")", "$__loc__", '"\\(1;2)"',
    "try input catch ., try input catch .", "input, input", "[.[]?] | add", "(.a, .b) = 1",
    "select(.)", "@json", "@csv", "getpath([\"a\"])?", "splits(\"a\")?", "ascii_downcase?",
    "input as $x | [$x, .]", "until(false; input)", "label $f | ., break $f", "{(\"a\"): .}",
    "tojson | fromjson", "import \"m\" as m; m::f", "include \"m\"; f", "import \"d\" as $d; $d",
    "modulemeta", "get_search_list | type",
]  # fmt: skip
TAILS = [
    "one.json", "two.json", "one.json two.json", "none.json", "one.json none.json",
    "two.json one.json", "--args x y", "--jsonargs 1 {}", "--jsonargs 1 {", "--args",
    "-- one.json", "--args x --jsonargs 2", "one.json --arg b z", "-c one.json", "--args -c", "-",
    "mods",
]  # fmt: skip
BROKEN = [
    b"", b" ", b"\n", b"{", b"[", b"[1", b"[1,", b"[1,]", b"[1 2]", b'{"a"', b'{"a":', b'{"a":1',
    b'{"a":1,}', b'{"a" 1}', b"{1:2}", b"{,}", b"[,]", b"]", b"}", b"1]", b"1,", b":", b'"', b'"a',
    b'"\\x"', b'"\\u12"', b'"\\ud800"', b'"\\udc00x"', b'"\xff"', b'"\xed\xa0\x80"',
    b"\xef\xbb\xbf1", b"\xef\xbb", b"nan", b"NaN", b"-nan", b"nan1", b"Infinity", b"-Infinity",
    b"infinity", b"tru", b"truex", b"nul", b"01", b"-", b"+1", b".5", b"5.", b"1e", b"1e5",
    b"1E+2", b"--1", b"0x1", b"'a'", b"1 2 3", b"1\n2\n\n3\n", b"1\x002", b'"\x00"', b'"\n"',
    b'"\t"', b"[]{}", b"[][", b'"a""b"', b"truefalse", b"1true", b"{}1", b"\x1e1\n",
    b"\x1e1\x1e2\n", b"\x1e[1\x1e2\n", b"\x1e", b"1\x1e", b"\x1e{\x1e{}\n", b"[[[1,{", b"# c\n1",
    b"//", b"1.000", b"100000000000000000000", b"1e1000", b"-0", b"[1,[2,[3]]]",
    b'{"a":[1,{"b":2}],"c":[]}', b"[[],{}]", b'{"a":1,"a":2}', b"\r\n1\r\n", b"\x0c1",
    b"\xc2\xa01", b"[1}", b'{"a":1]', b"{}}", b'{"a":{"b"', b"[" * 300,
    b"[" * 10001 + b"]" * 10001, b"line\nnext", b"a\nb\r\nc", b"1" * 400,
]  # fmt: skip
COLOURS = ["1;31", "0;90:0;37", "4;31:::::::1;35", "x", "38;2;255;173;173", ":::::::", "1;31:x", ""]


@dataclass(frozen=True)
class Command:
    """What is typed: groups of words, the program, what follows, and what is read."""

    options: tuple[tuple[str, ...], ...]
    program: tuple[str, ...]
    tail: tuple[tuple[str, ...], ...]
    stdin: bytes
    files: tuple[tuple[str, bytes], ...]
    variables: tuple[tuple[str, str], ...] = ()

    def words(self) -> list[str]:
        """The arguments."""
        groups = (*self.options, self.program, *self.tail)
        return [word for group in groups for word in group]

    def render(self) -> str:
        """For a shell; `jq` stands for either command."""
        words = self.words()
        names = [name for name in dict(self.files) if any(name in word for word in words)]
        texts = dict(self.files)
        parts = [f"printf '{escaped(texts[name])}' > {name}; " for name in names]
        parts.append(f"printf '{escaped(self.stdin)}' | ")
        parts += [f"{name}={shlex.quote(value)} " for name, value in self.variables]
        return "".join(parts) + shlex.join(["jq", *words])


def escaped(data: bytes) -> str:
    """For printf between single quotes."""
    text = ""
    for byte in data:
        char = chr(byte)
        if char == "\n":
            text += "\\n"
        elif char in "\\%'" or not 32 <= byte < 127:
            text += "%%" if char == "%" else f"\\{byte:03o}"
        else:
            text += char
    return text


def text(source: random.Random) -> bytes:
    """What is read: texts one behind the other, perhaps cut or changed."""
    parts = []
    for _ in range(source.choice([0, 1, 1, 1, 2, 3])):
        if source.randrange(3):
            shape = documents.random_shape(source, 2)
            parts.append(documents.document(source, shape, 3).render().encode())
        else:
            parts.append(source.choice(BROKEN))
    data = source.choice([b"\n", b"\n", b" ", b"", b"\n\x1e", b"\r\n"]).join(parts)
    if source.randrange(3):
        data += b"\n"
    if data and source.randrange(5) == 0:
        data = data[: source.randrange(len(data))]
    if data and source.randrange(8) == 0:
        place = source.randrange(len(data))
        insert = source.choice(BROKEN) or bytes([source.randrange(256)])
        data = data[:place] + insert + data[place + source.randrange(2) :]
    return data


def command(source: random.Random) -> Command:
    """A random one; half have two options at most."""
    options = source.sample(OPTIONS, source.choice([0, 1, 1, 2, 2, 3, 4]))
    program = source.choice(PROGRAMS)
    tail = [source.choice(TAILS)] if source.randrange(4) == 0 else []
    files = [("one.json", text(source)), ("two.json", text(source)), ("prog.jq", program.encode())]
    from_file = source.randrange(12) == 0
    variables = []
    if source.randrange(10) == 0:
        variables.append(("JQ_COLORS", source.choice(COLOURS)))
    if source.randrange(20) == 0:
        variables.append(("NO_COLOR", source.choice(["1", ""])))
    return Command(
        tuple(tuple(one.split(" ")) for one in options),
        ("-f", "prog.jq") if from_file else (program,),
        tuple(tuple(one.split(" ")) for one in tail),
        text(source),
        tuple(files),
        tuple(variables),
    )


def smaller(one: Command) -> Iterator[Command]:
    """Less of it, the options first."""
    for name in ("options", "tail", "variables"):
        items = getattr(one, name)
        for index in range(len(items)):
            yield replace(one, **{name: items[:index] + items[index + 1 :]})
    for index, group in enumerate(one.options):
        if group[0][:1] == "-" and group[0][:2] != "--" and len(group[0]) > 2:
            for letter in group[0][1:]:
                short = ((f"-{letter}",),)
                yield replace(one, options=one.options[:index] + short + one.options[index + 1 :])
    if len(one.program) == 1:
        for program in (".", "input", ".[]", "1", "[., input]", "inputs", "$a"):
            yield replace(one, program=(program,))
    elif dict(one.files)["prog.jq"]:
        yield replace(one, program=(dict(one.files)["prog.jq"].decode(),))
    for data in less(one.stdin):
        yield replace(one, stdin=data)
    for index, (name, data) in enumerate(one.files):
        if name in " ".join(one.words()):
            for rest in less(data):
                files = (*one.files[:index], (name, rest), *one.files[index + 1 :])
                yield replace(one, files=files)


def less(data: bytes) -> Iterator[bytes]:
    """Shorter ones: without a half, a quarter, down to one byte."""
    width = len(data)
    while width and len(data) < 4096:
        for place in range(0, len(data), width):
            yield data[:place] + data[place + width :]
        width //= 2


class Commands:
    """Random command lines on both sides."""

    origin = "commands"

    def __init__(self, judge: Judge, names: list[str]) -> None:
        self.judge = judge

    def step(self, source: random.Random) -> Iterator[Optional[Case]]:
        """None for each command line that does the same, and a case for each that does not."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "mods").mkdir()
            (folder / "mods" / "m.jq").write_text('module {"n": 1};\ndef f: [., $__loc__];\n')
            (folder / "mods" / "d.json").write_text("1 [2]\n")
            for _ in range(COMMANDS_A_STEP):
                one = command(source)
                found = self.difference(one, folder)
                yield self.minimised(one, found, folder) if found else None

    def minimised(self, one: Command, found: Difference, folder: Path) -> Case:
        """The least command line whose difference is of the same kind."""

        accepted = self.judge.is_accepted(Case(one.render(), "", found))

        def holds(candidate: Command) -> bool:
            other = self.difference(candidate, folder)
            if other is None or other.kind != found.kind:
                return False
            return accepted or not self.judge.is_accepted(Case(candidate.render(), "", other))

        before = self.judge.crashed, self.judge.late
        one = descend(one, smaller, holds, time.monotonic() + 8)
        case = Case(one.render(), "", self.difference(one, folder) or found)
        self.judge.crashed, self.judge.late = before
        return case

    def difference(self, one: Command, folder: Path) -> Optional[Difference]:
        """How the two differ; of messages, those about inputs and of programs count."""
        for name, data in one.files:
            (folder / name).write_bytes(data)
        environment = {**ENVIRONMENT, "X": "value", **dict(one.variables)}
        sides = (self.judge.ours, self.judge.theirs)

        def run(seconds: float) -> tuple[Result, Result]:
            self.judge.runs += 1
            running = [
                start([*side, *one.words()], one.stdin, environment, str(folder)) for side in sides
            ]
            ours, theirs = (finish(process, seconds, 1 << 18) for process in running)
            return ours, theirs

        return self.judge.judged(run, compare, SECONDS)


def compare(ours: Result, theirs: Result) -> Optional[Difference]:
    """crash, time, status, value or message."""
    sides = [Outcome(end(one), shown(one), message(one)) for one in (ours, theirs)]
    if ours.crashed:
        return Difference("crash", *sides)
    if theirs.crashed or theirs.end != "exit":
        return None
    if ours.end != "exit":
        return Difference("time", *sides)
    if ours.status != theirs.status:
        return Difference("status", *sides)
    if ours.out != theirs.out:
        return Difference("value", *sides)
    # What is wrong with a command line or a program is said in words of our own.
    if ours.status not in (2, 3) and sides[0].message != sides[1].message:
        return Difference("message", *sides)
    return None


def end(result: Result) -> str:
    """The status in words."""
    return f"status {result.status}" if result.end == "exit" else result.end


def shown(result: Result) -> list[str]:
    """Its output and its messages, for the reader."""
    return [repr(result.out)[1:4000], repr(message(result))[:4000]]


def message(result: Result) -> str:
    """The standard error."""
    return LINE.sub("jq: error", result.err.decode(errors="replace"))
