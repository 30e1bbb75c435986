"""Where messages go: Slack, Discord, any webhook, e-mail, and what Apprise knows.

Each channel is off until it is configured. Alerts and the digest use the same channels,
with settings of their own.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from roster_platform.errors import ConfigurationError
from roster_platform.settings.platform import ChannelSettings

_TIMEOUT_SECONDS = 10.0
_TOO_MANY, _UNAVAILABLE = 429, 503
# Discord refuses a longer message; Slack cuts one and advises to stay below the second.
_LONGEST_DISCORD = 2000
_LONGEST_SLACK, _LONGEST_SLACK_PART = 40_000, 4000
_ROOM_FOR_PLACE = 16
# A zero-width space: "@everyone" stays readable, and mentions nobody.
_NO_MENTION = "@\u200b"
_URL = re.compile(r"(https?://\S+)")
_MARKDOWN = re.compile(r"([\\*_~`|<>\[\]#])")
_E_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


class DeliveryError(Exception):
    """A channel did not confirm a message. Its text holds no secret.

    ``may_have_arrived`` is true where the connection ended before an answer came, so that
    nobody knows; ``retry_after`` is how many seconds the channel asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        may_have_arrived: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        self.retry_after = retry_after


@dataclass(frozen=True)
class Channel:
    """One place that takes messages.

    ``deliver`` sends a text that ``formed`` or ``parts`` has prepared, with data for
    programs; it raises DeliveryError. Characters are counted in UTF-16, as Discord does.
    """

    name: str
    address: str
    """Where messages go: a secret, by which recipients are distinguished."""
    deliver: Callable[[str, Mapping[str, Any]], None]
    escaped: Callable[[str], str] = str
    longest: int | None = None
    longest_part: int | None = None

    @property
    def recipient(self) -> str:
        """The channel and a fingerprint of its address."""
        digest = hashlib.sha256(self.address.encode()).hexdigest()
        return f"{self.name} {digest[:12]}"

    def send(self, text: str, data: Mapping[str, Any]) -> None:
        """Send a text as one message, cut to what the channel takes."""
        formed = self.escaped(text)
        if self.longest:
            formed = _head(formed, self.longest)
        self.deliver(formed, data)

    def parts(self, text: str) -> list[str]:
        """The text as the messages it needs, divided between lines."""
        longest = self.longest_part or self.longest
        formed = self.escaped(text)
        if not longest or _length(formed) <= longest:
            return [formed]
        parts = list(_divided(formed, longest - _ROOM_FOR_PLACE))
        return [f"({n}/{len(parts)})\n{part}" for n, part in enumerate(parts, 1)]


def channels(settings: ChannelSettings) -> Mapping[str, Channel]:
    """The configured channels by name. Raises ConfigurationError."""
    found: list[Channel] = []
    if url := settings.slack_webhook_url:
        found.append(
            Channel(
                "slack",
                url,
                lambda text, _: _post("slack", url, {"text": text}),
                # What an API wrote, such as a page's title, must not mention anybody.
                lambda text: escape(text, quote=False),
                _LONGEST_SLACK,
                _LONGEST_SLACK_PART,
            )
        )
    if discord_url := settings.discord_webhook_url:
        found.append(
            Channel(
                "discord",
                discord_url,
                lambda text, _: _post(
                    "discord",
                    discord_url,
                    {"content": text, "allowed_mentions": {"parse": []}},
                ),
                _without_markdown,
                _LONGEST_DISCORD,
            )
        )
    if webhook_url := settings.webhook_url:
        found.append(
            Channel(
                "webhook",
                webhook_url,
                lambda text, data: _post(
                    "webhook", webhook_url, {"text": text, **data}
                ),
            )
        )
    if settings.email_to:
        found.append(
            Channel("email", settings.email_to, lambda text, _: _mail(settings, text))
        )
    found += _apprise(settings)
    return {channel.name: channel for channel in found}


def redactor(secrets: Sequence[str]) -> Callable[[str], str]:
    """A function that takes secrets and e-mail addresses out of a text."""
    hidden = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def redact(text: str) -> str:
        for secret in hidden:
            text = text.replace(secret, "***")
        return _E_MAIL.sub("***@***", text)

    return redact


