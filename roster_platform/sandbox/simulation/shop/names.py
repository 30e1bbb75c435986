"""Names of people as addresses and codes have them."""

from __future__ import annotations

from roster_platform.sandbox.simulation import vocabulary as words


def plain_name(name: str) -> str:
    """A name as it stands in addresses and codes."""
    return name.lower().replace("'", "").replace("ë", "e")


PLAIN_FIRST_NAMES = {name: plain_name(name) for name in words.FIRST_NAMES}
