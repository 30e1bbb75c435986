"""What is exchanged of dlt is still there, and answers as dlt does."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from dlt.common.configuration import resolve
from dlt.common.configuration.providers import environ
from dlt.common.configuration.specs import GcpServiceAccountCredentials
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.typing import TSecretStrValue, TSecretValue

from roster_platform.settings.dlt_overhead import reduce_overhead


def test_nothing_was_renamed() -> None:
    assert reduce_overhead() == []


@pytest.mark.parametrize(
    "hint",
    [
        *(str, int, Any, dict[str, Any], TSecretValue, TSecretStrValue),
        *(TSecretStrValue | None, str | None),
        *(GcpServiceAccountCredentials, Annotated[str, []], Annotated[str, {}]),
    ],
)
def test_secrets_are_known_by_their_types(hint) -> None:
    reduce_overhead()
    wanted = is_secret_hint(hint)
    for module in (resolve, environ):
        for _ in range(2):
            assert module.is_secret_hint(hint) is wanted
