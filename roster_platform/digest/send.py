"""Preview and send the digest of the last full week."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from roster_platform.dashboard.published import PublishedFile
from roster_platform.digest.numbers import Digest, Subject, digest_of, last_full_week
from roster_platform.digest.outbox import Outbox, Part
from roster_platform.digest.text import digest_text
from roster_platform.errors import ConfigurationError
from roster_platform.ingest.settings import configured_secrets
from roster_platform.lib.alerting.channels import (
    Channel,
    DeliveryError,
    channels,
    redactor,
)
from roster_platform.settings.platform import (
    DigestSettings,
    digest_settings,
    platform_settings,
)

NOT_CONFIGURED = (
    "The weekly digest is off, because no channel is configured for it: set "
    "slack_webhook_url, discord_webhook_url, webhook_url, email_to or apprise_urls under "
    "[roster_platform.digest] in .dlt/secrets.toml."
)
_LONGEST_WAIT_SECONDS = 60.0
_MOST_TRIES = 5


@dataclass(frozen=True)
class Delivery:
    """What became of one week's digest on one channel."""

    channel: str
    sent: int = 0
    """Messages that the channel confirmed now."""
    already_sent: int = 0
    in_doubt: int = 0
    """Messages that may have arrived, and are not sent again by themselves."""
    waiting: int = 0
    problem: str = ""

    @property
    def is_done(self) -> bool:
        """True when every message is known to have arrived."""
        return not self.in_doubt and not self.waiting

    def __str__(self) -> str:
        """What happened, and what to do, in one paragraph."""
        if self.is_done:
            if self.sent:
                return f"{self.channel}: sent {_messages(self.sent)}."
            return f"{self.channel}: sent before, so not sent again."
        parts = [f"{self.channel}: {self.problem}" if self.problem else self.channel]
        if self.waiting:
            parts.append(f"{_messages(self.waiting)} not sent; run the digest again.")
        if self.in_doubt:
            parts.append(
                f"{_messages(self.in_doubt)} may or may not have arrived, because the "
                "sending was interrupted. Look in the channel; if the digest is not "
                "there, run `roster-platform digest --send --again`."
            )
        return ". ".join(part.rstrip(".") for part in parts) + "."


@dataclass(frozen=True)
class Prepared:
    """The digest of the week from ``monday`` on, as text and as data for programs."""

    monday: date
    text: str
    data: Mapping[str, Any]


def is_configured() -> bool:
    """Whether the digest has a channel. Raises ConfigurationError."""
    return bool(channels(digest_settings()))


def prepare() -> Prepared:
    """Compose the digest of the last full week.

    Raises NothingPublishedError and ConfigurationError.
    """
    settings = digest_settings()
    published = PublishedFile(platform_settings().data_path / "published")
    digest = digest_of(published, last_full_week(published.last_day()))
    digest = _chosen(digest, settings)
    if not settings.names:
        digest = _without_names(digest)
    redact = redactor(configured_secrets())
    return Prepared(
        digest.monday,
        redact(digest_text(digest, names=settings.names)),
        {"digest": _json(asdict(digest), redact)},
    )


def send(*, again: bool = False) -> tuple[date, list[Delivery]]:
    """Send the digest of the last full week to each channel, nothing twice.

    Returns the Monday of the week and what became of it. ``again`` sends once more what
    may not have arrived. Raises ConfigurationError, NothingPublishedError, IngestError.
    """
    reached = channels(digest_settings())
    if not reached:
        raise ConfigurationError(NOT_CONFIGURED)
    folder = platform_settings().data_path / "digest"
    with Outbox.open(folder) as outbox:
        prepared = prepare()
        week = prepared.monday
        return week, [
            _deliver(channel, outbox, prepared, week, again=again)
            for channel in reached.values()
        ]


def _deliver(
    channel: Channel, outbox: Outbox, prepared: Prepared, week: date, *, again: bool
) -> Delivery:
    recipient = channel.recipient
    outbox.write(week, recipient, channel.parts(prepared.text))
    already = len(outbox.parts(week, recipient, "sent"))
    if again:
        for part in outbox.parts(week, recipient, "sending"):
            outbox.mark(part, "waiting")
    sent, problem = 0, ""
    for part in outbox.parts(week, recipient, "waiting"):
        problem = _send_part(channel, outbox, part, prepared.data)
        if problem:
            break
        sent += 1
    return Delivery(
        channel.name,
        sent,
        already,
        len(outbox.parts(week, recipient, "sending")),
        len(outbox.parts(week, recipient, "waiting")),
        problem,
    )


def _send_part(
    channel: Channel, outbox: Outbox, part: Part, data: Mapping[str, Any]
) -> str:
    """Send one part; returns why it did not arrive, or nothing."""
    for attempt in range(1, _MOST_TRIES + 1):
        outbox.mark(part, "sending")
        try:
            channel.deliver(part.text or "", data)
        except DeliveryError as error:
            if error.may_have_arrived:
                return str(error)
            outbox.mark(part, "waiting")
            wait = error.retry_after
            if wait is None or wait > _LONGEST_WAIT_SECONDS or attempt == _MOST_TRIES:
                return str(error)
            time.sleep(wait)
        else:
            outbox.mark(part, "sent")
            return ""
    return ""


def _chosen(digest: Digest, settings: DigestSettings) -> Digest:
    """The digest of the configured programs and pages. Raises ConfigurationError."""
    return replace(
        digest,
        programs=_named(digest.programs, settings.programs, "programs"),
        pages=_named(digest.pages, settings.pages, "pages"),
    )


def _named(
    subjects: Sequence[Subject], wanted: Sequence[str] | None, setting: str
) -> Sequence[Subject]:
    if wanted is None:
        return subjects
    known = {subject.name for subject in subjects}
    known |= {subject.source_id for subject in subjects}
    if missing := [name for name in wanted if name not in known]:
        raise ConfigurationError(
            f"{setting} under [roster_platform.digest] names {missing[0]!r}, which is not "
            f"one of the published {setting}. Write a name or an id, such as "
            f"{', '.join(repr(subject.name) for subject in subjects[:3]) or 'none yet'}."
        )
    return [s for s in subjects if s.name in wanted or s.source_id in wanted]


def _without_names(digest: Digest) -> Digest:
    def bare(subject: Subject) -> Subject:
        return replace(subject, people={}, top={})

    return replace(
        digest,
        programs=[bare(subject) for subject in digest.programs],
        pages=[bare(subject) for subject in digest.pages],
    )


def _json(value: Any, redact: Callable[[str], str]) -> Any:
    """A value as JSON has it, without secrets; amounts are text, so none is rounded."""
    if isinstance(value, Mapping):
        return {redact(name): _json(below, redact) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [_json(below, redact) for below in value]
    if isinstance(value, date | Decimal | str):
        return redact(str(value))
    return value


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
