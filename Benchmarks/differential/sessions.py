"""What is tried in a session: batches of programs, of patterns, and command lines, by seed.

Each session's `step` runs some on both sides and yields the cases that differ, minimised. A step
depends on the seed and its own number alone, so any of them can be run again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Optional

from differential import documents, regexes
from differential.judge import BATCH_BYTES, Case, Judge
from differential.programs import Maker
from differential.trees import Node, call, leaf

PROGRAMS_A_BATCH = 24
DOCUMENTS_A_PROGRAM = 3
PATTERNS_A_BATCH = 300


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
        seen: set[int] = set()
        for number, index in found:
            # One of a program's inputs is enough: the others differ likewise, mostly.
            if number in seen:
                continue
            case = self.judge.minimise(items[number][0], items[number][1][index])
            if case:
                seen.add(number)
                yield case
        for _ in range(len(items) * DOCUMENTS_A_PROGRAM - len(seen)):
            yield None


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


class Regexes:
    """Random patterns and flags on random texts, thousands in a process."""

    origin = "regexes"

    def __init__(self, judge: Judge, names: list[str]) -> None:
        self.judge = judge
        branches = "".join(
            f"{'elif' if i else 'if'} $row[0] == {i} then {form.format('$row[1]', '$row[2]')} "
            for i, form in enumerate(FORMS)
        )
        self.program = f'. as $row | .[3] | [try ({branches}else empty end) catch "error: \\(.)"]'

    def step(self, source: random.Random) -> Iterator[Optional[Case]]:
        """As that of programs."""
        rows = []
        for _ in range(PATTERNS_A_BATCH):
            form = source.randrange(len(FORMS))
            text = regexes.pattern(source), source.choice(regexes.FLAGS)
            rows.append((form, *text, regexes.subject(source)))
        count = 0
        for row in self.differing(rows):
            words = [leaf(documents.literal(source, text)) for text in row[1:]]
            case = self.judge.minimise(call(FORMS[row[0]], words[:2]), words[2])
            if case:
                count += 1
                yield case
        for _ in range(len(rows) - count):
            yield None

    def differing(self, rows: list[tuple[int, str, str, str]]) -> list[tuple[int, str, str, str]]:
        """The rows whose outputs differ; where a process ends early, by halves."""
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        ours, theirs = self.judge.both(["-c", self.program], data, 10.0, BATCH_BYTES)
        left, right = ours.out.split(b"\n"), theirs.out.split(b"\n")
        if ours.end == theirs.end == "exit" and len(left) == len(right) == len(rows) + 1:
            return [row for row, a, b in zip(rows, left, right) if a != b]
        if len(rows) == 1:
            return rows
        middle = len(rows) // 2
        return self.differing(rows[:middle]) + self.differing(rows[middle:])
