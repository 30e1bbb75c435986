"""The findings as a mapping: a file with comments that never overwrites a user's edits."""

from __future__ import annotations

import copy
import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.probe.endpoints import EndpointFindings, SourceFindings
from roster_platform.ingest.probe.fields import FieldFinding, ObjectFinding
from roster_platform.ingest.roster.endpoints import BY_NAME
from roster_platform.ingest.settings import configured_secrets
from roster_platform.records.field_mapping import Path as FieldPath
from roster_platform.records.field_mapping import path_of, style_key, written

_SEAL = "# As probe wrote it: "


@dataclass
class Proposal:
    """The mapping that fits what was found, and how it differs from the one in use.

    ``why`` has a comment for some keys of a resource: ``("orders", "columns", "email")``.
    """

    document: dict[str, Any]
    differences: list[str] = field(default_factory=list)
    why: dict[tuple[str, ...], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """The mapping's file, and its difference from the one that was there."""

    path: Path
    diff: str
    is_aside: bool = False
    """The file in use was edited by hand, so this one stands next to it."""


def proposal_of(findings: SourceFindings) -> Proposal:
    """The mapping in use, with everything that was found to be otherwise."""
    path = findings.mapping.path
    said = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
    proposal = Proposal(copy.deepcopy(said or {}))
    for found in findings.endpoints:
        _Resource(proposal, findings, found).add_all()
    return proposal


class _Resource:
    """Adds what was found at one endpoint to a proposal."""

    def __init__(
        self, proposal: Proposal, findings: SourceFindings, found: EndpointFindings
    ) -> None:
        self._proposal = proposal
        self._found = found
        self._is_roster = findings.source == "roster"
        self._is_proven = findings.by == "probe"
        self._x_from = findings.mapping.x_from

    def add_all(self) -> None:
        found, asked = self._found, self._found.asked
        if found.skipped:
            return
        if asked.refused:
            if asked.is_gone and self._is_roster:
                self._set(found.name, ("enabled",), False, asked.refused)
            else:
                self._differs(f"{found.name}: {asked.refused}")
            return
        if self._is_roster:
            self._endpoint(found)
        for table, objects in found.objects.items():
            self._fields(found, table, objects)
        self._proposal.differences += [f"{found.name}: {text}" for text in asked.open]

    def _endpoint(self, found: EndpointFindings) -> None:
        name, asked = found.name, found.asked
        endpoint = BY_NAME[name]
        words = self._in_use(name).get("endpoint") or {}
        defaults = self._proposal.document.get("resource_defaults") or {}
        words = {**(defaults.get("endpoint") or {}), **words}
        if asked.path != str(words.get("path", endpoint.path)).lstrip("/"):
            self._set(name, ("endpoint", "path"), asked.path, "it answers at this path")
        selector = words.get("data_selector", endpoint.data_selector)
        if asked.selector and style_key(asked.selector) != style_key(str(selector)):
            why = "where the list of records is"
            self._set(name, ("endpoint", "data_selector"), asked.selector, why)
        if isinstance(asked.paginator, Mapping):
            why = "; ".join(asked.proofs) if self._is_proven else "by the document"
            self._set(name, ("endpoint", "paginator"), dict(asked.paginator), why)
        if missing := asked.params.items() - dict(words.get("params") or {}).items():
            params = {**(words.get("params") or {}), **dict(sorted(missing))}
            self._set(name, ("endpoint", "params"), params, "sent with each request")

    def _fields(
        self, found: EndpointFindings, table: str, objects: ObjectFinding
    ) -> None:
        resource, _, child = table.partition("__")
        where: tuple[str, ...] = (resource,)
        keys: tuple[str, ...] = ("columns",)
        if child:
            lists = BY_NAME[resource].table.children
            nested = next(each.field for each in lists if each.name == child)
            where, keys = (resource, nested), ("nested_hints", nested, "columns")
        for each in objects.fields:
            in_use = self._x_from.get((*where, each.name), ())
            if each.is_proposed and each.source:
                at = self._place(keys, each)
                paths = [*map(written, (each.source, *each.repeated)), *in_use]
                why = f"proposed; {each.came} came"
                if each.others:
                    why += f"; or is it {', '.join(map(written, each.others))}?"
                self._set(resource, at, paths, why)
            elif each.source is None and (in_use or each.required):
                self._differs(_not_found(table, each, in_use))
            elif in_use and each.source and not _is_said(each.source, in_use):
                at = self._place(keys, each)
                why = f"comes as {written(each.source)}, not as {', '.join(in_use)}"
                self._set(resource, at, [written(each.source), *in_use], why)
            if each.misfits:
                self._differs(
                    f"{table}.{each.name}: {each.came}, not a {each.declared}"
                )

    def _place(self, keys: tuple[str, ...], found: FieldFinding) -> tuple[str, ...]:
        """Where a mapping says from where a field comes."""
        is_list = found.declared == "list" and self._is_roster
        return (*(("nested_hints",) if is_list else keys), found.name, "x-from")

    def _in_use(self, name: str) -> dict[str, Any]:
        resources = self._proposal.document.get("resources") or []
        return next((r for r in resources if r.get("name") == name), {})

    def _set(self, name: str, keys: tuple[str, ...], value: Any, why: str) -> None:
        node = self._in_use(name)
        if not node:
            node = {"name": name}
            self._proposal.document.setdefault("resources", []).append(node)
        *outer, last = keys
        for key in outer:
            node = node.setdefault(key, {})
        if node.get(last) == value:
            return
        node[last] = value
        self._proposal.why[name, *keys] = why
        self._differs(f"{name}: {'.'.join(keys)} is {_flow(value)} ({why})")

    def _differs(self, text: str) -> None:
        if text not in self._proposal.differences:
            self._proposal.differences.append(text)


def _is_said(source: FieldPath, in_use: tuple[str, ...]) -> bool:
    """Whether a mapping says where a field was found, in whatever style."""
    keys = tuple(map(style_key, source))
    return any(tuple(map(style_key, path_of(path))) == keys for path in in_use)


def _not_found(table: str, found: FieldFinding, in_use: tuple[str, ...]) -> str:
    if in_use:
        return f"{table}.{found.name}: none of its paths came ({', '.join(in_use)})"
    return f"{table}.{found.name}: it is required, and was not found"


def rendered(findings: SourceFindings, proposal: Proposal) -> str:
    """The mapping as YAML with comments."""
    document = proposal.document
    comments = {each.name: each for each in findings.endpoints}
    lines: list[str] = []
    for key, value in document.items():
        if key != "resources":
            lines += _block({key: value}, 0)
    lines.append("resources:" if document.get("resources") else "resources: []")
    for resource in document.get("resources") or ():
        name = resource.get("name")
        lines.append("")
        if name in comments:
            lines += [f"  # {text}" for text in _comments(comments[name])]
        body = "\n".join(_annotated(resource, (name,), proposal.why, 4))
        lines.append(f"  - {body.lstrip()}")
    quiet = [
        f"# {each.name}: {text}"
        for each in findings.endpoints
        if not any(r.get("name") == each.name for r in document.get("resources") or ())
        for text in _comments(each)
    ]
    if quiet:
        lines += ["", "# As declared:", *quiet]
    head = (
        f"# What `roster-platform {findings.by}` found of {findings.source} at "
        f"{findings.origin}.\n"
        "# Edit it as you like: a file that was edited is never written over. The words\n"
        "# are explained in docs/connecting.md.\n"
    )
    text = head + "\n".join(lines) + "\n"
    return f"{text}{_SEAL}{_digest(text)}\n"


def write(findings: SourceFindings, proposal: Proposal) -> Written:
    """Write the mapping, or next to it where the file in use was edited by hand.

    Raises ConfigurationError when the folder cannot be written.
    """
    path = findings.mapping.path
    new = rendered(findings, proposal)
    old = path.read_text("utf-8") if path.exists() else ""
    if old and (yaml.safe_load(old) or {}) == proposal.document:
        return Written(path, "")
    is_aside = bool(old) and not _is_untouched(old)
    diff = _struck(
        "".join(
            difflib.unified_diff(
                old.splitlines(keepends=True),
                new.splitlines(keepends=True),
                str(path),
                "found",
            )
        )
    )
    target = path.with_name(f"{path.name}.new") if is_aside else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(new, "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{target} cannot be written ({type(error).__name__}). Check its folder, or "
            "set ROSTER_PLATFORM__MAPPINGS_DIR."
        ) from None
    return Written(target, diff if old else "", is_aside)


def announce(console: Console, done: Written) -> None:
    """Print where the mapping is, and how it differs from the one before."""
    if done.diff:
        console.print(escape(done.diff), highlight=False)
    if done.is_aside:
        mapping = done.path.with_suffix("")
        console.print(
            f"{mapping} was edited, so it is left as it is: what was found is in "
            f"{done.path}. Take over what you want.",
            highlight=False,
        )
    else:
        console.print(f"The mapping is {done.path}.", highlight=False)


def _comments(found: EndpointFindings) -> Iterator[str]:
    asked = found.asked
    if found.skipped:
        yield f"not asked: {found.skipped}"
        return
    if asked.refused:
        yield asked.refused
        return
    paging = "; ".join([asked.paging or "not known", *asked.proofs])
    yield f"paging: {paging}"
    for question in found.open:
        yield f"not decided: {question}"


def _annotated(
    node: Mapping[str, Any],
    path: tuple[str, ...],
    why: Mapping[tuple[str, ...], str],
    indent: int,
) -> Iterator[str]:
    """A mapping as YAML lines, each with its comment."""
    for key, value in node.items():
        here = (*path, key)
        is_outer = any(
            len(each) > len(here) and each[: len(here)] == here for each in why
        )
        comment = f"  # {why[here]}" if here in why else ""
        leaf = (*here, "x-from")
        if isinstance(value, dict) and set(value) == {"x-from"} and leaf in why:
            yield f"{' ' * indent}{_flow(key)}: {_flow(value)}  # {why[leaf]}"
        elif isinstance(value, dict) and is_outer:
            yield f"{' ' * indent}{_flow(key)}:"
            yield from _annotated(value, here, why, indent + 2)
        else:
            yield f"{' ' * indent}{_flow(key)}: {_flow(value)}{comment}"


def _block(node: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, value in node.items():
        yield f"{' ' * indent}{_flow(key)}: {_flow(value)}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_untouched(text: str) -> bool:
    body, seal, digest = text.rpartition(_SEAL)
    return bool(seal) and digest.strip() == _digest(body)


def _struck(text: str) -> str:
    """A text without the secrets that somebody may have put into the file."""
    for secret in configured_secrets():
        text = re.sub(re.escape(secret), "***", text)
    return text
