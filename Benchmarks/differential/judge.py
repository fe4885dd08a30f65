"""Runs a program on both sides, says how they differ, and finds the least that still does.

judge = Judge([binary, "run"], [jq])
judge.difference("1 + 1", "null")      None, or Difference(kind="value", ours=.., theirs=..)
judge.screen([("1 + 1", ["null"]), ..])    the programs of a batch that may differ
judge.minimise(program, document)      the trees, made smaller
"""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Optional, Protocol, TypeVar

from differential.engines import OUTPUT_BYTES, Result, run_both
from differential.trees import PLAIN_DOCUMENT, Node, leaf, shrink, shrink_text

LINE = re.compile(r"^jq: error( \(at [^)]*\))?", re.MULTILINE)
PLACE = re.compile(rb"<top-level>, line (\d+)")
OUTPUTS_MAX = 40
BATCH_BYTES = 1 << 24
BATCH_SECONDS = 3.0
SECONDS = 2.0
# What takes ours so many times as long, and not jq, differs.
SLOWER = 5
MINIMISE_SECONDS = 5.0
CANDIDATES = 12


@dataclass
class Outcome:
    """What one side made of a program and its input."""

    end: str  # value, error, compile, crash, time, flood
    out: list[str]
    message: str = ""

    def text(self) -> str:
        """In a line."""
        ending = {"value": "", "error": f"error: {self.message}"}
        ending["compile"] = f"does not compile: {self.message}"
        words = [*self.out[:12], ending.get(self.end, self.end)]
        return " ".join(word for word in words if word) or "no output"


@dataclass
class Difference:
    """How ours is not theirs: crash, time, compile, error, value, digits or message."""

    kind: str
    ours: Outcome
    theirs: Outcome


def outcome(result: Result) -> Outcome:
    """What a run says."""
    if result.end != "exit":
        lines = result.out.decode(errors="replace").split("\n")[:-1]
        return Outcome(result.end, lines)
    if result.crashed or b"Fatal error" in result.err or b"ssertion" in result.err[:400]:
        return Outcome("crash", [], result.err.decode(errors="replace")[-200:])
    lines = result.out.decode(errors="replace").split("\n")[:-1]
    if result.status in (2, 3):
        return Outcome("compile", lines, result.err.decode(errors="replace").split("\n")[0])
    message = LINE.sub("", result.err.decode(errors="replace")).strip(": \n")
    return Outcome("error" if result.status else "value", lines, message)


def compare(ours: Outcome, theirs: Outcome) -> Optional[Difference]:
    """How they differ, if they do; what jq itself does not survive says nothing."""

    def found(kind: str) -> Difference:
        return Difference(kind, ours, theirs)

    if ours.end == "crash":
        return found("crash")
    if theirs.end in ("crash", "time"):
        return None
    if ours.end == "time":
        return found("time")
    if "compile" in (ours.end, theirs.end):
        return found("compile") if ours.end != theirs.end else None
    if "flood" in (ours.end, theirs.end):
        count = min(len(ours.out), len(theirs.out), 1000)
        return found("value") if ours.out[:count] != theirs.out[:count] else None
    if ours.out != theirs.out:
        near = len(ours.out) == len(theirs.out) and all(map(close, ours.out, theirs.out))
        return found("digits" if near else "error" if ours.end != theirs.end else "value")
    if ours.end != theirs.end:
        return found("error")
    return found("message") if ours.message != theirs.message else None


def close(a: str, b: str) -> bool:
    """Equal but for the last digits of numbers."""
    if a == b:
        return True
    try:
        return near(json.loads(a, parse_int=float), json.loads(b, parse_int=float))
    except (ValueError, RecursionError):
        return False


def near(a: Any, b: Any) -> bool:
    """The same of two values."""
    if isinstance(a, float) and isinstance(b, float):
        same_sign = math.copysign(1, a) == math.copysign(1, b)
        return same_sign and math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(near(a[name], b[name]) for name in a)
    return bool(a == b)


@dataclass
class Case:
    """A program and an input that differ, and how."""

    program: str
    document: str
    difference: Difference
    count: int = 1
    origin: str = ""
    # What a session found out of it, for the list of what is accepted.
    note: str = ""


