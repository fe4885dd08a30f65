"""Random programs that know what their input looks like.

    maker = Maker(random.Random(1), names)
    node, shape = maker.make(shape, "num", depth=4)     a filter whose outputs are numbers, mostly

Each filter is chosen by the kind of output that is wanted and by the shape of its input; what it
needs as its input or as an argument is made likewise. Now and then a kind is not what it should be.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

from differential import documents, regexes
from differential.documents import ANY, BOOL, NULL, NUM, STR, Shape, accessors, elements
from differential.paths import make_path
from differential.signatures import Signature, signatures
from differential.syntax import PRODUCERS
from differential.trees import Node, call, leaf, operation, sequence

ARR: Shape = ("arr", ANY)
ENTRY: Shape = ("obj", {"key": STR, "value": ANY})
SHAPES: dict[str, Shape] = {
    "num": NUM, "str": STR, "bool": BOOL, "null": NULL, "any": ANY, "arr": ARR, "con": ANY,
    "obj": ("obj", {}), "nums": ("arr", NUM), "strs": ("arr", STR), "objs": ("arr", ENTRY),
    "arrs": ("arr", ARR), "int": NUM, "time": NUM, "iso": STR, "broken": ("arr", NUM),
    "path": ANY, "gen": ANY, "paths": ARR, "key": ANY,
}  # fmt: skip
# Which kinds of output will do for a kind that is wanted, besides itself.
FITS = {
    "arr": {"nums", "strs", "objs", "arrs", "broken"},
    "con": {"arr", "obj", "nums", "strs", "objs", "arrs"},
    "nums": {"broken"},
}
FORMATS = [
    '"%Y-%m-%dT%H:%M:%SZ"', '"%Y-%m-%d"', '"%H:%M"', '"%d %b %Y"', '"%A, %B %d, %Y"', '"%j"',
    '"%a, %d %b %Y %H:%M:%S %z"', '"%s"', '"%e %I %p"', '"%U %W %V %G %u %w"', '"%c"', '"%D %T"',
    '"%y %C"', '"%%"', '"%Z"', '"é%Y"', '""', '"%h%n%t%R%r"', '"%F %X %x"', '"%g %k %l %P"',
    '"%q"',
]  # fmt: skip
TIMES = ["0", "1425599621", "1425599621.678", "-1", "1e10", "951782400", "-62135596800", "1e12"]
ISO = ['"2015-03-05T23:51:47Z"', '"2000-02-29T00:00:00Z"', '"1969-12-31T23:59:59Z"', '"2015-3-5"']
BROKEN = ["[2015,2,5,23,51,47,4,63]", "[2024,1,29,12,0,0.5,0,0]", "[1900,0,1,0,0,0,1,0]", "[2015]"]
INTS = ["0", "1", "2", "3", "1", "2", "-1", "1.5", "0.5", "null", "nan", '"1"']
FLAGS = ['"g"', '"x"', '"i"', '"n"', '"gi"', '"s"', '"l"', '"gn"', "null", '"p"', '"ix"', '""']


def matches(shape: Shape, kind: str) -> bool:
    """Whether a value of this shape is of this kind."""
    if kind in ("any", "same", "gen"):
        return True
    if (kind in ("arr", "con") and shape[0] == "arr") or (kind == "con" and shape[0] == "obj"):
        return True
    wanted = SHAPES.get(kind)
    if kind in ("nums", "strs", "arrs", "objs"):
        return wanted is not None and shape[0] == "arr" and shape[1][0] == wanted[1][0]
    return shape[0] == kind


class Maker:
    """Makes filters; what is in scope is kept beside."""

    def __init__(self, source: random.Random, names: list[str]) -> None:
        self.source = source
        self.signatures = signatures(names)
        self.weights = [signature.weight for signature in self.signatures]
        self.variables: list[tuple[str, Shape]] = []
        self.functions: list[tuple[str, list[str], str]] = []
        self.labels: list[str] = []
        self.count = 0

    def program(self, shape: Shape, depth: int) -> Node:
        """A whole program."""
        self.count = 0
        return self.make(shape, "any", depth)[0]

    def fresh(self, prefix: str) -> str:
        """A name; in one of eight cases one that is taken already."""
        if self.source.randrange(8):
            self.count += 1
        return f"{prefix}{self.count}"

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is declared within is forgotten behind it."""
        saved = self.variables[:], self.functions[:], self.labels[:]
        yield
        self.variables, self.functions, self.labels = saved

    def chance(self, percent: int) -> bool:
        """True so often."""
        return self.source.randrange(100) < percent

    def make(self, shape: Shape, want: str, depth: int) -> tuple[Node, Shape]:
        """A filter for inputs of the shape whose outputs are of the kind; and their shape."""
        if depth <= 0 or self.chance(8):
            return self.simple(shape, want)
        if self.chance(3):
            want = "any"
        if self.chance(45):
            found = self.by_signature(shape, want, depth)
            if found:
                return found
        weights = [producer.weight for producer in PRODUCERS]
        for producer in self.source.choices(PRODUCERS, weights, k=4):
            if producer.kinds is None or want in producer.kinds:
                made = producer.make(self, shape, want, depth)
                if made:
                    return made
        return self.by_signature(shape, want, depth) or self.simple(shape, want)

    def output_kind(self, signature: Signature, shape: Shape) -> str:
        """The kind of what it gives, where it depends on its input."""
        if signature.output == "elem":
            return str(elements(shape)[0])
        return str(shape[0]) if signature.output == "same" else signature.output

    def by_signature(self, shape: Shape, want: str, depth: int) -> Optional[tuple[Node, Shape]]:
        """A call of a builtin, behind what makes its input."""
        for signature in self.source.choices(self.signatures, self.weights, k=40):
            kind = self.output_kind(signature, shape)
            if want != "any" and kind != want and kind not in FITS.get(want, ()):
                continue
            fits = matches(shape, signature.input)
            if not fits and signature.input == "any":
                continue
            if fits and self.chance(75):
                return self.call(signature, shape, depth)
            front, inner = self.make(shape, signature.input, depth - 2)
            behind, result = self.call(signature, inner, depth)
            return operation("<> | {}", [front, behind]), result
        return None

    def call(self, signature: Signature, shape: Shape, depth: int) -> tuple[Node, Shape]:
        """The builtin with arguments."""
        text, children = "", []
        for index, part in enumerate(signature.parts):
            if index % 2:
                text += "{}"
                children.append(self.argument(shape, part, depth - 1))
            else:
                text += part
        output = signature.output
        result = (
            shape if output == "same" else elements(shape) if output == "elem" else SHAPES[output]
        )
        is_term = not any(word in signature.parts[0] + signature.parts[-1] for word in "|/,")
        if not children:
            return leaf(text, is_term), result
        return Node(text, tuple(children), is_term), result

    def argument(self, shape: Shape, kind: str, depth: int) -> Node:
        """An argument of the kind; at times it has several outputs, none, or is an error."""
        if kind.startswith("elem."):
            shape, kind = elements(shape), kind[5:]
        chance = self.source.randrange(100)
        if chance < 7:
            pair = [self.one_argument(shape, kind, depth) for _ in range(2)]
            return sequence("", pair, ", ", is_term=False)
        if chance == 7:
            return leaf("empty")
        if chance == 8:
            return leaf(self.source.choice(['error("x")', "error(null)", "error", "(1, error(2))"]))
        if chance < 12 and kind not in ("path", "re"):
            return self.make(shape, "any", depth)[0]
        return self.one_argument(shape, kind, depth)

    def one_argument(self, shape: Shape, kind: str, depth: int) -> Node:
        """An argument of the kind."""
        choice = self.source.choice
        if kind == "path":
            return make_path(self, shape, depth)[0]
        if kind == "paths":
            inner = make_path(self, shape, depth)[0]
            return choice([call("path({})", [inner]), call("[path({})]", [inner])])
        if kind == "re":
            return leaf(documents.literal(self.source, regexes.pattern(self.source, 2)))
        if kind == "gen":
            node, inner = self.make(shape, "any", depth)
            return choice(
                [node, operation("<>, <>", [node, self.make(shape, "any", depth - 1)[0]])]
            )
        if kind == "key":
            names = list(shape[1]) if shape[0] == "obj" else []
            texts = [documents.literal(self.source, name) for name in names]
            return leaf(choice([*texts, choice(INTS), '"a"', '"zz"', "0", "1"]))
        if kind in ("flags", "format", "int"):
            return leaf(choice({"flags": FLAGS, "format": FORMATS, "int": INTS}[kind]))
        if kind == "same":
            if self.chance(50):
                return documents.document(self.source, shape)
            kind = shape[0]
        return self.make(shape, kind, depth)[0]

    def simple(self, shape: Shape, want: str) -> tuple[Node, Shape]:
        """What needs no depth: a field, a variable, a literal."""
        source = self.source
        found = [(text, inner) for text, inner in accessors(shape) if matches(inner, want)]
        found += [(f"${name}", inner) for name, inner in self.variables if matches(inner, want)]
        if found and source.randrange(10) < 7:
            text, inner = source.choice(found)
            return leaf(text), inner
        if want in ("time", "iso", "broken", "int", "flags", "format"):
            pools = {"time": TIMES, "iso": ISO, "broken": BROKEN, "int": INTS}
            return leaf(source.choice(pools.get(want, FORMATS))), SHAPES[want]
        if want in ("any", "gen", "path", "paths", "key", "con"):
            want = source.choice(["num", "str", "arr", "obj", "bool", "null"])
        inner = SHAPES.get(want, ANY)
        if want == "obj":
            inner = ("obj", {name: ANY for name in source.sample(documents.NAMES, 2)})
        literal = documents.document(source, inner, 3)
        text = literal.render()
        if "nan" in text and want == "num":
            return leaf("nan"), NUM
        return (literal if not text.startswith("-") else leaf(text, False)), inner
