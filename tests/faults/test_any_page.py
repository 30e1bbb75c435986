"""Whatever a roster page says: whoever can be read is there, and the rest is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster_platform import documents
from roster_platform.errors import IngestError
from roster_platform.ingest.autorosters.flattening.flat import Flat
from roster_platform.ingest.autorosters.flattening.page import flatten_page
from roster_platform.ingest.autorosters.flattening.user_list import flatten_list
from roster_platform.ingest.autorosters.objects import PageNames
from roster_platform.ingest.mappings import source_mapping

PAGE = "6f1c2a9e-0000-4000-8000-000000000001"
_SNOWFLAKES = st.integers(10**17, 2**63 - 1)

odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.lists(st.text(max_size=5), max_size=3) | odd
ids = _SNOWFLAKES.map(str) | _SNOWFLAKES
users = (
    st.fixed_dictionaries(
        {"discord_id": ids},
        optional={
            "name": odd,
            "certifications": names,
            "subdivisions": names,
            "patrol_hours": odd,
        },
    )
    | st.fixed_dictionaries({}, optional={"discord_id": odd, "name": odd})
    | odd
)
ranks = (
    st.fixed_dictionaries(
        {"role_id": ids, "rank_name": st.text(max_size=6)},
        optional={
            "users": st.lists(users, max_size=4) | odd,
            "is_command": odd,
        },
    )
    | st.fixed_dictionaries(
        {}, optional={"role_id": odd, "rank_name": odd, "users": st.lists(users)}
    )
    | odd
)
pages = (
    st.fixed_dictionaries(
        {"ranks": st.lists(ranks, max_size=4) | odd},
        optional={"page_id": st.just(PAGE) | odd, "custom_title": odd, "extra": odd},
    )
    | odd
)


def is_id(value: Any) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or type(value) is int


def readable(users: Any) -> set[str]:
    """Who stands in a list of users in the documented form."""
    return {
        str(user["discord_id"]).strip()
        for user in (users if isinstance(users, list) else [])
        if isinstance(user, dict) and is_id(user.get("discord_id"))
    }


def as_sent(value: Any) -> Any:
    """A value as the client reads it from the wire."""
    return documents.loads(json.dumps(value).encode())


def outcome(flatten: Callable[..., Flat], *arguments: Any) -> Flat | IngestError:
    try:
        return flatten(PAGE, *arguments)
    except IngestError as error:
        return error


@pytest.fixture(scope="module")
def examples(is_long: bool) -> int:
    return 500 if is_long else 60


def quietly(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def read_as() -> PageNames:
    return PageNames(source_mapping("autorosters"))


def test_any_page_is_its_members_or_a_named_error(tries, examples, read_as) -> None:
    tried = tries("Any page")

    @quietly(examples)
    @given(pages)
    def check(said: Any) -> None:
        tried()
        try:
            page = as_sent(said)
        except ValueError:
            return  # NaN and its like, which the client refuses
        flat = outcome(flatten_page, page, read_as, dict)
        if isinstance(flat, IngestError):
            assert PAGE in str(flat)
            return
        listed = page["ranks"] if isinstance(page["ranks"], list) else []
        expected = {
            (str(rank["role_id"]).strip(), member)
            for rank in listed
            if isinstance(rank, dict) and is_id(rank.get("role_id"))
            for member in readable(rank.get("users"))
        }
        found = {(user["role_id"], user["discord_id"]) for user in flat.rows["users"]}
        assert found >= expected
        assert len(found) == len(flat.rows["users"])
        text = json.dumps(page, ensure_ascii=False)
        # Nobody is invented: each id was sent.
        assert all(json.dumps(m, ensure_ascii=False)[1:-1] in text for _, m in found)
        unreadable = [rank for rank in listed if rank and not isinstance(rank, dict)]
        assert not unreadable or (flat.unread_people and flat.findings)

    check()


def test_any_list_is_its_members_or_a_named_error(tries, examples, read_as) -> None:
    tried = tries("Any page")

    @quietly(examples)
    @given(st.lists(users, max_size=5) | odd)
    def check(said: Any) -> None:
        tried()
        try:
            listed = as_sent(said)
        except ValueError:
            return
        flat = outcome(flatten_list, listed, read_as)
        if isinstance(flat, IngestError):
            assert PAGE in str(flat)
            return
        found = {user["discord_id"] for user in flat.rows["page_users"]}
        assert found >= readable(listed)
        odd_ones = [
            user
            for user in (listed if isinstance(listed, list) else [])
            if not (isinstance(user, dict) and is_id(user.get("discord_id")))
        ]
        assert not odd_ones or flat.findings

    check()
