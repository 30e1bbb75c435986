"""Messages, docstrings and documents are in plain English.

These words have an ordinary one in their place, whatever is meant. Words that are right in
other places (list, keep, hold, move, live) are left to the reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deployment import ROOT
from tests.documents import DOCUMENTS

INSTEAD = {
    r"tells?|telling|told": "report, say",
    r"moments?": "timestamp, time",
    r"mend(?:s|ed|ing)?|mak(?:es?|ing) good|made good": "fix, correct",
    r"(?<!there )(?:is|are|was|were) (?-i:none)|are ones|of none": "is not a …, are …",
    r"beside": "next to, in addition to",
    r"of late": "recently",
    r"each its own": "one per …",
    r"go(?:es)? on|going on|went on": "continue",
    r"well again": "resolved",
    r"volleys?": "round",
    r"doors?": "listening ports",
    r"promis(?:es?|ed)": "guarantee, document",
    r"holds? back|held back": "reject",
    r"moving house": "migrate",
    r"work folders?": "scratch folder",
    r"puts? right": "correct",
}
_WORDS = re.compile(rf"\b(?:{'|'.join(INSTEAD)})\b", re.IGNORECASE)
# What is written in code is not prose.
_CODE = re.compile(r"``.*?``|`[^`\n]*`|```.*?```", re.DOTALL)
_UNSPOKEN = {"sandbox/simulation/vocabulary.py"}
_DESCRIBES = {"description", "help", "label", "message", "name_for_people", "question"}


def _python() -> Iterator[Path]:
    for folder in ("roster_platform", "docs", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not str(path).endswith(tuple(_UNSPOKEN)):
                yield path


def _yaml() -> Iterator[Path]:
    for pattern in ("dbt_project/**/*.yml", "examples/**/*.yaml", ".github/**/*.yml"):
        yield from sorted(
            path for path in ROOT.glob(pattern) if "target" not in path.parts
        )
    yield ROOT / "docs" / "questions.yml"


def _said(text: str) -> Iterator[tuple[int, str]]:
    prose = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    # A phrase may go over the end of a line.
    for found in _WORDS.finditer(re.sub(r"\s", " ", prose)):
        yield prose.count("\n", 0, found.start()), found[0]


def _of_python(path: Path) -> Iterator[str]:
    """Docstrings, and every literal of more than one word."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield from _found(path, node.lineno, _joined(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _found(path, node.lineno, node.value)


def _joined(node: ast.JoinedStr) -> str:
    return "".join(
        part.value if isinstance(part, ast.Constant) else "…" for part in node.values
    )


def _found(path: Path, first: int, text: str) -> Iterator[str]:
    # One word alone is a name.
    if " " in text.strip():
        for line, word in _said(text):
            yield f"{path.relative_to(ROOT)}:{first + line}: {word}"


def _of_yaml(path: Path) -> Iterator[str]:
    for node in _scalars(yaml.compose(path.read_text())):
        yield from _found(path, node.start_mark.line + 1, node.value)


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(value, yaml.ScalarNode) and key.value not in _DESCRIBES:
                continue
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value)
    elif isinstance(node, yaml.ScalarNode):
        yield node


def _of_text(path: Path) -> Iterator[str]:
    yield from _found(path, 1, path.read_text())


def _reported(found: Iterator[str]) -> None:
    listed = sorted(set(found))
    assert listed == [], "\n".join(["In place of these words:", *listed])


def test_documents_use_plain_words() -> None:
    texts = [ROOT / "Makefile", *sorted((ROOT / ".dlt").glob("*.example")), *DOCUMENTS]
    _reported(line for path in texts for line in _of_text(path))


def test_docstrings_and_messages_use_plain_words() -> None:
    _reported(line for path in _python() for line in _of_python(path))


def test_descriptions_use_plain_words() -> None:
    _reported(line for path in _yaml() for line in _of_yaml(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The alert tells what\nis none.", ["tells", "is none"]),
        ("`told` and ``beside`` are code.", []),
        ("A bestseller fortells, momentarily.", []),
        ("It goes\non, beside it.", ["goes on", "beside"]),
    ],
)
def test_words_are_found_in_prose_only(text: str, words: list[str]) -> None:
    assert [word for _, word in _said(text)] == words
