"""The language's own forms as producers of random filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from differential import documents
from differential.documents import ANY, BOOL, NUM, STR, Shape
from differential.paths import atom, make_path
from differential.trees import Node, call, leaf, operation, sequence

if TYPE_CHECKING:
    from differential.programs import Maker

Made = Optional[tuple[Node, Shape]]
OPERATORS = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//"]
UPDATES = ["|=", "|=", "|=", "=", "=", "+=", "-=", "*=", "/=", "%=", "//="]


@dataclass(frozen=True)
class Producer:
    """Makes a filter for a shape; `kinds` are those that it can give, None any."""

    weight: int
    kinds: Optional[frozenset[str]]
    make: Callable[[Maker, Shape, str, int], Made]


PRODUCERS: list[Producer] = []


def producer(weight: int, kinds: str = "") -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Enters a function in the list."""

    def enter(make: Callable[..., Made]) -> Callable[..., Made]:
        PRODUCERS.append(Producer(weight, frozenset(kinds.split()) if kinds else None, make))
        return make

    return enter


@producer(14)
def pipe(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A filter behind another."""
    first, inner = maker.make(shape, "any", depth - 1)
    second, result = maker.make(inner, want, depth - 1)
    return operation("<> | <>", [first, second]), result


@producer(5)
def comma(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """Several filters, one after the other."""
    made = [maker.make(shape, want, depth - 1) for _ in range(maker.source.randrange(2, 4))]
    return sequence("(", [atom(node) for node, _ in made], ", ", ")"), made[0][1]


@producer(14, "any num str arr obj nums strs con")
def arithmetic(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A sum, difference, product, quotient or remainder of what goes together."""
    choice = maker.source.choice
    if want in ("any", "con"):
        want = choice(["num", "num", "str", "arr", "obj"])
    forms = {
        "num": ["num + num", "num - num", "num * num", "num / num", "num % num", "null + num"],
        "str": ["str + str", "str + str", "str * num", "num * str", "str + null"],
        "arr": ["arr + arr", "arr - arr", "arr - arr"],
        "obj": ["obj + obj", "obj * obj", "obj * obj"],
        "nums": ["nums + nums", "nums - nums"],
        "strs": ["str / str", "strs - strs"],
    }
    left, operator, right = choice(forms[want]).split()
    if operator == "*" and "str" in (left, right):
        count = leaf(choice(["0", "1", "2", "3", "0.5", "-1", "1.9", "nan"]))
        text, _ = maker.make(shape, "str", depth - 1)
        pair = [text, count] if left == "str" else [count, text]
        return operation("<> * <>", pair), STR
    lhs, result = maker.make(shape, left, depth - 1)
    rhs, other = maker.make(shape, right, depth - 1)
    return operation(f"<> {operator} <>", [lhs, rhs]), merged(want, result, other)


def merged(want: str, left: Shape, right: Shape) -> Shape:
    """The shape of a sum."""
    if want == "obj" and left[0] == right[0] == "obj":
        return ("obj", {**left[1], **right[1]})
    return {"num": NUM, "str": STR, "strs": ("arr", STR), "obj": ANY}.get(want, left)


@producer(8, "any bool")
def comparison(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A comparison, `and`, `or`."""
    operator = maker.source.choice(["==", "!=", "<", "<=", ">", ">=", "and", "or", "==", "<"])
    kind = maker.source.choice(["num", "str", "any", "any", "arr"])
    pair = [maker.argument(shape, kind, depth - 1) for _ in range(2)]
    return operation(f"<> {operator} <>", pair), BOOL


@producer(3)
def chain(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """Operators without parentheses: how strongly they bind."""
    count = maker.source.randrange(3, 5)
    terms = [atom(maker.make(shape, "num", depth - 2)[0]) for _ in range(count)]
    text = "{}"
    for _ in terms[1:]:
        text += f" {maker.source.choice([*OPERATORS, ',', '|', *UPDATES])} {{}}"
    return operation(text, terms), ANY


@producer(6)
def alternative(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`//`."""
    first, inner = maker.make(shape, want, depth - 1)
    second, _ = maker.make(shape, want, depth - 1)
    return operation("<> // <>", [first, second]), inner


@producer(6)
def conditional(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`if` with `elif`, `else` or neither."""
    condition, _ = maker.make(shape, "bool", depth - 1)
    yes, result = maker.make(shape, want, depth - 1)
    no, _ = maker.make(shape, want, depth - 1)
    kind = maker.source.randrange(5)
    if kind == 0:
        return call("if {} then {} end", [condition, yes]), ANY
    if kind == 1:
        other, _ = maker.make(shape, "bool", depth - 2)
        third, _ = maker.make(shape, want, depth - 2)
        text = "if {} then {} elif {} then {} else {} end"
        return call(text, [condition, yes, other, third, no]), result
    return call("if {} then {} else {} end", [condition, yes, no]), result


@producer(6)
def handling(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`try`, with `catch` or without."""
    body, result = maker.make(shape, want, depth - 1)
    text = maker.source.choice(["try <>", "<>?", "try <> catch <>", "try <> catch ."])
    if text == "try <> catch <>":
        return operation(text, [body, maker.make(STR, want, depth - 1)[0]]), result
    return operation(text, [body]), result


@producer(7)
def reduction(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`reduce`, and `foreach` of two and three parts."""
    items, inner = maker.make(shape, "gen", depth - 2)
    start, state = maker.make(shape, want, depth - 2)
    with maker.scope():
        pattern = destructure(maker, inner, 2)
        update, state = maker.make(state, want, depth - 1)
        form = maker.source.randrange(3)
        text = f"{'reduce' if form == 0 else 'foreach'} {{}} as {{}} ({{}}; {{}}"
        children = [atom(items), pattern, start, update]
        if form == 2:
            extract, state = maker.make(state, want, depth - 2)
            return call(text + "; {})", [*children, extract]), state
    return call(text + ")", children), state


@producer(8)
def binding(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`as` with patterns, of which `?//` may give others."""
    value, inner = maker.make(shape, "any", depth - 2)
    with maker.scope():
        pattern = destructure(maker, inner, 2)
        if maker.chance(25):
            others = [destructure(maker, ANY, 2) for _ in range(maker.source.randrange(1, 3))]
            pattern = sequence("", [pattern, *others], " ?// ")
        body, result = maker.make(shape, want, depth - 1)
    return operation("<> as {} | {}", [value, pattern, body]), result


def destructure(maker: Maker, shape: Shape, depth: int) -> Node:
    """A pattern for the shape; declares its variables."""
    source = maker.source
    if depth == 0 or maker.chance(50):
        name = maker.fresh("x")
        maker.variables.append((name, shape))
        return Node(f"${name}", is_fixed=True)
    if shape[0] != "obj" and (shape[0] == "arr" or maker.chance(50)):
        inner = shape[1] if shape[0] == "arr" else ANY
        items = [destructure(maker, inner, depth - 1) for _ in range(source.randrange(1, 3))]
        return Node("[", tuple(items), True, ", ", "]", True)
    fields = list(shape[1].items()) if shape[0] == "obj" else []
    members = []
    for name, inner in source.sample(fields, min(len(fields), 2)) or [("a", ANY)]:
        form = source.randrange(5)
        key = documents.literal(source, name)
        if form == 0 and name.isascii() and name.isidentifier():
            maker.variables.append((name, inner))
            members.append(leaf(f"${name}"))
        elif form == 1:
            new = maker.fresh("x")
            maker.variables.append((new, inner))
            pattern = destructure(maker, inner, depth - 1)
            members.append(call(f"${new}: {{}}", [pattern], True))
        elif form == 2:
            key_node, _ = maker.make(shape, "str", 1)
            pattern = destructure(maker, inner, depth - 1)
            members.append(call("({}): {}", [key_node, pattern], True))
        else:
            members.append(call(f"{key}: {{}}", [destructure(maker, inner, depth - 1)], True))
    return Node("{", tuple(members), True, ", ", "}", True)


@producer(7)
def definition(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A function with closures and values as parameters, and a body that calls it."""
    source = maker.source
    name = maker.fresh("f")
    form = source.randrange(4)
    kind = source.choice(["num", "str", "any", want])
    with maker.scope():
        parameters = []
        if form in (1, 3):
            parameters.append("g")
            maker.functions.append(("g", [], "any"))
        if form in (2, 3):
            parameters.append("$v")
            maker.variables.append(("v", ANY))
        inner, _ = maker.make(shape, kind, depth - 1)
    with maker.scope():
        maker.functions.append((name, ["any"] * len(parameters), kind))
        body, result = maker.make(shape, want, depth - 1)
        if maker.chance(70):
            used, _ = call_function(maker, shape, want, depth) or (leaf("."), ANY)
            body = sequence("", [atom(used), atom(body)], ", ", is_term=False)
    head = f"{name}({'; '.join(parameters)})" if parameters else name
    return operation(f"def {head}: {{}}; {{}}", [inner, body]), result


@producer(5)
def call_function(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A call of a function in scope."""
    if not maker.functions:
        return None
    name, parameters, _ = (
        maker.functions[-1] if maker.chance(60) else maker.source.choice(maker.functions)
    )
    arguments = [maker.argument(shape, one, depth - 2) for one in parameters]
    if not arguments:
        return leaf(name), ANY
    return call(f"{name}({'; '.join(['{}'] * len(arguments))})", arguments), ANY


@producer(2, "any num")
def recursion(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A function that calls itself, in a tail's place or not."""
    step, _ = maker.make(NUM, "num", depth - 2)
    text = maker.source.choice(
        [
            "def r: if . >= 9 then . else (. + 1 | r) end; 0 | r | {}",
            "def r: if . >= 5 then . else {}, (. + 1 | r) end; [limit(20; 0 | r)]",
            "def r($n): if $n > 4 then [] else [$n, r($n + 1)[]?] end; r(0) | {}",
            "def r(f): if . > 5 then f else (. + 1 | r(f | {})) end; 2 | r(.)",
        ]
    )
    return operation(text, [step]), ANY


@producer(4)
def labels(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A label that something leaves."""
    with maker.scope():
        name = maker.fresh("l")
        maker.labels.append(name)
        body, result = maker.make(shape, want, depth - 1)
    form = maker.source.choice(["{}, break $L, 1", "<> | ., break $L", "try ({}) catch break $L"])
    return operation(f"label ${name} | " + form.replace("$L", f"${name}"), [body]), result


@producer(3)
def leave(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """`break`, at times."""
    if not maker.labels:
        return None
    name = maker.source.choice(maker.labels)
    condition, _ = maker.make(shape, "bool", depth - 2)
    return call(f"if {{}} then break ${name} else . end", [condition]), shape


@producer(12, "any arr obj con nums strs objs arrs")
def update(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """An assignment of any kind."""
    if want != "any" and shape[0] != want:
        return None
    path, inner = make_path(maker, shape, depth - 1)
    operator = maker.source.choice(UPDATES)
    seen = inner if operator == "|=" else shape
    value = maker.argument(seen, inner[0], depth - 1)
    return operation(f"<> {operator} <>", [path, value]), shape


@producer(6)
def through_path(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """What a path leads to."""
    path, inner = make_path(maker, shape, depth - 1)
    behind, result = maker.make(inner, want, depth - 1)
    return operation("<> | <>", [path, behind]), result


@producer(7, "any arr nums strs objs arrs con")
def collection(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """An array."""
    kind = {"nums": "num", "strs": "str", "objs": "obj", "arrs": "arr"}.get(want, "gen")
    made = [maker.make(shape, kind, depth - 1) for _ in range(maker.source.choice([1, 1, 1, 2, 3]))]
    return sequence("[", [atom(node) for node, _ in made], ", ", "]"), ("arr", made[0][1])


@producer(8, "any obj con")
def construction(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """An object, its members in all forms that there are."""
    source = maker.source
    members, known = [], {}
    for name in source.sample(documents.NAMES, source.randrange(1, 4)):
        key = documents.literal(source, name)
        value, inner = maker.make(shape, "any", depth - 1)
        form = source.randrange(9)
        known[name] = inner
        if form < 4:
            members.append(call(f"{key}: {{}}", [atom(value)], True))
        elif form == 4 and shape[0] == "obj" and shape[1]:
            name = source.choice(list(shape[1]))
            known[name] = shape[1][name]
            plain = name if name.isascii() and name.isidentifier() else f'"{name}"'
            members.append(leaf(source.choice([plain, documents.literal(source, name)])))
        elif form == 5 and maker.variables:
            variable, bound = source.choice(maker.variables)
            known[variable] = bound
            members.append(leaf(f"${variable}"))
        elif form == 6:
            key_node = maker.argument(shape, "str", depth - 2)
            members.append(call("({}): {}", [key_node, atom(value)], True))
        elif form == 7:
            front = source.choice(["", "@base64 ", "@json ", "@text "])
            members.append(call(f'{front}"k\\({{}})": {{}}', [value, atom(value)], True))
        else:
            members.append(leaf(source.choice(["$__loc__", '"a\\(1)"', '@base64 "x"', "if", "b"])))
    return sequence("{", members, ", ", "}"), ("obj", known)


@producer(5)
def access(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """Indices and bounds that are computed."""
    source = maker.source
    front, inner = maker.make(shape, "con", depth - 2)
    kind = "str" if inner[0] == "obj" else source.choice(["int", "int", "num", "key"])
    key = maker.argument(shape, kind, depth - 2)
    mark = source.choice(["", "", "?"])
    form = source.randrange(4)
    if form == 0:
        return call(
            f"{{}}[{{}}:{{}}]{mark}", [atom(front), key, maker.argument(shape, "int", depth - 2)]
        ), ANY
    if form == 1:
        return call(f'{{}}."x\\({{}})"{mark}', [atom(front), key]), ANY
    return call(f"{{}}[{{}}]{mark}", [atom(front), key]), ANY


@producer(2, "any num bool")
def signs(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """A number with a sign."""
    return operation("-<>", [maker.make(shape, "num", depth - 1)[0]]), NUM


@producer(2)
def odd(maker: Maker, shape: Shape, want: str, depth: int) -> Made:
    """What has rules of its own."""
    inner, result = maker.make(shape, want, depth - 1)
    return operation(
        maker.source.choice(
            [
                "limit(3; <>, <>)",
                "first(<>, error)",
                "[<>] | last",
                "[<>] | first",
                "[.[]? | <>]",
                "try error(<>) catch .",
                "try error(<>) catch tojson",
                "[limit(3; .[]?)] | <>",
                "(<> | tojson) as $j | $j",
                "<> | tojson | fromjson",
                "[paths] | length, <>",
                '[splits("a")?], <>',
                "<> | . as [$q, {a: $q}] ?// $q | $q",
                "$__loc__ | <>",
                "path(..)?, <>",
                "<> # c\n",
                "input_line_number, <>",
                "(<> | error)?",
                ".. |= <>",
                "try (<> | error) catch .",
            ]
        ).replace("<>, <>", "<>, 1", 1),
        [inner],
    ), result
