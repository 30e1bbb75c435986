"""The Auto Rosters half: keys, documented errors, the three endpoints' agreement."""

from __future__ import annotations

import pytest

USER_FIELDS = {
    "name",
    "rank",
    "discord_id",
    "discord_username",
    "certifications",
    "subdivisions",
    "promotion_date",
    "promotion_officer",
}


@pytest.fixture(scope="session")
def state(sandbox):
    return sandbox.get("state")


@pytest.fixture
def pages(client, state):
    return [client.ask(f"/api/roster/{page}").body for page in state["page_ids"]]


@pytest.mark.parametrize("rest", ["", "/users", "/123"])
def test_documented_errors(client, state, rest):
    own, foreign = state["page_ids"][0], state["foreign_page_ids"][0]

    def ask(page, **options):
        answer = client.ask(f"/api/roster/{page}{rest}", **options)
        return answer.status, answer.body.get("error") if answer.status != 200 else None

    invalid = (401, "Invalid or missing API key")
    premium = (403, "API access requires premium subscription")
    permission = (403, "You do not have permission to access this roster")
    assert ask(own, key=None) == invalid
    assert ask(own, key="wrong") == invalid
    assert ask(own, key="sandbox-free-key") == premium
    assert ask(own, key="sandbox-other-key") == permission
    assert ask(foreign) == permission
    assert ask("00000000-0000-4000-8000-000000000000") == (
        404,
        "Roster page not found",
    )
    assert ask("%20") == (400, "Missing required parameter")
    expected = (404, "User not found in roster") if rest == "/123" else (200, None)
    assert ask(foreign, key="sandbox-other-key") == expected


@pytest.mark.parametrize("path", ["/api/roster", "/api/roster/", "/api/roster//users"])
def test_a_missing_parameter_is_400(client, path):
    answer = client.ask(path)
    assert answer.status == 400
    assert answer.body == {"error": "Missing required parameter"}


def test_pages_hold_what_the_vendor_documents(pages):
    for page in pages:
        assert set(page) == {
            "page_id",
            "owner_id",
            "custom_title",
            "description",
            "custom_url_path",
            "public_url",
            "ranks",
            "certifications",
            "subdivisions",
        }
        hours = [
            "patrol_hours" in user for rank in page["ranks"] for user in rank["users"]
        ]
        assert all(hours) or not any(hours)
        for rank in page["ranks"]:
            assert set(rank) == {"rank_name", "role_id", "is_command", "users"}
            for user in rank["users"]:
                assert set(user) - {"patrol_hours"} == USER_FIELDS
                assert user["rank"] == rank["rank_name"]
                assert int(user["discord_id"]) > 2**53
    shapes = {type(page["certifications"]) for page in pages}
    assert shapes == {list, dict}
    lists = [
        p["certifications"] for p in pages if isinstance(p["certifications"], list)
    ]
    firsts = {type(section[0]) for section in lists}
    assert firsts == {str, dict}
    assert any(not rank["users"] for page in pages for rank in page["ranks"])
    assert any("patrol_hours" not in page["ranks"][0]["users"][0] for page in pages)


def test_the_flat_list_is_the_page(client, pages):
    for page in pages:
        flat = client.ask(f"/api/roster/{page['page_id']}/users").body
        assert flat == [
            {**user, "is_command": rank["is_command"]}
            for rank in page["ranks"]
            for user in rank["users"]
        ]


def test_a_single_user_is_the_one_of_the_page(client, pages):
    rank = next(rank for rank in reversed(pages[0]["ranks"]) if rank["users"])
    user = rank["users"][-1]
    path = f"/api/roster/{pages[0]['page_id']}/{user['discord_id']}"
    assert client.ask(path).body["discord_id"] == user["discord_id"]
    assert set(client.ask(path).body) == set(user)


def test_some_people_are_known_to_both_systems(client, sandbox, pages):
    contacts = {contact["id"]: contact for contact in client.read_all("contacts")}
    people = sandbox.get("oracle/people")
    assert people
    users = {u["discord_id"]: u for p in pages for r in p["ranks"] for u in r["users"]}
    matched = [
        (contacts[one["contact_id"]]["discordHandle"], users[one["discord_id"]])
        for one in people
        if one["discord_id"] in users
    ]
    assert all(h.lower() == u["discord_username"] for h, u in matched)
    assert any(h != u["discord_username"] for h, u in matched)


def test_the_oracle_knows_the_current_members(sandbox, pages):
    known = {page["page_id"]: page for page in sandbox.get("oracle/pages")}
    for page in pages:
        shown = {u["discord_id"] for rank in page["ranks"] for u in rank["users"]}
        assert shown == {m["discord_id"] for m in known[page["page_id"]]["members"]}
        assert len(shown) == known[page["page_id"]]["member_count"]
