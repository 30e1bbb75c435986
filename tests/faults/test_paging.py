"""Paging that misleads: every read ends, and is complete or says that it is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from roster_platform import errors
from tests.faults.platform import LocalPlatform
from tests.faults.rude_server import Asked, rude_server

SIZE = 10
IDS = [f"post-{number:03}" for number in range(95)]
MOST_REQUESTS = 400


def page_of(asked: Asked, ids: list[str], size: int = SIZE) -> list[dict[str, str]]:
    start = (int(asked.query.get("page", 1)) - 1) * size
    return [{"id": name} for name in ids[start : start + size]]


def cursor_of(asked: Asked) -> int:
    return int(asked.query.get("pageToken", 0))


def by_cursor(asked: Asked, empty: range = range(0)) -> dict[str, Any]:
    """Pages of ten by cursor; the cursors in ``empty`` lead to nothing but a next one."""
    at = cursor_of(asked)
    ids = [] if at in empty else IDS[(at - len([e for e in empty if e < at])) * SIZE :]
    more = len(ids) > SIZE or at in empty
    return {
        "result": [{"id": name} for name in ids[:SIZE]],
        "nextPageToken": str(at + 1) if more else None,
    }


def without_fourth_page(asked: Asked) -> list[dict[str, str]]:
    """Ten empty pages stand where the fourth was."""
    number = int(asked.query["page"])
    if 4 <= number < 14:
        return []
    return page_of(asked, IDS[:30] + [""] * 100 + IDS[30:])


COMPLETE: dict[str, Callable[[Asked], Any]] = {
    "a short page in the middle, nothing announced": lambda asked: {
        "result": page_of(asked, IDS[:30])[:4]
        if asked.query["page"] == "3"
        else page_of(asked, IDS[:24] + ["x"] * 6 + IDS[24:])
    },
    "empty pages in the middle, more is said to come": lambda asked: {
        "result": without_fourth_page(asked),
        "hasMore": int(asked.query["page"]) < 20,
    },
    "empty pages in the middle of announced ones": lambda asked: {
        "result": without_fourth_page(asked),
        "totalPages": 20,
    },
    "empty pages between cursors": lambda asked: by_cursor(asked, range(3, 13)),
    "the last page again and again": lambda asked: {
        "result": page_of(asked, IDS)
        or page_of(Asked(asked.path, {"page": "10"}, {}), IDS)
    },
    "smaller pages than asked for": lambda asked: {
        "result": page_of(asked, IDS, 5),
        "totalCount": len(IDS),
    },
    "more pages announced than there are": lambda asked: {
        "result": page_of(asked, IDS),
        "totalPages": 40,
    },
    "fewer pages announced than there are": lambda asked: {
        "result": page_of(asked, IDS),
        "totalPages": 2,
    },
    "a total of zero": lambda asked: {"result": page_of(asked, IDS), "totalCount": 0},
}

TOLD: dict[str, Callable[[Asked], Any]] = {
    "no paging at all": lambda asked: {"result": [{"id": name} for name in IDS]},
    "page is ignored": lambda asked: {"result": [{"id": i} for i in IDS[:SIZE]]},
    "page is ignored, pages announced": lambda asked: {
        "result": [{"id": i} for i in IDS[:SIZE]],
        "totalPages": 10,
    },
    "two pages take turns": lambda asked: {
        "result": page_of(asked, IDS[:20] * 500),
    },
    "one cursor for ever": lambda asked: {
        "result": [{"id": asked.headers["host"] + str(asked.at)}],
        "nextPageToken": "again",
    },
    "new cursors for ever, nothing on them": lambda asked: {
        "result": [],
        "nextPageToken": str(cursor_of(asked) + 1),
    },
    "nothing for ever, more is said to come": lambda asked: {
        "result": [],
        "hasMore": True,
    },
    "new records for ever": lambda asked: {
        "result": [{"id": f"{asked.at}-{n}"} for n in range(SIZE)],
        "hasMore": True,
    },
    "another host": lambda asked: {"result": page_of(asked, IDS), "next": "//evil/x"},
    "another port": lambda asked: {
        "result": page_of(asked, IDS),
        "next": "http://127.0.0.1:1/v2",
    },
    "another scheme": lambda asked: {
        "result": page_of(asked, IDS),
        "next": "https://127.0.0.1/v2",
    },
    "a user in the link": lambda asked: {
        "result": page_of(asked, IDS),
        "next": f"http://evil@{asked.headers['host']}/v2",
    },
    "a billion pages announced": lambda asked: {
        "result": page_of(asked, IDS),
        "totalPages": 10**9,
    },
    "a total that is never reached": lambda asked: {
        "result": page_of(asked, IDS),
        "totalCount": len(IDS) + 1,
    },
    "a total that shrinks with each page": lambda asked: {
        "result": page_of(asked, IDS),
        "totalCount": len(IDS) - int(asked.query["page"]),
    },
}


def living(platform: LocalPlatform) -> list[str]:
    sql = "select id from roster_data.posts where not is_deleted order by id"
    return [name for (name,) in platform.query(sql)]


def load(platform: LocalPlatform, url: str, **options: Any) -> Any:
    settings = {"page_size": SIZE, "max_pages": 200, "max_attempts": 1}
    platform.reads(url, concurrency=1, **settings)
    return platform.load("posts", **options)


@pytest.mark.parametrize("paging", COMPLETE)
def test_odd_paging_is_read_to_its_end(paging, platform, tries) -> None:
    tries("Odd paging")()
    with rude_server(COMPLETE[paging]) as api:
        report = load(platform, api.url)
        assert len(api.asked) < MOST_REQUESTS
    assert report.warnings == []
    assert set(living(platform)) >= set(IDS)


@pytest.mark.parametrize("paging", TOLD)
def test_paging_that_cannot_be_trusted_is_told(paging, platform, tries) -> None:
    tries("Odd paging")()
    with rude_server(lambda asked: {"result": page_of(asked, IDS)}) as api:
        load(platform, api.url)
    with rude_server(TOLD[paging]) as api:
        try:
            told = load(platform, api.url, full_read=True).warnings
        except errors.PagingError as error:
            told = [str(error)]
        assert len(api.asked) < MOST_REQUESTS
    assert told
    assert living(platform) == IDS


class Shelf:
    """A list that changes at some moments while it is read, page by page."""

    def __init__(self, seed: int) -> None:
        moments = random.Random(seed)
        self.ids = list(IDS)
        self.lived = set(IDS)
        self.asked = 0
        # One change to a moment: two that cancel out leave no trace in the total.
        self._changes = {
            moments.randrange(2, 10): moments.choice(["insert", "delete"])
            for _ in range(moments.randrange(1, 4))
        }
        self._moments = moments

    def __call__(self, asked: Asked) -> Any:
        self.asked += 1
        for _ in range(self._moments.randrange(1, 4)):
            match self._changes.get(self.asked):
                case "insert":
                    name = f"new-{self.asked}-{self._moments.random()}"
                    self.ids.insert(self._moments.randrange(len(self.ids)), name)
                case "delete":
                    gone = self.ids.pop(self._moments.randrange(len(self.ids)))
                    self.lived.discard(gone)
        return {"result": page_of(asked, self.ids), "totalCount": len(self.ids)}


def test_a_list_that_changes_while_it_is_read_loses_nothing(
    platform, tries, scale
) -> None:
    tried = tries("Odd paging")
    for seed in range(5 * scale):
        tried()
        with rude_server(Shelf(seed)) as api:
            report = load(platform, api.url, full_read=True, confirm_drops=True)
            shelf = api.handler
        found = set(living(platform))
        assert shelf.lived <= found or report.warnings, seed
        # The next undisturbed read agrees with the list.
        with rude_server(
            lambda asked, ids=shelf.ids: {
                "result": page_of(asked, ids),
                "totalCount": len(ids),
            }
        ) as api:
            load(platform, api.url, full_read=True, confirm_drops=True)
        assert set(living(platform)) == set(shelf.ids), seed
