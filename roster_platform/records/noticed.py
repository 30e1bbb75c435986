"""What is noticed while the tables of a read are built: drift, and which fields came."""

from __future__ import annotations

from collections import Counter

from roster_platform.catalogue import Table, child_table_name
from roster_platform.records.drift import Drift, severity_of


class Noticed:
    """Counts, of one raw table and its children.

    ``fields`` are those that came, by table; ``dropped`` counts the records that were left
    out because a key was missing, ``rows`` those that were not; ``filled`` the values of
    declared fields.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._problems: Counter[tuple[str, str, str]] = Counter()
        self._misfits: Counter[tuple[str, str]] = Counter()
        self._conflicts: Counter[tuple[str, str, str, str]] = Counter()
        self.filled: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.fields: dict[str, set[str]] = {}

    def problem(self, table: str, field: str, problem: str, rows: int = 1) -> None:
        """Count rows in which a field is not as declared."""
        self._problems[table, field, problem] += rows

    def misfits(self, table: str, field: str, rows: int) -> None:
        """Count values that are not of the declared type."""
        self._misfits[table, field] += rows

    def conflict(
        self, table: str, field: str, source: str, rival: str, rows: int
    ) -> None:
        """Count rows in which two names of one field have different values."""
        self._conflicts[table, field, source, rival] += rows

    @property
    def drifts(self) -> list[Drift]:
        """What did not match the declaration so far."""
        columns = {(self._table.name, f): c for f, c in self._table.columns.items()} | {
            (child_table_name(self._table, child), field): column
            for child in self._table.children
            for field, column in child.columns.items()
        }
        return (
            [
                Drift(
                    self._table.name,
                    key,
                    "missing, so the record was left out",
                    n,
                    "error",
                )
                for key, n in self.dropped.items()
            ]
            + [
                Drift(table, field, problem, rows)
                for (table, field, problem), rows in self._problems.items()
            ]
            + [
                Drift(
                    *(table, field),
                    f"it comes as '{source}', which is used, and as '{rival}', which "
                    "differs",
                    rows,
                    severity_of(columns[table, field].required),
                )
                for (table, field, source, rival), rows in self._conflicts.items()
            ]
            + [
                # One odd value among others is a warning; a field without any other is not.
                Drift(
                    *(table, field, f"not a {columns[table, field].data_type}", rows),
                    severity_of(
                        columns[table, field].required
                        and (table, field) not in self.filled
                    ),
                )
                for (table, field), rows in self._misfits.items()
            ]
        )

    @property
    def coverage(self) -> dict[str, dict[str, float]]:
        """The share of the rows so far that has each declared field, by table."""
        declared = {self._table.name: self._table.columns} | {
            child_table_name(self._table, child): child.columns
            for child in self._table.children
        }
        return {
            table: {field: self.filled[table, field] / rows for field in fields}
            for table, fields in declared.items()
            if (rows := self.rows[table])
        }
