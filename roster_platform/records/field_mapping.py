"""Under which names declared fields come: decided once a read, in a stated order.

The candidates of a declared field, the first one first:

1. what the mapping says (``x-from``: paths such as ``customer.email``);
2. its own name;
3. its own name in another style: ``orderId``, ``order_id``, ``OrderId`` and ``order-id``
   are one name (the segments of an ``x-from`` path, too);
4. ``id``, for the key of the record itself (``orderId`` of an order).

The first records that have a value under any of them decide, for the whole read. What else
comes under a candidate's name is compared with the one in use (``rivals``). No synonym
is applied that nobody wrote down: an amount named ``total`` may be another amount.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from roster_platform.catalogue import Child, Table

Path = tuple[str, ...]
"""The names that lead to a value, from the outermost object."""

_SEGMENT = re.compile(r"""\.?(?:([^.\[\]'"*$]+)|\[(?:'([^']+)'|"([^"]+)")\])""")
_UNUSED = "{}_not_used"


def path_of(text: str) -> Path:
    """Read a path such as ``customer.email``, ``$.customer.email`` or ``['a.b'].c``.

    Raises ValueError for what leads to more than one value (``[*]``), or to an element of
    a list.
    """
    names: list[str] = []
    problem = f"not a path of names: {text!r}"
    text, place = text.strip().removeprefix("$"), 0
    while place < len(text):
        match = _SEGMENT.match(text, place)
        if match is None:
            raise ValueError(problem)
        names.append(next(filter(None, match.groups())))
        place = match.end()
    if not names:
        raise ValueError(problem)
    return tuple(names)


def spelled(path: Path) -> str:
    """A path as the name of what is there, for people."""
    return ".".join(path)


def written(path: Path) -> str:
    """Write a path as ``path_of`` reads it, whatever its names are."""
    text = ""
    for name in path:
        if re.fullmatch(r"[^.\[\]'\"*$]+", name) and name == name.strip():
            text += f".{name}" if text else name
        else:
            text += f"['{name}']" if "'" not in name else f'["{name}"]'
    return text


@cache
def style_key(name: str) -> str:
    """Return what is the same for one name in every style; ``_id`` is not ``id``."""
    bare = name.lstrip("_")
    return name[: len(name) - len(bare)] + re.sub("[-_]", "", bare).casefold()


@dataclass
class _Node:
    """The content of one name in some records: a value, objects, or only nulls."""

    is_filled: bool = False
    inside: dict[str, _Node] = field(default_factory=dict)

    def add(self, name: str, value: Any, depth: int) -> None:
        node = self.inside.setdefault(name, _Node())
        node.is_filled |= value is not None
        if depth > 1 and isinstance(value, dict):
            for inner, inner_value in value.items():
                node.add(inner, inner_value, depth - 1)

    def find(self, path: Path) -> Iterator[tuple[Path, _Node]]:
        """Yield what is under a path: under its own names first, then other styles."""
        if not path:
            yield (), self
            return
        first, rest = path[0], path[1:]
        styles = sorted(
            name for name in self.inside if style_key(name) == style_key(first)
        )
        for name in sorted(styles, key=lambda name: name != first):
            for found, node in self.inside[name].find(rest):
                yield (name, *found), node


class FieldNames:
    """The names of the declared fields of one kind of object.

    ``declared`` has the paths that a mapping says for each field (none, as a rule).
    ``own_key`` is the field that may be called ``id``; ``given`` are fields that the reader
    itself puts into records, under their own name.
    """

    def __init__(
        self,
        declared: Mapping[str, Sequence[str]],
        *,
        own_key: str | None = None,
        given: Collection[str] = (),
    ) -> None:
        self.sources: dict[str, Path] = {name: (name,) for name in declared}
        """The path that each field is read from, as far as it is known."""
        self._paths = {
            name: tuple(map(path_of, said)) for name, said in declared.items()
        }
        self._own_key = own_key
        self._undecided = set(declared).difference(given)
        self._depth = max(
            (len(path) for paths in self._paths.values() for path in paths), default=1
        )
        self._candidate_of = {
            tuple(map(style_key, path)): name
            for name, paths in self._paths.items()
            for path in (*paths, (name,))
        }
        self._said_firsts = {
            style_key(path[0]) for paths in self._paths.values() for path in paths
        }
        self._names_of_undecided: set[str] | None = None
        self._own_names: set[str] = set()
        self._tree: NameTree | None = None
        self.is_plain = True
        """Whether every field is read from its own name."""

    @property
    def undecided(self) -> set[str]:
        """The fields that no record so far had a value for."""
        return self._undecided

    def renamed(self) -> dict[str, str]:
        """The fields that are read from another name, and that name."""
        return {
            name: spelled(path)
            for name, path in self.sources.items()
            if path != (name,)
        }

    def may_decide(self, name: str) -> bool:
        """Return whether a field or object of this name may be undecided."""
        if self._names_of_undecided is None:
            firsts = {
                style_key(path[0])
                for wanted in self._undecided
                for path in self._candidates(wanted)
            }
            self._names_of_undecided = firsts
        return style_key(name) in self._names_of_undecided

    def decide(
        self, records: Iterable[Mapping[str, Any]], filled: Iterable[str] = ()
    ) -> bool:
        """Decide by some records what is not decided yet; returns whether a source changed.

        ``filled`` are undecided fields that are known to have a value where they are read
        from now.
        """
        if not self._undecided:
            return False
        records = list(records)
        came = set().union(*records)
        if not any(map(self._is_foreign, came - self._own_names)):
            # Declared names only, as a rule: those that have a value stay.
            decided = {
                name
                for name in self._undecided & came
                if any(record.get(name) is not None for record in records)
            }.union(filled)
            self._own_names |= came
            if decided:
                self._undecided -= decided
                self._names_of_undecided = None
            return False
        root = _Node()
        for record in records:
            for name, value in record.items():
                root.add(name, value, self._depth)
        for name in filled:
            node = root
            for part in self.sources[name]:
                node = node.inside.setdefault(part, _Node())
            node.is_filled = True
        before = dict(self.sources)
        for name in sorted(self._undecided):
            self._decide_one(name, root)
        self._names_of_undecided = None
        if self.sources == before:
            return False
        self._tree = None
        self._own_names.clear()
        self.is_plain = not self.renamed()
        return True

    def _is_foreign(self, name: str) -> bool:
        """Return whether a name of a record may be that of another declared field."""
        if name in self.sources and style_key(name) not in self._said_firsts:
            return self.sources[name] != (name,)
        return self.may_decide(name)

    def _decide_one(self, name: str, root: _Node) -> None:
        came = [found for path in self._candidates(name) for found in root.find(path)]
        for path, node in came:
            if node.is_filled:
                self.sources[name] = path
                self._undecided.discard(name)
                return
        if came:
            # Only nulls so far: another name may still bring values.
            self.sources[name] = came[0][0]

    def _candidates(self, name: str) -> Iterator[Path]:
        yield from self._paths[name]
        yield (name,)
        if name == self._own_key:
            yield ("id",)

    @property
    def tree(self) -> NameTree:
        """The names in use, as the tree that they are in a record."""
        if self._tree is None:
            self._tree = NameTree(self.sources.values())
        return self._tree

    def presented(self, path: Path) -> str:
        """The name under which an undeclared field is handed on."""
        name = spelled(path)
        return _UNUSED.format(name) if name in self.sources else name

    def rival_of(self, path: Path) -> str | None:
        """The declared field of which an undeclared path is another candidate."""
        return self._candidate_of.get(tuple(map(style_key, path)))

    def value(self, record: Mapping[str, Any], name: str) -> Any:
        """The value of one declared field in a record as it came."""
        return value_at(record, self.sources[name])

    def canonical(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The record under the declared names; what is not declared keeps its own."""
        if self.is_plain:
            return record
        fields = {
            self.presented(path): value for path, value in self.tree.unused(record)
        }
        for name, path in self.sources.items():
            if has_path(record, path):
                fields[name] = value_at(record, path)
        return fields


class NameTree:
    """Some paths as nested names; a path that ends on the way of another is a leaf."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.inside: dict[str, NameTree] = {}
        self.is_leaf = False
        for path in paths:
            node = self
            for name in path:
                node = node.inside.setdefault(name, NameTree(()))
            node.is_leaf = True

    def unused(self, value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
        """Yield what an object has that no path leads to."""
        for name, inner in value.items():
            node = self.inside.get(name)
            if node is None:
                yield (*path, name), inner
            elif not node.is_leaf:
                if isinstance(inner, dict):
                    yield from node.unused(inner, (*path, name))
                elif inner is not None:
                    yield (*path, name), inner


def value_at(record: Any, path: Path) -> Any:
    """The value under a path; None where it leads to nothing."""
    for name in path:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def has_path(record: Any, path: Path) -> bool:
    """Return whether a record has a value, be it null, under a path."""
    for name in path:
        if not isinstance(record, dict) or name not in record:
            return False
        record = record[name]
    return True


def names_of_records(table: Table, given: Collection[str] = ()) -> FieldNames:
    """The names of a table's fields, its lists among them."""
    declared = {name: column.x_from for name, column in table.columns.items()}
    declared |= {child.field: child.x_from for child in table.children}
    return FieldNames(declared, own_key=_own_key(table), given=given)


def names_of_elements(child: Child) -> FieldNames:
    """The names of the fields of a list's elements."""
    return FieldNames({name: column.x_from for name, column in child.columns.items()})


def _own_key(table: Table) -> str | None:
    """The key of the record itself: ``orderId`` of a table of orders."""
    thing = re.sub("ies$", "y", table.name)
    thing = style_key(thing if thing != table.name else thing.removesuffix("s"))
    return next(
        (key for key in table.primary_key if style_key(key) == f"{thing}id"), None
    )
