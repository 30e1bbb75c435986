"""Where alerts go: Slack, Discord, any webhook, e-mail; each off until configured."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import httpx

from roster_platform.ingest.settings import AlertSettings
from roster_platform.lib.alerts import Finding

Send = Callable[[str, Iterable[Finding]], None]
"""Delivers a text and its findings; raises DeliveryError."""

_TIMEOUT_SECONDS = 10.0
_LONGEST_DISCORD = 2000


class DeliveryError(Exception):
    """A channel did not take a message. Its text holds no secret."""


def channels(settings: AlertSettings) -> Mapping[str, Send]:
    """The configured channels by name."""
    found: dict[str, Send] = {}
    if url := settings.slack_webhook_url:
        found["slack"] = lambda text, _: _post("slack", url, {"text": text})
    if discord_url := settings.discord_webhook_url:
        found["discord"] = lambda text, _: _post(
            "discord", discord_url, {"content": text[:_LONGEST_DISCORD]}
        )
    if webhook_url := settings.webhook_url:
        found["webhook"] = lambda text, findings: _post(
            "webhook",
            webhook_url,
            {"text": text, "findings": [asdict(finding) for finding in findings]},
        )
    if settings.email_to:
        found["email"] = lambda text, _: _mail(settings, text)
    return found


def _post(channel: str, url: str, body: object) -> None:
    try:
        answer = httpx.post(str(url), json=body, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The address is a secret: its path is what lets anybody post.
        raise DeliveryError(
            f"{channel} is not reached ({type(error).__name__})"
        ) from None
    if answer.is_error:
        raise DeliveryError(f"{channel} answered with status {answer.status_code}")


def _mail(settings: AlertSettings, text: str) -> None:
    address = urlsplit(str(settings.smtp_url or "smtp://localhost:25"))
    connect = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    mail = EmailMessage()
    mail["Subject"] = text.splitlines()[0]
    mail["From"] = settings.email_from or settings.email_to
    mail["To"] = settings.email_to
    mail.set_content(text)
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
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"email is not sent ({type(error).__name__})") from None
