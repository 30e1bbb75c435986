"""Mappings: how a user's API differs, in a file of their own, ``mappings/<source>.yaml``.

The file has the structure and the words of dlt's ``rest_api`` configuration and is merged
over the declaration that ships with the platform, so an upgrade never conflicts with it:

    enabled: true
    resource_defaults:
      endpoint:
        paginator: {type: page_number, base_page: 1, total_path: meta.last_page}
    resources:
      - name: orders
        endpoint:
          path: v2/orders
          data_selector: result.items
          paginator: {type: cursor, cursor_path: meta.next, cursor_param: cursor}
          params: {status: paid}
        columns:
          totalPrice: {x-from: [total.amount]}
          email: {x-from: [customer.email, email]}
        nested_hints:
          lineItems: {x-from: [items], columns: {price: {x-from: [unitPrice]}}}
      - name: webhooks
        enabled: false

``x-from`` are the paths under which the API sends a declared field, the first choice first;
``nested_hints`` are the lists in a record.

The folder is ``ROSTER_PLATFORM__MAPPINGS_DIR``; a file that is not there changes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from roster_platform.catalogue import Table
from roster_platform.errors import ConfigurationError
from roster_platform.records.field_mapping import Path as FieldPath
from roster_platform.records.field_mapping import path_of

_TOP = {"enabled", "resource_defaults", "resources"}
_DEFAULTS = {"endpoint"}
_RESOURCE = {"name", "enabled", "endpoint", "columns", "nested_hints"}
_NESTED = {"x-from", "columns"}
_ENDPOINT = {"path", "data_selector", "paginator", "params"}


@dataclass(frozen=True)
class SourceMapping:
    """One mapping: by resource, the words of its endpoint, and what is off."""

    path: Path
    enabled: bool = True
    endpoints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    x_from: Mapping[FieldPath, tuple[str, ...]] = field(default_factory=dict)
    """Where fields come from, by ``(table, field)`` or ``(table, list, field)``."""

    def applied(self, table: Table) -> Table:
        """Return a declared table with what this file says of its fields."""
        if not any(path[0] == table.name for path in self.x_from):
            return table
        return replace(
            table,
            columns={
                name: replace(
                    column, x_from=self.x_from.get((table.name, name), column.x_from)
                )
                for name, column in table.columns.items()
            },
            children=tuple(
                replace(
                    child,
                    x_from=self.x_from.get((table.name, child.field), child.x_from),
                    columns={
                        name: replace(
                            column,
                            x_from=self.x_from.get(
                                (table.name, child.field, name), column.x_from
                            ),
                        )
                        for name, column in child.columns.items()
                    },
                )
                for child in table.children
            ),
        )


@dataclass(frozen=True)
class Fields:
    """The fields of a resource that a mapping may speak of, and those of its lists."""

    columns: Iterable[str] = ()
    lists: Mapping[str, Iterable[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table) -> Fields:
        """The fields of a declared table."""
        return cls(
            list(table.columns),
            {child.field: list(child.columns) for child in table.children},
        )


def is_enabled(source: str, resource: str | None = None) -> bool:
    """Return whether an API, or one resource of it, is not switched off.

    Raises ConfigurationError for a file that is not understood.
    """
    mapping = source_mapping(source)
    return mapping.enabled and resource not in mapping.disabled


def switched_off() -> list[str]:
    """Return the endpoints that are off, of the APIs that are not: ``roster/likes``.

    A mapping that is not understood says nothing here; the read reports it.
    """
    found = []
    for source in ("roster", "autorosters"):
        try:
            mapping = source_mapping(source)
        except ConfigurationError:
            continue
        if mapping.enabled:
            found += [f"{source}/{resource}" for resource in sorted(mapping.disabled)]
    return found


def source_mapping(source: str) -> SourceMapping:
    """Read the mapping of ``roster`` or ``autorosters``. Raises ConfigurationError."""
    from roster_platform.settings.platform import platform_settings

    return mapping_at(source, platform_settings().mappings_path / f"{source}.yaml")


def mapping_at(source: str, path: Path) -> SourceMapping:
    """Read a mapping of an API from another place. Raises ConfigurationError."""
    from roster_platform.ingest.autorosters.objects import OBJECTS
    from roster_platform.ingest.roster.endpoints import BY_NAME

    if source == "roster":
        fields = {name: Fields.of(endpoint.table) for name, endpoint in BY_NAME.items()}
        return read_mapping(
            path, {**fields, "clicks": Fields(), "captured_orders": Fields()}, _ENDPOINT
        )
    pages = {name: Fields(list(declared)) for name, declared in OBJECTS.items()}
    return read_mapping(path, {**pages, "page_users": Fields()}, set())


def where_to_declare(source: str) -> str:
    """Return what to do about a field of ``roster`` or ``autorosters`` that never came."""
    from roster_platform.settings.platform import platform_settings

    path = platform_settings().mappings_path / f"{source}.yaml"
    return (
        f"Declare in {path} what the API sends under another name (docs/connecting.md, "
        "'When your API differs')."
    )


def read_mapping(
    path: Path, resources: Mapping[str, Fields], endpoint_words: set[str]
) -> SourceMapping:
    """Read one mapping of an API with these resources; an absent file changes nothing.

    Raises ConfigurationError, with the file, for anything that is not understood.
    """
    if not path.exists():
        return SourceMapping(path)
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(
            f"{path}{where} cannot be read as YAML "
            f"({getattr(error, 'problem', None) or type(error).__name__}). Correct it, "
            "or remove it to go back to the declaration that ships with the platform."
        ) from None
    check = _Checker(path)
    check.keys(said, _TOP, "the file")
    defaults = check.keys(
        said.get("resource_defaults") or {}, _DEFAULTS, "the defaults"
    )
    common = check.keys(defaults.get("endpoint") or {}, endpoint_words, "the defaults")
    endpoints: dict[str, Mapping[str, Any]] = dict.fromkeys(resources, common)
    disabled = set()
    x_from: dict[FieldPath, tuple[str, ...]] = {}
    for resource in check.list(said.get("resources") or [], "resources"):
        name: Any = check.keys(resource, _RESOURCE, "a resource").get("name")
        check.one_of(name, resources, "resource")
        words = check.keys(resource.get("endpoint") or {}, endpoint_words, f"'{name}'")
        endpoints[name] = {**endpoints[name], **words}
        if not check.flag(resource.get("enabled", True), f"'{name}'"):
            disabled.add(name)
        known = resources[name]
        x_from |= check.columns(resource, known.columns, (name,))
        lists = check.fields(resource.get("nested_hints"), known.lists, (name,))
        for nested, hints in lists.items():
            nested_path = (name, nested)
            check.keys(hints, _NESTED, f"'{name}.{nested}'")
            if "x-from" in hints:
                x_from[nested_path] = check.paths(hints["x-from"], nested_path)
            x_from |= check.columns(hints, known.lists[nested], nested_path)
    enabled = check.flag(said.get("enabled", True), "the file")
    return SourceMapping(path, enabled, endpoints, frozenset(disabled), x_from)


class _Checker:
    """Says what is not understood, and where."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, value: Any, known: set[str], where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self._fail(f"{where} must be a mapping, not {type(value).__name__}")
        for key in value:
            if key not in known:
                self.one_of(key, sorted(known), f"key in {where},")
        return value

    def list(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            self._fail(f"{where} must be a list")
        return value

    def flag(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            self._fail(f"enabled of {where} must be true or false, not {value!r}")
        return value

    def fields(
        self, value: Any, known: Iterable[str], where: FieldPath
    ) -> Mapping[str, Any]:
        """Some hints by field: each field is known, and has hints."""
        if not isinstance(value := value or {}, Mapping):
            self._fail(f"the fields of '{'.'.join(where)}' must be a mapping by name")
        for name in value:
            self.one_of(name, known, f"field of {'.'.join(where)},")
        return value

    def columns(
        self, hints: Mapping[str, Any], known: Iterable[str], where: FieldPath
    ) -> dict[FieldPath, tuple[str, ...]]:
        """Return where the fields of one object come from."""
        found = {}
        for name, said in self.fields(hints.get("columns"), known, where).items():
            field_path = (*where, name)
            self.keys(said, {"x-from"}, f"'{'.'.join(field_path)}'")
            if "x-from" in said:
                found[field_path] = self.paths(said["x-from"], field_path)
        return found

    def paths(self, value: Any, where: FieldPath) -> tuple[str, ...]:
        """Some paths to a value, or one."""
        paths = [value] if isinstance(value, str) else value
        try:
            for path in self.list(paths, f"x-from of '{'.'.join(where)}'"):
                path_of(path)
        except (ValueError, TypeError, AttributeError):
            self._fail(
                f"x-from of '{'.'.join(where)}' has {path!r}, which is not a path of "
                "names such as customer.email"
            )
        return tuple(paths)

    def one_of(self, value: Any, known: Iterable[str], what: str) -> None:
        known = list(known)
        if value in known:
            return
        near = difflib.get_close_matches(str(value), known, 1)
        hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}."
        self._fail(f"there is no {what} '{value}'.{hint}")

    def _fail(self, problem: str) -> NoReturn:
        raise ConfigurationError(f"In {self._path}: {problem.rstrip('.')}.")
