"""What people choose from: labels that are never the same for two things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def by_label(rows: Sequence[Mapping[str, Any]], name: str, key: str) -> dict[str, str]:
    """Keys by the names of rows; a name of several rows has a piece of the key with it."""
    named = [(str(row[name] or "No name"), str(row[key])) for row in rows]
    count = Counter(label for label, _ in named)
    return {
        f"{label} ({value[:8]})" if count[label] > 1 or label == "All" else label: value
        for label, value in named
    }


def label_of(choices: Mapping[str, str], key: str | None) -> str | None:
    """The label of a key; None when it is not among the choices."""
    return next((label for label, value in choices.items() if value == key), None)
