"""The weekly digest: a job that sends it, and its schedule."""

import dagster as dg

from roster_platform.errors import ConfigurationError
from roster_platform.lib.failures import readable_failures
from roster_platform.lib.schedules.configured import schedule_of

_TRIES = dg.RetryPolicy(max_retries=3, delay=300)


@dg.op(retry_policy=_TRIES)
def send_weekly_digest(context: dg.OpExecutionContext) -> None:
    """Send the digest of the last full week to each configured channel, nothing twice."""
    from roster_platform.dashboard.published import NothingPublishedError
    from roster_platform.digest.send import send

    try:
        with readable_failures():
            week, deliveries = send()
    except NothingPublishedError as nothing:
        raise dg.Failure(str(nothing), allow_retries=False) from None
    sentences = [str(delivery) for delivery in deliveries]
    for sentence in sentences:
        context.log.info("%s", sentence)
    context.add_output_metadata({"week": str(week), "channels": sentences})
    failed = [delivery for delivery in deliveries if not delivery.is_done]
    if failed:
        raise dg.Failure(
            " ".join(map(str, failed)),
            metadata={"week": str(week)},
            # What may have arrived is for a person to look at.
            allow_retries=any(delivery.waiting for delivery in failed),
        )


@dg.job(
    description="Send what changed in each program and on each roster page in a week.",
)
def digest() -> None:
    send_weekly_digest()


def _off(_: dg.DagsterInstance) -> str | None:
    """Why there is nothing to send, if that is so."""
    from roster_platform.digest.send import NOT_CONFIGURED, is_configured

    try:
        return None if is_configured() else NOT_CONFIGURED
    except ConfigurationError as error:
        return str(error)


digest_schedule = schedule_of("digest_schedule", digest, needless=_off)
