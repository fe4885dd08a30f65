"""What is tried in a session: batches of programs, of patterns, and command lines, by seed.

Each session's `step` runs some on both sides and yields the cases that differ, minimised. A step
depends on the seed and its own number alone, so any of them can be run again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any, Optional

from differential import documents, regexes
from differential.judge import BATCH_BYTES, Case, Difference, Judge, Outcome, batch
from differential.programs import Maker
from differential.trees import Node, call, leaf, sequence

PROGRAMS_A_BATCH = 24
DOCUMENTS_A_PROGRAM = 3
PATTERNS_A_BATCH = 300
EMPTY_MATCHES = "empty matches"
LONG_LITERALS = "long literals"


class Programs:
    """Random programs, each with inputs of one shape."""

    origin = "programs"

    def __init__(self, judge: Judge, names: list[str]) -> None:
        self.judge, self.names = judge, names

    def items(self, source: random.Random) -> list[tuple[Node, list[Node]]]:
        """Programs and their inputs."""
        maker, items = Maker(source, self.names), []
        for _ in range(PROGRAMS_A_BATCH):
            shape = documents.random_shape(source)
            program = maker.program(shape, source.randrange(1, 6))
            texts = [documents.document(source, shape) for _ in range(DOCUMENTS_A_PROGRAM)]
            items.append((program, texts))
        return items

    def step(self, source: random.Random) -> Iterator[Optional[Case]]:
        """None for each program and input that does not differ, and a case for each that does."""
        items = self.items(source)
        alone = source.randrange(8) == 0
        texts = [(node.render(), [one.render() for one in inputs]) for node, inputs in items]
        if alone:
            found = [(i, j) for i, (_, inputs) in enumerate(texts) for j in range(len(inputs))]
        else:
            found = self.judge.screen(texts)
        yield from [None] * (len(items) * DOCUMENTS_A_PROGRAM - len(found))
        seen: set[int] = set()
        for number, index in found:
            # One of a program's inputs is enough: the others differ likewise, mostly.
            program, text = items[number][0], items[number][1][index]
            case = None
            if number not in seen:
                case = self.judge.minimise(program, text, self.note)
                if not (case or alone):
                    case = self.within_batch(program, text)
            if case:
                seen.add(number)
            yield case

    def note(self, case: Case) -> str:
        """What explains a program's difference."""
        return empty_matches_note(case) or long_literals_note(self.judge, case)

    def within_batch(self, program: Node, text: Node) -> Optional[Case]:
        """What differs as one of a batch only, where outputs are collected and errors caught."""
        whole = leaf(batch([program.render()]))
        return self.judge.minimise(whole, sequence("[", [leaf("0"), text], ",", "]"))


LONG_LITERAL = re.compile(r"-?\d[\d.]{15,}(?:[eE][-+]?\d+)?")


def long_literals_note(judge: Judge, case: Case) -> str:
    """Whether a difference goes when literals have no more digits than their doubles."""

    def shorter(text: str) -> str:
        return LONG_LITERAL.sub(lambda found: repr(float(found.group())), text)

    try:
        program, document = shorter(case.program), shorter(case.document)
    except ValueError:
        return ""
    if (program, document) == (case.program, case.document):
        return ""
    return "" if judge.difference(program, document) else LONG_LITERALS


def empty_matches_note(case: Case) -> str:
    """Whether a program's difference may be that of empty matches, of their captures too."""
    has_match = re.search(r"match|scan|split|sub\(|capture", case.program)
    text = case.program + case.document
    is_ascii = text.isascii() and not re.search(r"\\u|implode|base\d+d|urid|fromjson", text)
    looks = re.search(r"\(\?<?=|\\K", case.program)
    may_be = has_match and (looks or not is_ascii) and case.difference.kind == "value"
    return EMPTY_MATCHES if may_be else ""


# What is done with a pattern: the text with its places, and the same where both are data.
FORMS = [
    "[match({}; {})]",
    "[match({}; {})]",
    "[capture({}; {})]",
    "[scan({}; {})]",
    "test({}; {})",
    "[splits({}; {})]",
    "split({}; {})",
    'sub({}; "<\\(.)>"; {})',
    'gsub({}; "<\\(.x)>"; {})',
    '[gsub({}; .x, "é"; {})]',
]


STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
PLACES = """(match($row[1]; $row[2] + "g")
    | [.offset, .length, .string, (.captures | map([.offset, .string]))])"""


def depends_on_start(pattern: str) -> bool:
    """Whether a match depends on where it is looked for (`\\G`) or begins elsewhere (`\\K`)."""
    return "\\G" in pattern or "\\K" in pattern


