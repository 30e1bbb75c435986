"""How timestamps are counted, and how no date is written."""

from __future__ import annotations

NO_DATE = "0001-01-01"
"""How .NET writes that there is no date (``default(DateTime)``)."""
FIRST_SECOND, LAST_SECOND = 631_152_000, 4_102_444_800
"""1990 to 2100: numbers in this range count seconds, those 1000 times as large count
milliseconds, and any other number is not a timestamp."""
