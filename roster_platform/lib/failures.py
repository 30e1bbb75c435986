"""From the ingest package's errors to Dagster's: what is retried, what a person reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from roster_platform.errors import IngestError, RateLimitError

TEMPORARY_FAILURES = dg.RetryPolicy(
    max_retries=1, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
_RATE_LIMIT_RETRIES = 3


@contextmanager
def readable_failures() -> Iterator[None]:
    """Turn an IngestError into a Dagster failure with the message only.

    A long Retry-After becomes a retry at the time the API asked for; a permanent error
    (credentials, permissions, configuration) is not retried.
    """
    try:
        yield
    except RateLimitError as error:
        raise dg.RetryRequested(
            max_retries=_RATE_LIMIT_RETRIES, seconds_to_wait=error.retry_after
        ) from error
    except IngestError as error:
        raise dg.Failure(str(error), allow_retries=not error.permanent) from None
