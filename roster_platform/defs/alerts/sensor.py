"""The alerts sensor: reports failed runs, checks and pages to people."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Literal

import dagster as dg

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import configured_secrets
from roster_platform.lib.alerting.alerts import State, message
from roster_platform.lib.alerting.channels import (
    Channel,
    DeliveryError,
    channels,
    redactor,
)
from roster_platform.lib.partitions import quarantined_pages
from roster_platform.settings.platform import alert_settings

_RUNS_PER_TICK = 50
_Finished = Literal[dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS]
_FINISHED: tuple[_Finished, ...] = (
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
)


@dg.sensor(
    minimum_interval_seconds=60,
    description="Sends what went wrong, and what is resolved, to the configured channels.",
)
def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send what went wrong, and what is resolved, to the configured channels.

    Requests no run; the reason of each tick says what was sent.
    """
    try:
        settings = alert_settings()
        reached = channels(settings)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not reached:
        return dg.SkipReason(
            "No channel is configured: set slack_webhook_url, discord_webhook_url, "
            "webhook_url, email_to or apprise_urls under [roster_platform.alerts]."
        )
    if context.cursor is None:
        # What happened before anybody asked for alerts is not news.
        context.update_cursor(State(read_until=_last_finished(context.instance)).text())
        return dg.SkipReason("Alerts begin with the runs that finish from now on.")
    state = State.parse(context.cursor)
    resting = quarantined_pages(context.instance)
    for record in _finished_since(context.instance, state.read_until):
        run = context.instance.get_run_by_id(record.run_id)
        if run is not None:
            event = record.event_log_entry.get_dagster_event()
            found = state.findings_of(
                context.instance,
                run,
                failed=event.event_type == dg.DagsterEventType.RUN_FAILURE,
                failure=event.message or "failed",
                resting_pages=resting,
            )
            state.owe(reached, found)
        state.read_until = record.storage_id
    state.resting = sorted(resting)
    redact = redactor(configured_secrets())
    outcomes = [
        _deliver(name, channel, state, settings.ui_url, redact)
        for name, channel in reached.items()
        if state.owed(name)
    ]
    context.update_cursor(state.text())
    return dg.SkipReason("; ".join(outcomes) or "Nothing new to report.")


def _last_finished(instance: dg.DagsterInstance) -> int:
    """The storage id of the last run that finished; 0 without any."""
    return max(
        (
            record.storage_id
            for event_type in _FINISHED
            for record in instance.fetch_run_status_changes(event_type, limit=1).records
        ),
        default=0,
    )


def _finished_since(
    instance: dg.DagsterInstance, storage_id: int
) -> Sequence[dg.EventLogRecord]:
    """The next runs that finished, oldest first."""
    records = [
        record
        for event_type in _FINISHED
        for record in instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(event_type, after_storage_id=storage_id),
            limit=_RUNS_PER_TICK,
            ascending=True,
        ).records
    ]
    return sorted(records, key=lambda record: record.storage_id)[:_RUNS_PER_TICK]


def _deliver(
    name: str, channel: Channel, state: State, ui_url: str, redact: Callable[[str], str]
) -> str:
    """Send one channel its pending findings; return what became of them."""
    owed = state.owed(name)
    text = message(owed, lambda run_id: f"{ui_url.rstrip('/')}/runs/{run_id}", redact)
    sent = [replace(finding, reason=redact(finding.reason)) for finding in owed]
    try:
        channel.send(text, {"findings": [asdict(finding) for finding in sent]})
    except DeliveryError as error:
        return f"{error}; {len(owed)} finding(s) wait for the next tick"
    state.pending.pop(name)
    return f"{name} received {len(owed)} finding(s)"
