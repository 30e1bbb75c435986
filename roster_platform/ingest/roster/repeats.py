"""Records that come more than once in a read: the newer one counts.

Lists move while they are read, and an API may list a record twice. The first one is on its
way to the warehouse when the second is met, so what is newer is loaded once the rest is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roster_platform.catalogue import Table

if TYPE_CHECKING:
    from roster_platform.records.conversion.arrow_types import Values
    from roster_platform.records.record_parser import Records

_UPDATED = "updatedAt"


class Repeats:
    """The records of one read so far, by key."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._updated: dict[Any, int | None] = {}
        self._newer: list[tuple[list[Any], Records]] = []
        self.without_key = 0

    def __len__(self) -> int:
        """Return how many different records were met, those without a key left out."""
        return len(self._updated)

    def unseen(self, records: Records) -> Records:
        """Return the records that were not met yet; keep those that are newer."""
        keys = self._keys(records)
        stamps = self._stamps(records)
        met = dict(zip(keys, stamps, strict=True))
        if (
            len(met) == len(keys)
            and None not in met
            and self._updated.keys().isdisjoint(met)
        ):
            self._updated |= met
            return records
        fresh, newer = [], []
        for key, stamp in zip(keys, stamps, strict=True):
            # A record without a key is nobody's repeat.
            is_fresh = key is None or key not in self._updated
            is_newer = not is_fresh and _is_newer(stamp, self._updated[key])
            fresh.append(is_fresh)
            newer.append(is_newer)
            if key is None:
                self.without_key += 1
            elif is_fresh or is_newer:
                self._updated[key] = stamp
        if any(newer):
            self._newer.append(
                (
                    [k for k, kept in zip(keys, newer, strict=True) if kept],
                    records.filter(newer),
                )
            )
        return records if all(fresh) else records.filter(fresh)

    def newest(self) -> list[Records]:
        """Return the newest record of each that was met again and had changed."""
        found: list[Records] = []
        taken: set[Any] = set()
        for keys, records in reversed(self._newer):
            last = {key: place for place, key in enumerate(keys)}
            mask = [
                key not in taken and last[key] == place
                for place, key in enumerate(keys)
            ]
            taken.update(keys)
            if any(mask):
                found.append(records.filter(mask))
        return found

    def _keys(self, records: Records) -> list[Any]:
        columns = [records.values(field) for field in self._table.primary_key]
        landed = list(map(_landed, columns))
        if len(landed) == 1:
            return landed[0]
        return list(zip(*landed, strict=True))

    def _stamps(self, records: Records) -> list[int | None]:
        """Return when each record last changed; None where the API does not say."""
        from roster_platform.records.conversion.columns import convert_all
        from roster_platform.records.conversion.values import convert_each

        if _UPDATED not in self._table.columns:
            return [None] * len(records)
        values = records.values(_UPDATED)
        stamps = convert_all(values, "timestamp")
        if stamps is None:
            stamps = convert_each(values, "timestamp").values
        # A number is made much quicker than a datetime.
        microseconds: list[int | None] = stamps.cast("int64").to_pylist()
        return microseconds


def _is_newer(stamp: int | None, known: int | None) -> bool:
    """Return whether a repeat counts: it changed later or, if unknown, is seen later."""
    if stamp is None or known is None:
        return True
    return stamp > known


def _landed(values: Values) -> list[str | None]:
    """Return keys as they land: 7 and "7" are one key, and a list has no hash."""
    from roster_platform.records.conversion.text import as_key

    listed = values.to_pylist() if hasattr(values, "to_pylist") else values
    return [
        key if isinstance(key, str) or key is None else as_key(key) for key in listed
    ]
