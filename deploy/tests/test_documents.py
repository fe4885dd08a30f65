"""What the documents at the root name is there: types and functions, folders, flags, links."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]


def spans(name: str) -> list[str]:
    """What stands in backquotes, outside of blocks of code."""
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


def test_the_code_that_architecture_names() -> None:
    files = [path for top in ("Sources", "Tests") for path in (ROOT / top).rglob("*.swift")]
    headers = (ROOT / "Sources").rglob("*.h")
    texts = [path.read_text() for path in (*files, *headers)]
    known = set(re.findall(r"\w+", "\n".join(texts)))
    folders = {str(path) for path in (ROOT / "Sources").rglob("*") if path.is_dir()}
    known |= {path.name for path in files} | {Path(folder).name for folder in folders}
    names = 0
    for span in spans("ARCHITECTURE.md"):
        if re.fullmatch(r"[\w.+-]+(/[\w.+-]*)+", span):
            path = span.rstrip("/")
            found = any(folder.endswith("/" + path) for folder in folders) or any(
                str(file).endswith("/" + path) for file in files
            )
            assert found or (ROOT / path).exists(), span
        elif re.fullmatch(r"[A-Za-z][\w+]*\.swift", span):
            assert span in known or (ROOT / span).exists(), span
        elif re.fullmatch(r"[A-Za-z]\w*[a-z]\w*(\.\w+)*(\(.*\))?", span):
            for word in re.findall(r"\w+", span.split("(")[0]):
                assert word in known, (span, word)
            names += 1
    assert names > 100


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links(name: str) -> None:
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (ROOT / target).exists(), target


def test_flags(binary: str) -> None:
    """The flags in the pages on how it is built and bounded, and in README's table of limits."""
    known: set[str] = set()
    for command in ("serve", "run"):
        done = subprocess.run([binary, command, "--help"], capture_output=True, text=True)
        known |= set(re.findall(r"--[a-z-]+", done.stdout))
    found = {span for name in ("ARCHITECTURE.md", "SECURITY.md") for span in spans(name)}
    readme = (ROOT / "README.md").read_text()
    found |= set(re.findall(r"^\| .*\(`(--.*?)`\) \|", readme, re.M))
    flags = {flag for span in found for flag in re.findall(r"^--[a-z-]+", span)}
    assert len(flags) > 20
    assert flags <= known
