"""Shapes, and random JSON texts that have them.

A shape is what a program may count on: ("num",), ("arr", shape), ("obj", {name: shape}), ("any",).
Texts keep to it but for one value in some thirty.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from differential.trees import Node, call, leaf, sequence

Shape = tuple[Any, ...]

ANY: Shape = ("any",)
NUM: Shape = ("num",)
STR: Shape = ("str",)
BOOL: Shape = ("bool",)
NULL: Shape = ("null",)

NAMES = ["a", "b", "c", "k", "v", "id", "name", "key", "value", "é", "日", "x y", "$d", "", "n-1"]
NUMBERS = [
    "0", "1", "2", "3", "-1", "-2", "10", "7", "0.5", "-1.5", "1.5", "2.7", "1e3", "1E-5", "-0",
    "3.0", "1.10", "100", "255", "1e17", "1e18", "9007199254740993", "-9007199254740993",
    "12345678901234567890", "100000000000000000000000001", "0.1", "0.30000000000000004", "1e308",
    "1.7976931348623157e308", "5e-324", "1e-320", "1e1000", "-1e1000", "1425599621",
    "1425599621.678", "4294967296", "2147483647", "-2147483648", "1e-7", "123456789.125",
    "0.00001", "1e15", "3.141592653589793", "nan", "55296", "128512", "1000000", "65", "8364",
]  # fmt: skip
PLAIN_NUMBERS = ["0", "1", "2", "3", "4", "5", "-1", "-2", "10", "0.5", "1.5", "100", "42"]
CHARACTERS = [
    "a", "b", "c", "A", "Z", "0", "1", "9", " ", ",", ".", "-", "_", "/", "é", "ß", "İ", "\u017f",
    "ñ", "日", "本", "€", "\u2028", "😀", "👍🏽", "\u0301", "\t", "\n", '"', "\\", "'", "&", "<",
    "%", "+", "=", "\u0000", "\u007f", "\u0080", "\ufeff", "\uffff", "\U0010ffff", "\r", "$", "^",
    "(", "[",
]  # fmt: skip
TEXTS = [
    "", "a", "abc", "foo bar", "a,b,c", "a, b, c", "aXbXc", "é", "日本語", "😀a😀", "naïveté",
    "12", "-3.5", "1e3", " 1 ", "nan", "NaN", "-nan", "Infinity", "0x10", "1 2", "007", ".5", "5.",
    "true", "null", "[1,2]", '{"a":1}', '{"a":', "[1,", '"s"', "2015-03-05T23:51:47Z",
    "2015-03-05", "23:51", "10 Mar 2024", "Thu, 05 Mar 2015 23:51:47 +0100",
    "1999-12-31T23:59:60Z", "YWJj", "YWI=", "YQ", "w6k=", "????", "a%20b", "%C3%A9", "%zz", "%",
    "=", "aGVsbG8gd29ybGQ=", "  pad  ", "\ta\n", "x=1;y=2", "<b>&amp;</b>", "it's", 'say "hi"',
    "a\\b", "line1\nline2", "aaa", "aaaa", "abab", "ABC", "tEsT", "a.b.c", "foo-bar_baz", "🇩🇪",
    "e\u0301", "ﬀ", "K",
]  # fmt: skip


def string_text(source: random.Random) -> str:
    """A string, as Python has it."""
    kind = source.randrange(10)
    if kind < 6:
        return source.choice(TEXTS)
    if kind < 9:
        return "".join(source.choice(CHARACTERS) for _ in range(source.randrange(1, 9)))
    return source.choice(TEXTS) * source.randrange(2, 5)


def literal(source: random.Random, text: str) -> str:
    """The JSON text of a string; some are escaped."""
    return json.dumps(text, ensure_ascii=source.randrange(6) == 0)


def number_text(source: random.Random) -> str:
    """A JSON number; most are small."""
    kind = source.randrange(10)
    if kind < 6:
        return source.choice(PLAIN_NUMBERS)
    if kind < 9:
        return source.choice(NUMBERS)
    scale = source.choice([1, 10, 1e5, 1e12, 1e-3])
    return repr(source.choice([round(source.gauss(0, scale)), source.gauss(0, scale)]))


def random_shape(source: random.Random, depth: int = 3) -> Shape:
    """A shape; the root is a container most of the time."""
    kind = source.randrange(20)
    if depth <= 0 or kind < (3 if depth == 3 else 10):
        return source.choice([NUM, NUM, STR, STR, BOOL, NULL, ANY])
    if kind < 15:
        return ("arr", random_shape(source, depth - 1))
    names = source.sample(NAMES, source.randrange(1, 4))
    return ("obj", {name: random_shape(source, depth - 1) for name in names})


def document(source: random.Random, shape: Shape, depth: int = 4) -> Node:
    """A text of this shape, more or less."""
    kind = shape[0]
    if source.randrange(32) == 0:
        kind = "any"
    if kind == "any":
        shape = random_shape(source, min(depth - 2, 2))
        kind = shape[0]
    if kind == "num":
        return leaf(number_text(source))
    if kind == "str":
        return leaf(literal(source, string_text(source)))
    if kind == "bool":
        return leaf(source.choice(["true", "false"]))
    if kind == "arr":
        count = source.choice([0, 1, 2, 2, 3, 3, 4, 6])
        return sequence(
            "[", [document(source, shape[1], depth - 1) for _ in range(count)], ",", "]"
        )
    if kind == "obj":
        members = []
        for name, inner in shape[1].items():
            if source.randrange(8):
                members.append(member(source, name, document(source, inner, depth - 1)))
        if source.randrange(8) == 0:
            name = source.choice(NAMES)
            members.append(member(source, name, document(source, ANY, depth - 1)))
        return sequence("{", members, ",", "}")
    return leaf("null")


def member(source: random.Random, name: str, value: Node) -> Node:
    """A member of an object: fixed, for nothing else may stand in its place."""
    return call(f"{literal(source, name).replace('{}', '')}:{{}}", [value], is_fixed=True)


def elements(shape: Shape) -> Shape:
    """What `.[]` gives."""
    if shape[0] == "arr":
        return shape[1]
    if shape[0] == "obj" and shape[1]:
        inner = list(shape[1].values())
        return inner[0] if all(one == inner[0] for one in inner) else ANY
    return ANY


def accessors(shape: Shape, depth: int = 2) -> Iterator[tuple[str, Shape]]:
    """Paths into the shape, as text."""
    yield ".", shape
    if depth == 0:
        return
    if shape[0] == "obj":
        for name, inner in shape[1].items():
            front = f".{name}" if name.isascii() and name.isidentifier() else f'."{name}"'
            for text, deeper in accessors(inner, depth - 1):
                yield front + (text if text != "." else ""), deeper
    if shape[0] == "arr":
        for front in (".[0]", ".[]", ".[-1]", ".[1]"):
            for text, deeper in accessors(shape[1], depth - 1):
                yield front + (text if text != "." else ""), deeper