def _apprise(settings: ChannelSettings) -> Iterator[Channel]:
    urls = re.split(r"[\s,]+", str(settings.apprise_urls or "").strip())
    if urls == [""]:
        return
    try:
        import apprise
    except ImportError:
        raise ConfigurationError(
            "apprise_urls is set, and the package apprise is not installed. Install it "
            "with `.venv/bin/uv pip install --python .venv/bin/python -c constraints.txt "
            '-e ".[apprise]"`.'
        ) from None
    for place, url in enumerate(urls, 1):
        name = f"apprise {place}"
        target = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if target is None:
            raise ConfigurationError(
                f"Address {place} of apprise_urls cannot be read. See "
                "https://github.com/caronc/apprise/wiki for what each service needs."
            )
        yield Channel(
            name,
            url,
            lambda text, _, name=name, target=target: _notify(name, target, text),  # type: ignore[misc]
            lambda text: text.replace("@", _NO_MENTION),
            target.body_maxlen,
        )


def _notify(name: str, target: Any, text: str) -> None:
    if not target.notify(body=text, body_format="text"):
        # Apprise does not say why, so nobody knows how far the message came.
        raise DeliveryError(
            f"{name} did not confirm the message", may_have_arrived=True
        )


def _post(channel: str, url: str, body: object) -> None:
    try:
        answer = httpx.post(str(url), json=body, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The address is a secret: its path is what lets anybody post.
        never_left = isinstance(
            error,
            httpx.ConnectError
            | httpx.ConnectTimeout
            | httpx.InvalidURL
            | httpx.UnsupportedProtocol,
        )
        raise DeliveryError(
            f"{channel} is not reached ({type(error).__name__})",
            may_have_arrived=not never_left,
        ) from None
    if not answer.is_success:
        status = answer.status_code
        raise DeliveryError(
            f"{channel} answered with status {status}",
            may_have_arrived=answer.is_server_error and status != _UNAVAILABLE,
            retry_after=_seconds(answer) if status == _TOO_MANY else None,
        )


def _seconds(answer: httpx.Response) -> float:
    try:
        return max(float(answer.headers.get("Retry-After", "1")), 0.0)
    except ValueError:
        return 1.0


def _mail(settings: ChannelSettings, text: str) -> None:
    address = urlsplit(str(settings.smtp_url or "smtp://localhost:25"))
    connect = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    mail = EmailMessage()
    mail["Subject"] = text.splitlines()[0]
    mail["From"] = settings.email_from or settings.email_to
    mail["To"] = settings.email_to
    mail.set_content(text)
    is_sending = is_accepted = False
    try:
        with connect(
            address.hostname or "localhost",
            address.port or 25,
            timeout=_TIMEOUT_SECONDS,
        ) as server:
            if address.username:
                if address.scheme != "smtps":
                    server.starttls()
                server.login(unquote(address.username), unquote(address.password or ""))
            is_sending = True
            server.send_message(mail)
            is_accepted = True
    except (OSError, smtplib.SMTPException) as error:
        if is_accepted:
            # Only the farewell failed.
            return
        was_refused = isinstance(
            error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused
        )
        raise DeliveryError(
            f"email is not sent ({type(error).__name__})",
            may_have_arrived=is_sending and not was_refused,
        ) from None


def _without_markdown(text: str) -> str:
    """The text as Discord shows it letter by letter; addresses stay links."""
    pieces = _URL.split(text.replace("@", _NO_MENTION))
    return "".join(
        piece if place % 2 else _MARKDOWN.sub(r"\\\1", piece)
        for place, piece in enumerate(pieces)
    )


def _divided(text: str, longest: int) -> Iterator[str]:
    part = ""
    for line in text.split("\n"):
        while _length(line) > longest:
            if part:
                yield part
                part = ""
            head = _head(line, longest)
            yield head
            line = line[len(head) :]
        joined = f"{part}\n{line}" if part else line
        if _length(joined) > longest:
            yield part
            part = line
        else:
            part = joined
    if part:
        yield part


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _head(text: str, longest: int) -> str:
    """The first characters of a text, of at most ``longest`` UTF-16 units."""
    while _length(text) > longest:
        text = text[: max(len(text) - max((_length(text) - longest) // 2, 1), 0)]
    return text
