"""Conditions and sums that queries have in common."""

PROGRAM = "($program_key is null or program_key = $program_key)"
PAGE = "($page_key is null or page_key = $page_key)"
SINCE = "($since is null or date_day >= $since)"
CURRENCY = "currency is not distinct from $currency"


def total(*columns: str) -> str:
    """The sum of some columns: 0 without rows, NULL when nothing of it is known."""
    summed = " + ".join(f"coalesce({column}, 0)" for column in columns)
    known = f"coalesce({', '.join(columns)}) is not null"
    return (
        f"case when count(*) = 0 then 0 else sum({summed}) filter (where {known}) end"
    )
