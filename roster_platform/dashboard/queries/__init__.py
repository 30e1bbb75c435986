"""What the dashboard and the report ask of the published file: plain SQL over the marts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from roster_platform.dashboard.published import (
    NothingPublishedError,
    PublishedFile,
    Rows,
    parameters,
)
from roster_platform.dashboard.queries import (
    campaigns,
    people,
    platform,
    programs,
    rosters,
)

__all__ = ["QUESTIONS", "Filters", "NothingPublishedError", "Published", "Rows"]

QUESTIONS: Mapping[str, str] = {
    **programs.QUESTIONS,
    **campaigns.QUESTIONS,
    **rosters.QUESTIONS,
    **platform.QUESTIONS,
}
_WITH_CURRENCY = ("fct_orders", "rpt_program_daily", "rpt_program_roi")
_BY_MONTH = "month_start_day >="


@dataclass(frozen=True)
class Filters:
    """What is shown: one program or page, or all; one currency; from a day on."""

    currency: str | None = None
    program_key: str | None = None
    page_key: str | None = None
    since: date | None = None

    def ignored_by(self, question: str) -> frozenset[str]:
        """The filters in use that do not hold for the answer to a question."""
        sql = QUESTIONS[question]
        names = {
            "since": "period",
            "program_key": "program",
            "page_key": "page",
            # Amounts are the only numbers that have one.
            **({"currency": "currency"} if _has_currency(sql) else {}),
        }
        unused = names.keys() - parameters(sql)
        return frozenset(names[name] for name in unused if getattr(self, name))

    def widened_by(self, question: str) -> bool:
        """Whether the answer to a question is about whole months of the period."""
        return bool(self.since) and _BY_MONTH in QUESTIONS[question]


def _has_currency(sql: str) -> bool:
    return any(table in sql for table in _WITH_CURRENCY)


class Published(PublishedFile):
    """The published file, asked by name."""

    def ask(self, question: str, filters: Filters | None = None) -> Rows:
        """The answer to one of QUESTIONS. Raises NothingPublishedError."""
        return self.query(QUESTIONS[question], asdict(filters or Filters()))

    def about(self, question: str, **values: Any) -> Rows:
        """The answer to one of the questions about a member or a page."""
        return self.query(people.QUESTIONS[question], values)

    def default_filters(self, days: int | None = 90) -> Filters:
        """Every program and page, the most used currency, the last days known."""
        last_day = self.last_day()
        ((currency,),) = [tuple(row.values()) for row in self.ask("most_used_currency")]
        filters = Filters(currency=currency)
        return (
            replace(filters, since=last_day - timedelta(days=days)) if days else filters
        )
