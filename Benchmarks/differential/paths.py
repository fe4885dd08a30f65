"""Random path expressions: what `path(f)`, `del(f)` and updates take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from differential import documents
from differential.documents import ANY, Shape, accessors, elements
from differential.trees import Node, call, leaf, operation, sequence

if TYPE_CHECKING:
    from differential.programs import Maker

INDICES = ["0", "1", "-1", "2", "5", "-7", "1.7", "null", '"a"', "nan", "[1]", '{"start":1}']
BOUNDS = ["", "0", "1", "2", "-1", "-2", "1.2", "null", "9", '"a"']
SELECTIONS = [
    "numbers", "strings", "arrays", "objects", "iterables", "scalars", "nulls", "booleans",
    "values", "select(. != 1)", "select(type == \"number\")", "select(.)",
]  # fmt: skip


def make_path(maker: Maker, shape: Shape, depth: int) -> tuple[Node, Shape]:
    """A path expression for the shape, and the shape of what it leads to."""
    chance = maker.source.randrange(100)
    if depth <= 0 or chance < 45:
        return step(maker, shape)
    if chance < 60:
        first, inner = make_path(maker, shape, depth - 1)
        second, result = make_path(maker, inner, depth - 1)
        return operation("<> | <>", [first, second]), result
    inner = make_path(maker, shape, depth - 1)
    return combination(maker, shape, inner, depth)


def step(maker: Maker, shape: Shape) -> tuple[Node, Shape]:
    """One step, or a few in one text."""
    source = maker.source
    # Where nothing is known of the input, most steps would fail.
    mark = source.choice(["", "?", "?", "?"] if shape == ANY else ["", "", "", "?"])
    if source.randrange(100) < 55:
        text, inner = source.choice(list(accessors(shape)))
        return leaf(text + (mark if text != "." else "")), inner
    kind = source.randrange(9)
    if kind < 2:
        start, end = source.choice(BOUNDS), source.choice(BOUNDS)
        return leaf(f".[{start}:{end or ('' if start else '2')}]{mark}"), shape
    if kind == 2:
        return leaf(f".[{source.choice(INDICES)}]{mark}"), ANY
    if kind == 3:
        return leaf(f".[]{mark}"), elements(shape)
    if kind == 4:
        name = documents.literal(source, source.choice(documents.NAMES))
        return leaf(source.choice([f".{name}{mark}", f".[{name}]{mark}", f".a.b{mark}"])), ANY
    if kind == 5:
        return leaf(source.choice(["..", "recurse", "recurse(.[]?)", "..|numbers"]), False), ANY
    if kind == 6:
        return leaf(source.choice(SELECTIONS)), shape
    if kind == 7:
        keys = [source.choice(['"a"', "0", "1", '"b"', "-1", "null"]) for _ in range(2)]
        return leaf(f"getpath([{', '.join(keys[: source.randrange(3)])}])"), ANY
    return leaf(source.choice(["empty", "first", "last", ".[0, 1]?", "first(.[]?)", "null"])), ANY


def combination(
    maker: Maker, shape: Shape, inner: tuple[Node, Shape], depth: int
) -> tuple[Node, Shape]:
    """A path made of paths by the language's own forms."""
    source = maker.source
    path, result = inner
    other = make_path(maker, shape, depth - 1)[0]
    value = maker.make(shape, "any", depth - 2)[0]
    condition = maker.make(shape, "bool", depth - 2)[0]
    count = leaf(source.choice(["0", "1", "2", "-1", "1, 2"]))
    kind = source.randrange(16)
    if kind == 0:
        return sequence("", [path, other], ", ", is_term=False), ANY
    if kind == 1:
        return operation("<> // <>", [path, other]), result
    if kind == 2:
        return call("if {} then {} else {} end", [condition, path, other]), ANY
    if kind == 3:
        return operation(
            "<> | select({})", [path, maker.make(result, "bool", depth - 2)[0]]
        ), result
    if kind == 4:
        name = source.choice(["first", "last"])
        return call(f"{name}({{}})", [path]), result
    if kind == 5:
        name = source.choice(["limit", "nth", "skip", "limit"])
        return call(f"{name}({{}}; {{}})", [count, path]), result
    if kind == 6:
        return operation(source.choice(["try <>", "<>?", "try <> catch ."]), [path]), result
    if kind == 7:
        with maker.scope():
            name = maker.fresh("x")
            maker.variables.append((name, ANY))
            body = make_path(maker, shape, depth - 1)[0]
        return operation(f"<> as ${name} | {{}}", [value, body]), ANY
    if kind == 8:
        return call("reduce {} as $i ({}; {})", [atom(value), path, other]), ANY
    if kind == 9:
        return call("foreach {} as $i ({}; {})", [atom(value), path, other]), ANY
    if kind == 10:
        return operation("label $p | <>, break $p, {}", [path, other]), ANY
    if kind == 11:
        return operation("def p: {}; p | <>", [path, other]), ANY
    if kind == 12:
        return call("limit(5; recurse({}))", [path]), ANY
    if kind == 13:
        return call("getpath({})", [call("path({})", [path])]), result
    if kind == 14:
        return operation("def p(f): f | {}; p({})", [other, path]), ANY
    return call(".[{}]?", [value]), ANY


def atom(node: Node) -> Node:
    """What may stand where only a term may."""
    return node if node.is_term else call("({})", [node])
