"""Texts as trees: programs, documents and patterns are made of nodes, and shrink by them.

    call("limit({}; {})", [a, b])       a term: `{}` is a hole that needs no parentheses around it
    operation("<> + <>", [a, b])        no term: `<>` puts parentheses around what is no term
    sequence("[", items, ", ", "]")     any number of items, each of which may be left out
    leaf('"text"')

`shrink(node)` yields smaller trees, the most promising first: a node's child in its place, a plain
value in its place, an item left out, a shorter literal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Optional

HOLE = re.compile(r"\{\}|<>")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[$@.]?\w+|\?//=?|//=|[|+*/%=!<>-]=|//|\.\.|\s+|.', re.DOTALL)
PAIRS = {"(": ")", "[": "]", "{": "}"}
PLAIN = (".", "0", '""', "[]", "null")
PLAIN_DOCUMENT = ("0", "1", '""', "[]", "{}", "null")


@dataclass(frozen=True)
class Node:
    """A text with holes for its children; with `separator`, a list of them."""

    text: str
    children: tuple[Node, ...] = ()
    is_term: bool = True
    separator: Optional[str] = None
    close: str = ""
    # What must not be replaced by plain values: members of an object, entries of a pattern.
    is_fixed: bool = False

    def render(self) -> str:
        """The text."""
        if self.separator is not None:
            inner = self.separator.join(child.render() for child in self.children)
            return self.text + inner + self.close
        rest = iter(self.children)

        def fill(hole: re.Match[str]) -> str:
            child = next(rest)
            inner = child.render()
            return inner if hole.group() == "{}" or child.is_term else f"({inner})"

        return HOLE.sub(fill, self.text) if self.children else self.text

    def with_children(self, children: tuple[Node, ...]) -> Node:
        """The same node with others below it."""
        return Node(self.text, children, self.is_term, self.separator, self.close, self.is_fixed)


def leaf(text: str, is_term: bool = True) -> Node:
    """A node without children."""
    return Node(text, is_term=is_term)


def call(text: str, children: list[Node], is_fixed: bool = False) -> Node:
    """A term around its children."""
    return Node(text, tuple(children), is_fixed=is_fixed)


def operation(text: str, children: list[Node]) -> Node:
    """What needs parentheses to be a term."""
    return Node(text, tuple(children), is_term=False)


def sequence(
    text: str, items: list[Node], separator: str, close: str = "", is_term: bool = True
) -> Node:
    """A list of items, each of which may be left out."""
    return Node(text, tuple(items), is_term, separator, close)


def size(node: Node) -> int:
    """The number of nodes."""
    return 1 + sum(map(size, node.children))


def without_brackets(tokens: list[str]) -> Iterator[str]:
    """The text without one pair of brackets, what is within being kept."""
    for start, token in enumerate(tokens):
        if token not in PAIRS:
            continue
        depth = 0
        for end in range(start, len(tokens)):
            depth += (tokens[end] == token) - (tokens[end] == PAIRS[token])
            if depth == 0:
                yield "".join(tokens[:start] + tokens[start + 1 : end] + tokens[end + 1 :])
                break


def shorter_literals(text: str) -> Iterator[str]:
    """Simpler literals in place of a string or a number."""
    if len(text) > 2 and text[0] == text[-1] == '"':
        inner = re.findall(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", text[1:-1], re.DOTALL)
        width = len(inner) // 2
        while width:
            for start in range(0, len(inner), width):
                yield '"' + "".join(inner[:start] + inner[start + width :]) + '"'
            width //= 2
        for rest in without_brackets(inner):
            yield '"' + rest + '"'
        yield '"a"'
    elif re.fullmatch(r"-?[0-9.]+([eE][-+]?[0-9]+)?", text) and len(text) > 1:
        yield from ("0", "1", "2", "10", "-1", "0.5", "1e3")


def shrink(node: Node, plain: tuple[str, ...] = PLAIN) -> Iterator[Node]:
    """Trees with less in them; nearer to the root first, for these take away the most."""
    queue: list[tuple[Node, Callable[[Node], Node]]] = [(node, lambda same: same)]
    for current, put in queue:
        if not current.is_fixed:
            for child in current.children:
                for inner in child.children if child.is_fixed else (child,):
                    yield put(inner)
            if current is not node and (current.children or current.text not in plain):
                for text in plain:
                    yield put(leaf(text))
        if current.separator is not None:
            for index in range(len(current.children)):
                rest = current.children[:index] + current.children[index + 1 :]
                if rest or current.close:
                    yield put(current.with_children(rest))
        if not current.children and current.separator is None:
            for text in shorter_literals(current.text):
                yield put(leaf(text))
        for index, child in enumerate(current.children):

            def put_child(
                new: Node,
                current: Node = current,
                index: int = index,
                put: Callable[[Node], Node] = put,
            ) -> Node:
                children = list(current.children)
                children[index] = new
                return put(current.with_children(tuple(children)))

            queue.append((child, put_child))


def shrink_text(text: str) -> Iterator[str]:
    """Shorter texts: without a pair of brackets, without a run of tokens."""
    tokens = TOKEN.findall(text)
    yield from without_brackets(tokens)
    for width in (16, 8, 4, 3, 2, 1):
        for start in range(max(0, len(tokens) - width + 1)):
            rest = "".join(tokens[:start] + tokens[start + width :]).strip()
            if rest:
                yield rest
