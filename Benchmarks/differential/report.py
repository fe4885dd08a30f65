"""Groups what differs, tells the accepted from the rest, and prints it in jq's test form."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from differential.judge import Case, Judge

# Patterns with several `.*` take the square of a text's length, and inputs have 100,000 characters:
# of longer texts than twice this they see the beginning and the end.
SEEN_MAX = 2000
ACCEPTED = str(Path(__file__).with_name("accepted.json"))
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|@\w+|\$?[a-z_]\w*|\?//=?|//=?|\.\.|[|+*/%=!<>-]=|[^\s\w]')
VALUES = re.compile(r'\(.*\)|"(?:[^"\\]|\\.)*"?|\d+|[\[{].*')
ORDER = ["crash", "time", "compile", "error", "value", "status", "digits", "message"]


@dataclass
class Rule:
    """A difference that is meant: what its case looks like, and why."""

    reason: str
    kinds: list[str] = field(default_factory=list)
    program: str = ""
    input: str = ""
    ours: str = ""
    theirs: str = ""
    note: str = ""

    def holds(self, case: Case) -> bool:
        """Whether the case is one of these: each pattern is in the text's ends."""
        if self.kinds and case.difference.kind not in self.kinds:
            return False
        pairs = [
            (self.program, case.program),
            (self.input, case.document),
            (self.ours, case.difference.ours.text()),
            (self.theirs, case.difference.theirs.text()),
            (self.note, case.note),
        ]
        return all(
            re.search(pattern, seen(text), re.DOTALL) for pattern, text in pairs if pattern
        )


def seen(text: str) -> str:
    """What patterns look at: all of the text, or its first and last SEEN_MAX characters."""
    if len(text) <= 2 * SEEN_MAX:
        return text
    return text[:SEEN_MAX] + text[-SEEN_MAX:]


def read_rules(path: str) -> list[Rule]:
    """The list of accepted differences."""
    return [Rule(**entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))]


def signature(case: Case) -> tuple[str, ...]:
    """What groups cases: the kind, and the messages or else the words of the program."""
    kind, ours, theirs = case.difference.kind, case.difference.ours, case.difference.theirs
    if case.origin == "commands":
        options = {word for word in case.program.split(" ") if word.startswith("-")}
        return (kind, theirs.end, ours.end, skeleton(theirs.message), *sorted(options))
    if kind in ("message", "error", "compile", "crash"):
        return (kind, skeleton(theirs.message) or theirs.end, skeleton(ours.message) or ours.end)
    words = set()
    for word in WORD.findall(case.program):
        if word[0] == '"':
            word = '"\\("' if "\\(" in word else '"'
        elif word[0] == "$" and word not in ("$__loc__", "$ENV"):
            word = "$"
        if word not in "()|.,;:'\"":
            words.add(word)
    return (kind, *sorted(words))


def skeleton(message: str) -> str:
    """A message without the values in it."""
    return VALUES.sub("_", message.split("\n")[0])[:80]


@dataclass
class Report:
    """All cases of a session."""

    rules: list[Rule]
    groups: dict[tuple[str, ...], list[Case]] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def rule(self, case: Case) -> Optional[Rule]:
        """The first of the list that the case is one of."""
        return next((rule for rule in self.rules if rule.holds(case)), None)

    def add(self, case: Case) -> bool:
        """Enters a case; True if it is the first of its group outside of the list."""
        rule = self.rule(case)
        if rule:
            self.accepted[rule.reason] += 1
            self.counts[f"{case.origin} accepted"] += 1
            return False
        self.counts[f"{case.origin} different"] += 1
        group = self.groups.setdefault(signature(case), [])
        for known in group:
            if known.program == case.program and known.document == case.document:
                known.count += 1
                return False
        group.append(case)
        group.sort(key=lambda one: len(one.program) + len(one.document))
        return len(group) == 1

    def write(self, judge: Judge, examples: int = 4) -> str:
        """All groups, the gravest first, then the largest."""

        def rank(entry: tuple[tuple[str, ...], list[Case]]) -> tuple[int, int]:
            key, group = entry
            return ORDER.index(key[0]), -sum(case.count for case in group)

        parts = []
        for key, group in sorted(self.groups.items(), key=rank):
            total = sum(case.count for case in group)
            parts.append(f"# {key[0]}: {' '.join(key[1:])} ({total})\n")
            parts += [show(case, judge) for case in group[:examples]]
        return "\n".join(parts)

    def summary(self, totals: Counter[str]) -> str:
        """The counts, a line for each kind of test."""
        lines = []
        for origin, total in totals.items():
            accepted = self.counts[f"{origin} accepted"]
            different = self.counts[f"{origin} different"]
            lines.append(
                f"{origin}: {total} run, {total - accepted - different} equal, "
                f"{accepted} accepted, {different} different"
            )
        lines += [f"  accepted {count}: {why}" for why, count in self.accepted.most_common()]
        return "\n".join(lines)


def show(case: Case, judge: Judge) -> str:
    """In jq's test form, the outputs being jq's; a command line as the shell takes it."""
    found = case.difference
    told = f"# jq:   {found.theirs.text()[:300]}\n# ours: {found.ours.text()[:300]}\n"
    if case.origin == "commands":
        return f"{told}{case.program}\n"
    program, theirs = case.program.replace("\n", " "), found.theirs
    if theirs.end == "compile":
        return f"{told}%%FAIL\n{program}\n{theirs.message}\n"
    if theirs.end == "error":
        caught = f"try ({program}) catch ." if "#" not in program else program
        again = judge.difference(caught, case.document)
        if again is None:
            caught = f'try ({program}) catch "error"'
            again = judge.difference(caught, case.document)
        if again is not None and again.theirs.end == "value":
            program, theirs = caught, again.theirs
    return "\n".join([told + program, case.document, *theirs.out[:20], ""])
