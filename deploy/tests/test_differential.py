"""The differential test's own parts, without jq: what it makes, and how it makes less of it."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Benchmarks"))

from differential import commands, documents, engines, judge, regexes, report, sessions, trees
from differential.programs import Maker
from differential.trees import Node, call, leaf, operation, sequence

NAMES = ["length/0", "map/1", "unheard_of/2"]


def made(seed: int) -> tuple[str, str]:
    source = random.Random(seed)
    shape = documents.random_shape(source)
    program = Maker(source, NAMES).program(shape, 4)
    return program.render(), documents.document(source, shape).render()


def test_a_seed_makes_the_same_again() -> None:
    assert [made(seed) for seed in range(60)] == [made(seed) for seed in range(60)]
    assert len({made(seed) for seed in range(60)}) > 55
    both = [commands.command(random.Random(5)) for _ in range(2)]
    assert both[0] == both[1]
    assert regexes.pattern(random.Random(9)) == regexes.pattern(random.Random(9))


def test_documents_are_json_but_for_nan() -> None:
    for seed in range(200):
        json.loads(made(seed)[1].replace("nan", "0"))


def test_builtins_that_the_table_lacks_are_called_too() -> None:
    maker = Maker(random.Random(1), NAMES)
    texts = [maker.program(documents.ANY, 4).render() for _ in range(2000)]
    assert any("unheard_of(" in text for text in texts)


def test_parentheses_stand_where_they_are_needed() -> None:
    total = operation("<> + <>", [leaf("1"), operation("<> | <>", [leaf("."), leaf("2")])])
    assert total.render() == "1 + (. | 2)"
    assert call("[{}]", [total]).render() == "[1 + (. | 2)]"


def test_a_tree_shrinks_to_what_matters() -> None:
    program = call(
        "map({})",
        [
            operation(
                "<> | <>",
                [sequence("[", [leaf("1"), leaf('"abcdef"'), leaf("2")], ", ", "]"), leaf("f")],
            )
        ],
    )
    least = judge.descend(program, trees.shrink, lambda node: "d" in node.render())
    assert least.render() == '"d"'


def test_members_go_as_a_whole() -> None:
    members = [Node(f'"{name}":{{}}', (leaf("1"),), is_fixed=True) for name in "abc"]
    document = sequence("{", members, ",", "}")
    for smaller in trees.shrink(document, trees.PLAIN_DOCUMENT):
        json.loads(smaller.render())


def test_a_text_shrinks_by_brackets_and_tokens() -> None:
    def holds(node: Node) -> bool:
        text = node.render()
        return "x" in text and text.count("(") == text.count(")")

    start = leaf("foo((1 + x) | bar; [2])")
    assert judge.descend(start, judge.shrink_by_tokens, holds).render() == "x"


def test_command_lines_shrink() -> None:
    one = commands.command(random.Random(3))
    least = judge.descend(one, commands.smaller, lambda other: True)
    assert (least.options, least.tail, least.stdin) == ((), (), b"")


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        (judge.Outcome("value", ["1"]), judge.Outcome("value", ["1"]), None),
        (judge.Outcome("value", ["1"]), judge.Outcome("value", ["2"]), "value"),
        (
            judge.Outcome("value", ["0.1"]),
            judge.Outcome("value", ["0.10000000000000001"]),
            "digits",
        ),
        (judge.Outcome("value", ["0"]), judge.Outcome("value", ["-0"]), "value"),
        (judge.Outcome("value", []), judge.Outcome("error", [], "x"), "error"),
        (judge.Outcome("error", [], "y"), judge.Outcome("error", [], "x"), "message"),
        (judge.Outcome("crash", []), judge.Outcome("crash", []), "crash"),
        (judge.Outcome("value", []), judge.Outcome("time", []), None),
        (judge.Outcome("time", []), judge.Outcome("value", []), "time"),
    ],
)
def test_differences_have_kinds(ours, theirs, kind) -> None:  # type: ignore[no-untyped-def]
    found = judge.compare(ours, theirs)
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(
    ("ours", "theirs", "explained"),
    [
        ('[[0,0,"",[]],[1,0,"",[]]]', '[[0,0,"",[]],[1,0,"",[]],[1,0,"",[]]]', True),
        ('[[0,0,"",[]],[2,0,"",[]]]', '[[0,0,"",[]],[1,0,"",[]],[2,0,"",[]]]', True),
        ('[[0,0,"",[]]]', '[[0,0,"",[]],[2,0,"",[]]]', False),
        ('[[0,0,"",[]]]', '[[0,0,"",[]],[1,1,"a",[]]]', False),
        ('[[0,0,"",[]],[1,0,"",[]]]', '[[0,0,"",[]]]', False),
        ("[]", "[]", False),
    ],
)
def test_matches_within_characters_are_told_apart(ours: str, theirs: str, explained: bool) -> None:
    assert sessions.explains(ours.encode(), theirs.encode(), "日x") == explained


@pytest.mark.parametrize(
    ("ours", "theirs", "subject", "resets", "explained"),
    [
        # What jq finds in a character takes more than that, and what an empty match captured.
        ('[[0,0,"",[]],[1,1,"1",[]]]', '[[0,0,"",[]],[0,2,"\ufffd1",[]]]', "日1", False, True),
        ('[[0,0,"",[]],[1,1,"1",[]]]', '[[0,0,"",[]]]', "日1", False, False),
        ('[[0,0,"",[[0,"b"]]]]', '[[0,0,"",[[0,""]]]]', "b", False, True),
        ('[[0,1,"b",[[0,"b"]]]]', '[[0,1,"b",[[0,""]]]]', "b", False, False),
        ('[[1,0,"",[]],[3,0,"",[]]]', '[[1,0,"",[]],[2,0,"",[]]]', "cßs", True, True),
        ('[[1,0,"",[]],[3,0,"",[]]]', '[[1,0,"",[]],[2,0,"",[]]]', "cßs", False, False),
        # It cuts into a match of ours, and what is left of that is matched otherwise.
        (
            '[[0,0,"",[]],[1,2,"cA",[]],[3,0,"",[]]]',
            '[[0,0,"",[]],[0,2,"\ufffdc",[]],[2,0,"",[]],[3,0,"",[]]]',
            "ΩcA",
            False,
            True,
        ),
        (
            '[[0,0,"",[]],[1,1,"c",[]],[3,0,"",[]]]',
            '[[0,0,"",[]],[0,2,"\ufffdc",[]],[2,0,"",[]],[3,0,"",[]]]',
            "ΩcA",
            False,
            False,
        ),
    ],
)
def test_what_follows_from_such_matches(
    ours: str, theirs: str, subject: str, resets: bool, explained: bool
) -> None:
    assert sessions.explains(ours.encode(), theirs.encode(), subject, resets) == explained


@pytest.mark.parametrize(
    ("program", "document", "equal_at", "explained"),
    [
        ("sort", "[9007199254740993, 1]", ("sort", "[9007199254740992.0, 1]"), True),
        (". == 12345678901234567e1", "1", (f". == {12345678901234567e1!r}", "1"), True),
        ("sort", "[9007199254740993, 1]", None, False),
        ("sort", "[123456789012345, 1]", None, False),
        ("sort", "[1.2.3456789012345678]", None, False),
    ],
)
def test_what_long_literals_explain(
    program: str, document: str, equal_at: tuple[str, str] | None, explained: bool
) -> None:
    sides = judge.Outcome("value", ["1"]), judge.Outcome("value", ["2"])
    different = judge.Difference("value", *sides)

    class Judge(judge.Judge):
        def difference(self, program: str, document: str) -> judge.Difference | None:
            return None if (program, document) == equal_at else different

    case = judge.Case(program, document, different)
    note = sessions.long_literals_note(Judge([], []), case)
    assert note == (sessions.LONG_LITERALS if explained else "")


def test_time_is_that_of_the_processor() -> None:
    def run(text: str, seconds: float) -> engines.Result:
        return engines.run([sys.executable, "-c", text], b"", seconds)

    busy = run("while True: pass", 0.3)
    assert busy.end == "time"
    assert busy.seconds >= 0.3
    assert run("import time; time.sleep(2); print(1)", 0.9).end == "exit"
    assert run("import time; time.sleep(60)", 0.05).end == "time"


def test_what_takes_long_is_tried_again_or_not_compared() -> None:
    def result(end: str) -> engines.Result:
        return engines.Result(end, 0, b"1\n", b"")

    def difference(ours: engines.Result, theirs: engines.Result) -> judge.Difference | None:
        return judge.compare(judge.outcome(ours), judge.outcome(theirs))

    judging, waited = judge.Judge([], []), []

    def run(seconds: float) -> tuple[engines.Result, engines.Result]:
        waited.append(seconds)
        return result("time" if seconds < enough else "exit"), result(theirs)

    enough, theirs = 5.0, "exit"
    assert judging.judged(run, difference, 2.0) is None
    enough = 60.0
    found = judging.judged(run, difference, 2.0)
    assert found is not None and found.kind == "time"
    assert (waited, judging.late) == ([2.0, 10.0, 2.0, 10.0], 0)
    theirs = "time"
    assert judging.judged(run, difference, 2.0) is None
    assert judging.late == 1


def test_the_list_of_accepted_differences_is_whole() -> None:
    rules = report.read_rules(report.ACCEPTED)
    assert all(rule.reason.startswith("README: ") and rule.kinds for rule in rules)
    found = report.Report(rules)
    sides = judge.Outcome("value", ["1"]), judge.Outcome("value", ["2"])
    case = judge.Case("1", "null", judge.Difference("value", *sides), origin="programs")
    assert found.add(case)
    assert not found.add(case)
    assert found.counts["programs different"] == 2


def test_rules_look_at_the_ends_of_long_texts() -> None:
    rule = report.Rule("README: x", ["value"], program="x.*y")
    sides = judge.Outcome("value", ["1"]), judge.Outcome("value", ["2"])
    different = judge.Difference("value", *sides)
    size = report.SEEN_MAX
    length = 5 * size
    for offset, holds in [
        (size - 1, True),
        (size, False),
        (length - size - 1, False),
        (length - size, True),
    ]:
        text = "x" + " " * (offset - 1) + "y" + " " * (length - offset - 1)
        assert rule.holds(judge.Case(text, "", different)) == holds, offset


def test_programs_that_a_batch_refuses_are_known_by_their_lines() -> None:
    programs = ["1", "2 # c\n| $x", "3"]
    lines = judge.batch(programs).split("\n")
    place = next(number for number, line in enumerate(lines, 1) if "$x" in line)
    message = f"jq: error: $x is not defined at <top-level>, line {place}, column 3:".encode()
    assert judge.refused_programs(programs, message) == {1}
