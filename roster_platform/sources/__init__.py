"""The APIs that ship with the platform, each declared in YAML: ``sources/<name>.yaml``.

A declaration is a ``RESTAPIConfig`` of dlt's ``rest_api`` with words of our own. Of a
column, or of a list in a record (``nested_hints``), they are the fields of ``Column`` and
``Child``: ``x-required``, ``x-optional``, ``x-pii``, ``x-key``, ``x-from``, ``x-name``,
``x-parent-key``, ``x-position``. Of a resource they are those of ``Table`` and of
``Endpoint``: ``x-description``, ``x-soft-deletes``, ``x-not-compared``, ``x-order-field``,
``x-optional`` and ``versions``. Without them it is what dlt itself can run (``plain``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from roster_platform.catalogue import Child, Column, Endpoint, Parent, Table

_PARENT = re.compile(r"\{resources\.(\w+)\.(\w+)\}")
_OF_A_TABLE = ("description", "soft_deletes", "not_compared")
_OWN_WORDS = {"versions"}


@dataclass(frozen=True)
class Declaration:
    """A declared API: its endpoints, its documentation, and dlt's part of the YAML."""

    docs_url: str
    endpoints: tuple[Endpoint, ...]
    plain: Mapping[str, Any]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of its endpoints."""
        return tuple(endpoint.table for endpoint in self.endpoints)


@cache
def declaration(name: str) -> Declaration:
    """Read the declaration of ``roster`` or ``autorosters``."""
    text = (files(__name__) / f"{name}.yaml").read_bytes()
    # Ten times as fast, and part of every wheel of PyYAML; as safe as the other.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    said = yaml.load(text, loader)  # noqa: S506
    default = said["resource_defaults"].get("endpoint", {})
    return Declaration(
        said["x-docs-url"],
        tuple(_endpoint(resource, default) for resource in said["resources"]),
        _without_own(said),
    )


def _endpoint(said: Mapping[str, Any], default: Mapping[str, Any]) -> Endpoint:
    hints = _own(said)
    table = Table(
        name=said["name"],
        primary_key=_listed(said["primary_key"]),
        columns=_columns(said),
        children=tuple(
            _child(field, child)
            for field, child in said.get("nested_hints", {}).items()
        ),
        versions=said.get("versions", True),
        **{word: hints.pop(word) for word in _OF_A_TABLE if word in hints},
    )
    words = {**default, **said["endpoint"]}
    parent = _PARENT.search(words["path"])
    return Endpoint(
        table=table,
        path=_PARENT.sub(r"{\2}", words["path"]),
        data_selector=words.get("data_selector", "$"),
        params=words.get("params", {}),
        parent=Parent(parent[2], parent[1], parent[2]) if parent else None,
        **hints,
    )


def _child(field: str, said: Mapping[str, Any]) -> Child:
    return Child(
        field=field,
        primary_key=_listed(said.get("primary_key", ())),
        columns=_columns(said),
        **_own(said),
    )


def _columns(said: Mapping[str, Any]) -> dict[str, Column]:
    return {
        name: Column(hints["data_type"], hints["description"], **_own(hints))
        for name, hints in said["columns"].items()
    }


def _own(said: Mapping[str, Any]) -> dict[str, Any]:
    """Our words, under the names that they have in ``catalogue``."""
    return {
        word.removeprefix("x-").replace("-", "_"): tuple(value)
        if isinstance(value, list)
        else value
        for word, value in said.items()
        if word.startswith("x-")
    }


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _without_own(said: Any) -> Any:
    if isinstance(said, dict):
        plain = {
            word: _without_own(value)
            for word, value in said.items()
            if not (str(word).startswith("x-") or word in _OWN_WORDS)
        }
        # In hints of lists, dlt wants the name of a column twice.
        for name, hints in plain.get("columns", {}).items():
            hints["name"] = name
        return plain
    return [_without_own(each) for each in said] if isinstance(said, list) else said
