"""Random patterns, and texts that they are likely to match."""

from __future__ import annotations

import random

LETTERS = [
    "a", "b", "c", "é", "日", "😀", "A", "1", " ", "\\.", "-", "x", "ß", "\n", "_", "K", "s",
]  # fmt: skip
CLASSES = [
    "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\h", ".", "\\b", "\\B", "^", "$", "\\A", "\\z",
    "\\Z", "[a-c]", "[^a]", "[é-ñ]", "[日本]", "[[:alpha:]]", "[^[:digit:]]", "[a\\d]",
    "[a-c&&[^b]]", "\\p{L}", "\\p{Lu}", "\\P{L}", "\\R", "\\X", "\\G", "\\x61", "\\x{65e5}",
    "[[:upper:]]", "\\p{Han}", "\\N", "\\O", "\\p{^Lu}", "[\\w-]", "[]a]", "[a-]", "\\t", "\\n",
    "\\u65e5", "[😀-😂]", "\\p{Greek}", "[[:punct:]]", "\\K",
]  # fmt: skip
REPEATS = [
    "*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?", "+?", "??", "*+", "++", "{1,2}?", "?+",
    "{0}",
]  # fmt: skip
GROUPS = [
    "(", "(", "(?:", "(?<x>", "(?<y>", "(?<n>", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:",
    "(?i)(?:", "(?m:", "(?x: ", "(?-i:", "(?s:", "(?~",
]  # fmt: skip
REFERENCES = [
    "\\1", "\\2", "\\k<x>", "\\k<n>", "\\g<x>", "\\k<-1>", "\\g<1>", "(?(1)a|b)", "\\g<0>?",
]  # fmt: skip
FLAGS = [
    "", "g", "g", "g", "gi", "x", "i", "gs", "n", "gn", "l", "gl", "gx", "p", "gp", "gixn",
]  # fmt: skip


def pattern(source: random.Random, depth: int = 3) -> str:
    """A pattern; most compile."""
    branches = 1 if source.randrange(4) else 2
    return "|".join(branch(source, depth) for _ in range(branches))


def branch(source: random.Random, depth: int) -> str:
    """Pieces one behind the other."""
    return "".join(piece(source, depth) for _ in range(source.choice([0, 1, 1, 2, 2, 3])))


def piece(source: random.Random, depth: int) -> str:
    """A letter, a class, a group or a reference, perhaps repeated."""
    kind = source.randrange(20)
    if kind < 9 or (depth <= 0 and kind < 18):
        text = source.choice(LETTERS if kind < 7 or kind % 2 else CLASSES)
    elif kind < 12:
        text = source.choice(CLASSES)
    elif kind < 19:
        text = source.choice(GROUPS) + pattern(source, depth - 1) + ")"
    else:
        text = source.choice(REFERENCES)
    if source.randrange(10) < 3:
        text += source.choice(REPEATS)
    return text


def subject(source: random.Random) -> str:
    """A text of the letters that patterns are made of, of all lengths in UTF-8."""
    letters = [letter.replace("\\", "") for letter in LETTERS] + [
        "é",
        "日",
        "😀",
        "e\u0301",
        "Ω",
        "\r\n",
    ]
    return "".join(source.choice(letters) for _ in range(source.choice([0, 1, 2, 3, 5, 8])))
