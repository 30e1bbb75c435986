"""Whatever bytes come for an answer, the client ends in pages or in an error of ours."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster_platform.errors import IngestError
from roster_platform.ingest.http.client import ApiClient
from roster_platform.ingest.paging.declared import Paging
from roster_platform.ingest.paging.page import Page
from roster_platform.ingest.settings import ClientSettings
from tests.faults.rude_server import Asked, Raw, response, rude_server

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "data",
                        "pagination",
                        "totalCount",
                        "totalPages",
                        "pageSize",
                        "next",
                    ),
                    *("hasMore", "nextPageToken", "nextUrl", "id", "error", "message"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
envelopes = st.builds(
    lambda records, rest: {**rest, "data": records},
    st.lists(
        st.dictionaries(st.text(max_size=4), st.integers(), max_size=2), max_size=3
    ),
    st.dictionaries(
        st.sampled_from(["totalCount", "totalPages", "pageSize", "page", "hasMore"]),
        st.integers(-3, 40) | st.booleans() | st.floats() | st.text(max_size=3),
        max_size=3,
    ),
)
bodies = st.one_of(
    st.binary(max_size=200),
    documents.map(lambda value: json.dumps(value).encode()),
    envelopes.map(lambda value: json.dumps(value).encode()),
)
header_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=126), max_size=20
) | st.sampled_from(
    ["gzip", "br", "deflate", "0", "-1", "nan", "inf", "1e309", "chunked", "identity"]
)
answers = st.builds(
    lambda body, status, headers, squeeze: response(
        gzip.compress(body) if squeeze else body, status, **headers
    ),
    bodies,
    st.sampled_from(
        [
            *("200 OK", "201 Made", "204 Nothing", "206 Part", "299 Odd", "301 Moved"),
            *("304 Same", "400 Bad", "401 No", "404 None", "418 Tea", "429 Slow"),
            *("500 Oops", "503 Later", "599 Odd", "999 Beyond", "000 Nothing"),
        ]
    ),
    st.dictionaries(
        st.sampled_from(
            ["Content_Encoding", "Retry_After", "Date", "Location", "Content_Type", "X"]
        ),
        header_values,
        max_size=2,
    ),
    st.booleans(),
) | st.binary(max_size=100)


def read(client: ClientSettings, paging: Paging) -> list[Page] | IngestError:
    with ApiClient("Test API", client, {}, "a-token", {}) as made:
        try:
            return list(made.pages("things", {}, paging))
        except IngestError as error:
            return error


@pytest.mark.parametrize("first_is_good", [False, True])
def test_any_answer_is_pages_or_a_named_error(first_is_good, tries, request) -> None:
    tried = tries("Any answer")
    good = {"data": [{"id": n} for n in range(5)], "totalPages": 3}

    @settings(
        max_examples=500 if request.config.getoption("--long") else 60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(answers)
    def check(answer: bytes) -> None:
        tried()
        left = [good] if first_is_good else []
        with rude_server(lambda asked: left.pop() if left else Raw(answer)) as api:
            client = ClientSettings(
                base_url=api.url, max_attempts=1, max_wait_seconds=0, timeout_seconds=2
            )
            paging = Paging(data_selector="data", page_size=5, max_pages=50)
            outcome = read(client, paging)
            assert isinstance(outcome, list) or "Test API" in str(outcome)
            assert len(api.asked) < 110

    check()


def test_any_answers_between_good_ones_end_in_pages_or_a_named_error(
    tries, request
) -> None:
    """Some answers are anything; whoever asks again gets the page, as it is."""
    tried = tries("Any answer")

    @settings(
        max_examples=200 if request.config.getoption("--long") else 15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.dictionaries(st.integers(0, 7), answers, min_size=1, max_size=3))
    def check(broken: dict[int, bytes]) -> None:
        tried(len(broken))
        left = dict(broken)

        def answer(asked: Asked) -> Any:
            if (bad := left.pop(len(api.asked) - 1, None)) is not None:
                return Raw(bad)
            page = int(asked.query["page"])
            return {
                "data": [{"id": 5 * page + n} for n in range(5)] if page < 5 else [],
                "totalPages": 4,
            }

        with rude_server(answer) as api:
            client = ClientSettings(
                base_url=api.url,
                max_attempts=4,
                max_wait_seconds=0,
                timeout_seconds=2,
                concurrency=1,
            )
            paging = Paging(data_selector="data", page_size=5, max_pages=50)
            outcome = read(client, paging)
            assert len(api.asked) < 110
        if not isinstance(outcome, list):
            assert "Test API" in str(outcome)

    check()