@dataclass
class Judge:
    """Both commands, and what need not be told."""

    ours: list[str]
    theirs: list[str]
    is_accepted: Callable[[Case], bool] = lambda case: False
    runs: int = 0
    # What jq did not survive, and what took either too long: neither is compared.
    crashed: int = 0
    late: int = 0
    cache: dict[tuple[str, str], Optional[Difference]] = field(default_factory=dict)

    def both(
        self, words: list[str], data: bytes, seconds: float, bytes_max: int = OUTPUT_BYTES
    ) -> tuple[Result, Result]:
        """Ours and theirs."""
        self.runs += 1
        commands = [*self.theirs, *words], [*self.ours, *words]
        theirs, ours = run_both(*commands, data, seconds, bytes_max)
        return ours, theirs

    def difference(self, program: str, document: str) -> Optional[Difference]:
        """How the two differ by themselves; `-c` alone is given, as users do."""
        key = (program, document)
        if key not in self.cache:
            if len(self.cache) > 5000:
                self.cache.clear()
            data = document.encode() + b"\n"
            self.cache[key] = self.judged(
                lambda seconds: self.both(["-c", "--", program], data, seconds),
                lambda ours, theirs: compare(outcome(ours), outcome(theirs)),
                SECONDS,
            )
        return self.cache[key]

    def judged(
        self,
        run: Callable[[float], tuple[Result, Result]],
        compared: Callable[[Result, Result], Optional[Difference]],
        seconds: float,
    ) -> Optional[Difference]:
        """How a run of both differs; None where one of them could not be judged."""
        ours, theirs = run(seconds)
        if ours.end == "time" and theirs.end != "time":
            ours, theirs = run(SLOWER * seconds)
        self.crashed += outcome(theirs).end == "crash"
        self.late += theirs.end == "time"
        return compared(ours, theirs)

    def screen(
        self, items: list[tuple[str, list[str]]], with_refused: bool = True
    ) -> list[tuple[int, int]]:
        """Program and document numbers that differ when all run in one process of each side.

        Where a process ends early, the programs that jq refuses, or the one that it ended in, are
        tried one by one (or left out, where jq refuses them), and the others again.
        """
        rows = [
            (number, index, text)
            for number, (_, texts) in enumerate(items)
            for index, text in enumerate(texts)
        ]
        data = "".join(f"[{number},{text}]\n" for number, _, text in rows).encode()
        programs = [program for program, _ in items]
        words = ["-c", "--unbuffered", batch(programs)]
        ours, theirs = self.both(words, data, BATCH_SECONDS, BATCH_BYTES)
        left, right = ours.out.split(b"\n"), theirs.out.split(b"\n")
        ends = (ours.end, ours.status, theirs.end, theirs.status)
        if ends == ("exit", 0, "exit", 0) and len(left) == len(right) == len(rows) + 1:
            pairs = zip(rows, left, right)
            return [(number, index) for (number, index, _), a, b in pairs if a != b]
        are_refused = ends == ("exit", 3, "exit", 3)
        if len(items) == 1:
            return [] if are_refused else [(0, index) for index in range(len(items[0][1]))]
        numbers = range(len(items))
        if are_refused:
            apart = refused_programs(programs, theirs.err)
        else:
            # A side that ended early did so in the first row without an output.
            counts = [
                len(lines) - 1
                for lines, end in ((left, ends[:2]), (right, ends[2:]))
                if end != ("exit", 0)
            ]
            apart = {rows[min(counts)][0]} if counts and min(counts) < len(rows) else set()
        parts = [[number for number in numbers if number not in apart]]
        if not apart:
            middle = len(items) // 2
            parts = [list(numbers[:middle]), list(numbers[middle:])]
        elif with_refused or not are_refused:
            parts += [[number] for number in apart]
        found = []
        for part in filter(None, parts):
            differing = self.screen([items[number] for number in part], with_refused)
            found += [(part[number], index) for number, index in differing]
        return sorted(found)

    def minimise(
        self, program: Node, document: Node, note: Callable[[Case], str] = lambda case: ""
    ) -> Optional[Case]:
        """The least program and input whose difference is of the same kind; None: none by itself.

        What is not accepted does not become what is, for that would hide it. `note` tells what a
        session knows of a case.
        """
        text, data = program.render(), document.render()
        first = self.case(text, data, note)
        if not first:
            return None
        before = self.crashed, self.late
        try:
            return self.least(program, document, first, note)
        finally:
            # A case counts once, whatever the smaller ones do.
            self.crashed, self.late = before

    def least(
        self, program: Node, document: Node, first: Case, note: Callable[[Case], str]
    ) -> Optional[Case]:
        """The last of those that are smaller and differ likewise."""
        text, data = program.render(), document.render()
        end = time.monotonic() + MINIMISE_SECONDS
        accepted, kind = self.is_accepted(first), first.difference.kind

        def holds(text: str, data: str) -> bool:
            found = self.difference(text, data)
            if found is None or found.kind != kind:
                return False
            case = self.case(text, data, note)
            return case is not None and (accepted or not self.is_accepted(case))

        # Many candidates run in one process, where that shows the difference too.
        is_shown = kind in ("value", "error", "message") and self.screen([(text, [data])])

        def may_hold(pairs: list[tuple[str, str]]) -> list[bool]:
            if not is_shown or len(pairs) < 3:
                return [True] * len(pairs)
            found = self.screen([(text, [data]) for text, data in pairs], with_refused=False)
            shown = {number for number, _ in found}
            return [number in shown for number in range(len(pairs))]

        def least_program(program: Node, smaller: Callable[[Node], Iterator[Node]]) -> Node:
            return descend(
                program,
                smaller,
                lambda node: holds(node.render(), data),
                end,
                lambda nodes: may_hold([(node.render(), data) for node in nodes]),
            )

        def least_document() -> Node:
            return descend(
                document,
                shrink_document,
                lambda node: holds(text, node.render()),
                end,
                lambda nodes: may_hold([(text, node.render()) for node in nodes]),
            )

        for _ in range(3):
            before = (text, data)
            program = least_program(program, shrink)
            text = program.render()
            document = least_document()
            data = document.render()
            if (text, data) == before or time.monotonic() > end:
                break
        # Most of these do not compile, which many in one process would make slower.
        is_shown = False
        text = least_program(leaf(text), shrink_by_tokens).render()
        data = least_document().render()
        return self.case(text, data, note)

    def case(self, text: str, data: str, note: Callable[[Case], str]) -> Optional[Case]:
        """The program and its input, if they differ."""
        found = self.difference(text, data)
        case = Case(text, data, found) if found else None
        if case:
            case.note = note(case)
        return case


