"""The timestamp of a read is always later than the one before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roster_platform.ingest.reading.clock import observed_at

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("date", "last", "expected"),
    [
        (NOW, None, NOW),
        (NOW - DAY, None, NOW - DAY),
        (NOW, NOW - DAY, NOW),
        (NOW, NOW, NOW + TICK),
        (NOW - DAY, NOW, NOW + TICK),
        (NOW, NOW + DAY, NOW + DAY + TICK),
        (NOW + timedelta(minutes=10), None, NOW + timedelta(minutes=10)),
    ],
)
def test_a_read_is_later_than_the_one_before(
    date: datetime, last: datetime | None, expected: datetime
) -> None:
    assert observed_at(date, NOW, last, 600) == (expected, None)


@pytest.mark.parametrize(
    ("last", "expected"), [(None, NOW), (NOW - DAY, NOW), (NOW + DAY, NOW + DAY + TICK)]
)
def test_a_date_too_far_ahead_is_replaced_by_our_own_clock(
    last: datetime | None, expected: datetime
) -> None:
    timestamp, finding = observed_at(NOW + DAY, NOW, last, 600)
    assert timestamp == expected
    assert finding is not None
    assert "86,400 seconds ahead" in finding
    assert "clock_tolerance_seconds" in finding