def explains(ours: bytes, theirs: bytes, subject: str, resets: bool = False) -> bool:
    """Whether jq's matches are ours and some that it finds within characters.

    These are empty, or hold a part of a character, and count as being behind that character. Where
    they take more, ours in there are none of jq's. What an empty match captured is empty to jq.

    resets: that all behind a match within a character may differ, as of `depends_on_start`.
    """
    if not ours or not theirs or ours == theirs:
        return False
    left, right = json.loads(ours), json.loads(theirs)
    if not isinstance(left, list) or not all(isinstance(one, list) for one in left + right):
        return False
    for one in left:
        if one[1] == 0:
            one[3] = [[-1, None] if text is None else [one[0], ""] for _, text in one[3]]

    def is_within(one: list[Any]) -> bool:
        offset, count, text, _ = one
        before = subject[offset - 1 : offset] if offset > 0 else ""
        return "\ufffd" in (text or "") or (count == 0 and before > "\x7f")

    index = taken = reach = 0
    for one in right:
        place = index
        while place < len(left) and one != left[place] and left[place][0] < taken:
            place += 1
        if place < len(left) and one == left[place]:
            index = place + 1
        elif is_within(one) or one[0] < reach:
            if resets:
                return True
            taken = max(taken, one[0] + one[1])
            # Of ours, what such a match cuts into may be found otherwise up to its end.
            cut = (mine[0] + mine[1] for mine in left[index:] if mine[0] < taken)
            reach = max(reach, *cut, 0)
        else:
            return False
    return all(one[0] < taken for one in left[index:])


Row = tuple[int, str, str, str]


class Regexes:
    """Random patterns and flags on random texts, hundreds in a process."""

    origin = "regexes"

    def __init__(self, judge: Judge, names: list[str]) -> None:
        self.judge = judge
        branches = "".join(
            f"{'elif' if i else 'if'} $row[0] == {i} then {form.format('$row[1]', '$row[2]')} "
            for i, form in enumerate(FORMS)
        )
        self.program = f"({branches}else empty end)"

    def step(self, source: random.Random) -> Iterator[Optional[Case]]:
        """As that of programs."""
        rows: list[Row] = []
        for _ in range(PATTERNS_A_BATCH):
            text = regexes.pattern(source), source.choice(regexes.FLAGS)
            rows.append((source.randrange(len(FORMS)), *text, regexes.subject(source)))
        outputs = self.outputs(rows, self.program)
        found = [row for row, (a, b) in zip(rows, outputs) if a != b or not a]
        yield from [None] * (len(rows) - len(found))
        for row, (ours, theirs) in zip(found, self.outputs(found, PLACES)):
            words = [leaf(documents.literal(source, text)) for text in row[1:]]
            program = call(FORMS[row[0]], words[:2])
            if explains(ours, theirs, row[3], depends_on_start(row[1])):
                # What the form makes of its matches needs no look: these explain the difference.
                sides = Outcome("value", [ours.decode()]), Outcome("value", [theirs.decode()])
                what = Difference("value", *sides)
                yield Case(program.render(), words[2].render(), what, note=EMPTY_MATCHES)
            else:
                yield self.judge.minimise(program, words[2], self.note)

    def note(self, case: Case) -> str:
        """Whether the matches of the pattern explain a program that was made smaller."""
        strings = STRING.findall(case.program)
        if not strings or case.difference.kind != "value":
            return ""
        flags = "".join(sorted(set(strings[-1]) & set("inxsp"))) if len(strings) > 1 else ""
        program = f"[{PLACES}]".replace("$row[1]", strings[0]).replace("$row[2]", f'"{flags}"')
        ours, theirs = self.judge.both(["-c", program], case.document.encode(), 2.0)
        subject = json.loads(case.document)
        found = isinstance(subject, str) and explains(
            ours.out, theirs.out, subject, depends_on_start(strings[0])
        )
        return EMPTY_MATCHES if found else ""

    def outputs(self, rows: list[Row], program: str) -> list[tuple[bytes, bytes]]:
        """What both write for each row; nothing where a process ends early."""
        if not rows:
            return []
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        text = f'. as $row | .[3] | [try {program} catch "error: \\(.)"]'
        ours, theirs = self.judge.both(["-c", text], data, 10.0, BATCH_BYTES)
        left, right = ours.out.split(b"\n")[:-1], theirs.out.split(b"\n")[:-1]
        if ours.end == theirs.end == "exit" and len(left) == len(right) == len(rows):
            return list(zip(left, right))
        if len(rows) == 1:
            return [(b"", b"")]
        middle = len(rows) // 2
        return self.outputs(rows[:middle], program) + self.outputs(rows[middle:], program)
