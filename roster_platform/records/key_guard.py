"""Records without their key, which cannot be distinguished."""

from __future__ import annotations

from collections.abc import Set

import pyarrow as pa

from roster_platform.catalogue import Table
from roster_platform.errors import DriftError
from roster_platform.records.noticed import Noticed
from roster_platform.records.record_parser import Records

_MOST_NAMED = 10


class KeyGuard:
    """Leaves out the records of a table that have no key, and counts them."""

    def __init__(self, table: Table, handled: Set[str], noticed: Noticed) -> None:
        self._table = table
        self._handled = handled
        self._noticed = noticed
        self._has_keys = False

    def with_keys(self, records: Records) -> Records:
        """The records that have their key; those without are counted.

        Raises DriftError when no record so far had one.
        """
        has_key = [True] * len(records)
        for key in self._table.primary_key:
            values = records.values(key)
            if not isinstance(values, pa.Array):
                if None not in values:
                    continue
                values = [value is not None for value in values]
            elif values.null_count:
                values = values.is_valid().to_pylist()
            else:
                continue
            missing = [
                had and not has for had, has in zip(has_key, values, strict=True)
            ]
            if count := sum(missing):
                self._missed(key, count, records, any(values))
            has_key = [had and has for had, has in zip(has_key, values, strict=True)]
        self._has_keys |= any(has_key)
        return records if all(has_key) else records.filter(has_key)

    def _missed(
        self, key: str, count: int, records: Records, is_elsewhere: bool
    ) -> None:
        if not is_elsewhere and not self._has_keys:
            undeclared = sorted(records.fields() - self._handled)
            came = ", ".join(undeclared[:_MOST_NAMED]) or "none"
            raise DriftError(
                f"{count} records of {self._table.name} came without their key "
                f"'{key}', so they cannot be distinguished; undeclared fields that came "
                f"instead: {came}. Nothing of this read was loaded and the rows loaded "
                "earlier are kept."
            )
        self._noticed.dropped[key] += count
