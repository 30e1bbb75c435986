"""Which operation of a document is which of our endpoints: by path, and by other words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from roster_platform.ingest.openapi.document import Operation
from roster_platform.ingest.openapi.schemas import example_of
from roster_platform.ingest.probe.lists import best_list, lists_in
from roster_platform.ingest.probe.synonyms import ranked
from roster_platform.records.field_mapping import style_key

OTHER_NAMES: Mapping[str, str] = {
    "programs": "program programmes ambassadorprograms",
    "channels": "channel groups communitychannels",
    "posts": "post communityposts feed",
    "comments": "comment communitycomments replies",
    "likes": "like communitylikes reactions",
    "campaigns": "campaign activations",
    "orders": "order purchases sales conversions",
    "discount_codes_lookup": "discountcodes codes coupons couponcodes promocodes vouchers "
    "discounts",
    "discount_codes_by_rule": "discountcodes codes coupons couponcodes promocodes vouchers",
    "events": "event activities activity eventlog timeline",
    "webhooks": "webhook hooks webhooksubscriptions subscriptions",
    "contacts": "contact ambassadors ambassador members member advocates people",
}
"""Further names that the last part of a path, or an operation's id, may have."""
_VERSION = re.compile(r"v\d+(\.\d+)?")
_EXACT, _SAME_END, _SAME_NAME, _IN_WORDS = 100, 90, 60, 40
_LEAST_LIKENESS = 0.3


@dataclass(frozen=True)
class Wanted:
    """One of our endpoints: its path, how many ids are in it, and its fields."""

    name: str
    path: str
    ids: int
    fields: Collection[str]
    declared_selector: str = ""


@dataclass(frozen=True)
class Candidate:
    """An operation that answers a list of objects, and where the list is."""

    operation: Operation
    selector: str | None
    """None where the answer is the list itself."""
    records: Sequence[Mapping[str, Any]]


def candidate(operation: Operation, wanted: Wanted) -> Candidate | None:
    """The list that an operation answers, if it does."""
    if operation.answer is None:
        return None
    body = example_of(operation.answer)
    if isinstance(body, list):
        records = [each for each in body if isinstance(each, dict)]
        return Candidate(operation, None, records) if records else None
    lists = [(path, found) for path, found in lists_in(body) if found]
    fields = {style_key(name) for name in wanted.fields}
    path = best_list(lists, fields, wanted.declared_selector)
    if path is None:
        return None
    return Candidate(operation, path, next(found for p, found in lists if p == path))


def matched(
    operations: Iterable[Operation], wanted: Sequence[Wanted]
) -> dict[str, Candidate]:
    """Return the operation of each endpoint that has one: the best match first."""
    scored: list[tuple[float, int, str, Candidate]] = []
    for place, operation in enumerate(operations):
        for each in wanted:
            found = candidate(operation, each)
            if found and (score := _score(operation, each, found)):
                scored.append((score, place, each.name, found))
    taken: dict[str, Candidate] = {}
    used: set[str] = set()
    for _, _, name, found in sorted(scored, key=lambda each: (-each[0], each[1])):
        if name not in taken and found.operation.path not in used:
            taken[name] = found
            used.add(found.operation.path)
    return taken


def wants_ids(operation: Operation, wanted: Wanted) -> bool:
    """Whether an operation has an endpoint's name, and needs an id that we do not have."""
    names = [part for part in parts_of(operation.path) if part != "{}"]
    is_named = bool(names) and _single(names[-1]) in _names(wanted)
    return is_named and parts_of(operation.path)[-1] != "{}"


def parts_of(path: str) -> list[str]:
    """The parts of a path that say what it is: no version, and no name of an id."""
    parts = [
        "{}" if "{" in part else style_key(part) for part in path.split("/") if part
    ]
    return [part for part in parts if part != "api" and not _VERSION.fullmatch(part)]


def _score(operation: Operation, wanted: Wanted, found: Candidate) -> float:
    if len(operation.path_parameters) != wanted.ids:
        return 0
    theirs, ours = parts_of(operation.path), parts_of(wanted.path)
    likeness = _likeness(found.records, wanted.fields)
    if theirs == ours:
        return _EXACT + likeness
    if ours and theirs[-len(ours) :] == ours:
        return _SAME_END + likeness
    if likeness < _LEAST_LIKENESS or not theirs or theirs[-1] == "{}":
        return 0
    names = _names(wanted)
    if _single(theirs[-1]) in names:
        return _SAME_NAME + 10 * likeness + len(set(theirs) & set(ours))
    said = {_single(word) for word in _words(operation.words)}
    return _IN_WORDS + 10 * likeness if said & names else 0


def _names(wanted: Wanted) -> set[str]:
    parts = [part for part in parts_of(wanted.path) if part != "{}"][-1:]
    known = (wanted.name, *parts, *OTHER_NAMES.get(wanted.name, "").split())
    return {_single(style_key(name)) for name in known}


def _single(word: str) -> str:
    return word.removesuffix("s")


def _words(text: str) -> Iterator[str]:
    """The words of an operation's id and summary, alone and with the next one."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    words = [word.casefold() for word in re.findall(r"[A-Za-z]+", split)]
    yield from words
    yield from map("".join, pairwise(words))


def _likeness(records: Sequence[Mapping[str, Any]], fields: Collection[str]) -> float:
    """The share of the declared fields for which something came."""
    paths = list(dict.fromkeys(_paths(records)))
    found = sum(bool(ranked(name, paths)) for name in fields)
    return found / len(fields) if fields else 0


def _paths(
    values: Iterable[Mapping[str, Any]], path: tuple[str, ...] = (), depth: int = 3
) -> Iterator[tuple[str, ...]]:
    for value in values:
        for name, inner in value.items():
            yield (*path, name)
            if isinstance(inner, Mapping) and depth:
                yield from _paths([inner], (*path, name), depth - 1)
