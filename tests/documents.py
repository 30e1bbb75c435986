"""The documents, their fenced blocks, and the names of tests in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.forks import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_FENCED = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its document, first line's number, language and text."""

    document: str
    line: int
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.rstrip().splitlines()

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(language: str | None = None, document: Path | None = None) -> list[Block]:
    """Return the fenced blocks of the documents, or of one, in their order."""
    return [
        Block(
            str(path.relative_to(ROOT)),
            text.count("\n", 0, found.start()) + 2,
            found[1],
            found[2],
        )
        for path in ([document] if document else DOCUMENTS)
        for text in [path.read_text()]
        for found in _FENCED.finditer(text)
        if language in (None, found[1])
    ]


def named_tests(text: str) -> list[str]:
    """Return the tests and files of tests that a text names, as pytest writes them."""
    return _TEST.findall(text)


def is_test(name: str) -> bool:
    """Return whether a test, or a file of tests, is there."""
    file, _, function = name.partition("::")
    path = ROOT / file
    return path.exists() and (
        not function
        or re.search(rf"^(?:async )?def {function}\(", path.read_text(), re.MULTILINE)
        is not None
    )