def shrink_document(node: Node) -> Iterator[Node]:
    """Smaller JSON texts."""
    return shrink(node, PLAIN_DOCUMENT)


def shrink_by_tokens(node: Node) -> Iterator[Node]:
    """Shorter programs, taken as texts."""
    return map(leaf, shrink_text(node.text))


def rank(text: str) -> tuple[int, str]:
    """What is less is simpler."""
    return len(text.encode()), text


class Rendered(Protocol):
    """What has a text that tells how simple it is."""

    def render(self) -> str:
        """The text."""


Smaller = TypeVar("Smaller", bound=Rendered)


def descend(
    one: Smaller,
    smaller: Callable[[Smaller], Iterator[Smaller]],
    holds: Callable[[Smaller], bool],
    end: float = math.inf,
    may_hold: Callable[[list[Smaller]], list[bool]] = lambda some: [True] * len(some),
) -> Smaller:
    """Takes a smaller one for which it holds, until there is none or the time is over.

    `may_hold` looks at some at a time, and spares those of which it says no.
    """
    while True:
        found = next_smaller(one, smaller, holds, end, may_hold)
        if found is None:
            return one
        one = found


def next_smaller(
    one: Smaller,
    smaller: Callable[[Smaller], Iterator[Smaller]],
    holds: Callable[[Smaller], bool],
    end: float,
    may_hold: Callable[[list[Smaller]], list[bool]],
) -> Optional[Smaller]:
    """The first simpler one for which it holds."""
    most = rank(one.render())
    tried: set[str] = set()

    def simpler() -> Iterator[Smaller]:
        for candidate in smaller(one):
            text = candidate.render()
            if rank(text) < most and text not in tried:
                tried.add(text)
                yield candidate

    candidates = simpler()
    while time.monotonic() < end:
        some = list(itertools.islice(candidates, CANDIDATES))
        if not some:
            break
        for candidate, may in zip(some, may_hold(some)):
            if may and holds(candidate):
                return candidate
    return None


def batch(programs: list[str]) -> str:
    """One program of all; its input is `[NUMBER, INPUT]`, its output what that program gives."""
    definitions = "".join(f"def _{i}: {text}\n;\n" for i, text in enumerate(programs))
    choice = "".join(
        f"{'if' if i == 0 else 'elif'} $_n == {i} then _{i} " for i in range(len(programs))
    )
    body = f"({choice}else empty end | [.])"
    caught = f'try limit({OUTPUTS_MAX}; {body}) catch {{"error": .}}'
    return f"{definitions}.[0] as $_n | .[1] | [{caught}]"


def refused_programs(programs: list[str], message: bytes) -> set[int]:
    """The numbers of the programs of a batch that jq's message names by their lines."""
    lines = {int(line) for line in PLACE.findall(message)}
    refused, first = set(), 1
    for number, text in enumerate(programs):
        # Each takes its own lines, and one for what ends its definition.
        last = first + text.count("\n") + 1
        if not lines.isdisjoint(range(first, last + 1)):
            refused.add(number)
        first = last + 1
    return refused
