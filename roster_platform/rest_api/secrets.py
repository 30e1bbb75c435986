"""The secrets of a declared API: none of them empty, none of them in a message."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.sources.helpers.rest_client.auth import AuthConfigBase, HttpBasicAuth
from dlt.sources.rest_api.config_setup import create_auth

from roster_platform.errors import ConfigurationError

_HEADER_WORDS = re.compile(r"authorization|token|secret|password|cookie|api.?key", re.I)
_PARAM_WORDS = re.compile(
    r"(api|access|client).?(key|token|secret)|password|^pwd$", re.I
)
_SCHEMES = {"bearer", "basic", "token", "apikey", "bot", "key"}
# Shorter than this, striking it would garble every text (dlt's own minimum).
_SHORTEST = 3


class Secrets:
    """Values that must not appear in a message, looked up when one is written.

    A token that is fetched during the read (OAuth 2) is known from then on.
    """

    def __init__(self) -> None:
        self._auths: list[AuthConfigBase] = []
        self._values: set[str] = set()

    @property
    def account(self) -> str:
        """A text that differs between accounts; it is hashed, and never shown."""
        return " ".join(sorted(self._all()))

    def add_auth(self, auth: AuthConfigBase | None) -> None:
        if auth is not None:
            self._auths.append(auth)

    def add_named(
        self, named: Mapping[str, Any] | None, words: re.Pattern[str]
    ) -> None:
        for name, value in (named or {}).items():
            if words.search(str(name)) and isinstance(value, str):
                self._values.update(value.split())

    def strike(self, text: str) -> str:
        """Return a text without the secrets, however they are encoded in it."""
        for secret in sorted(self._all(), key=len, reverse=True):
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        return text

    def strike_all(self, error: BaseException | None) -> None:
        """Strike the secrets from an error and from what caused it."""
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            error.args = tuple(
                self.strike(arg) if isinstance(arg, str) else arg for arg in error.args
            )
            error = error.__cause__ or error.__context__

    def _all(self) -> set[str]:
        found = set(self._values)
        for auth in self._auths:
            found.update(value for _, value in _secret_fields(auth) if value)
            if isinstance(auth, HttpBasicAuth):
                pair = f"{auth.username}:{auth.password}".encode()
                found.add(base64.b64encode(pair).decode())
        found = {secret for secret in found if secret.lower() not in _SCHEMES}
        encoded = {way(secret) for secret in found for way in (quote, quote_plus)}
        return {each for each in found | encoded if len(each) >= _SHORTEST}


def resolved_auth(
    config: Any, resource: str, secrets: Secrets
) -> AuthConfigBase | None:
    """Return dlt's authentication object, its secrets resolved and not empty.

    Raises ConfigurationError for an empty secret, and dlt's own errors for a missing one.
    """
    auth = create_auth(config)
    if auth is None:
        return None
    for name, value in _secret_fields(auth):
        made_in_python = isinstance(config, HttpBasicAuth)
        if value is not None and not value.strip() and not made_in_python:
            raise _empty(f"{name} of {type(auth).__name__}", resource)
    secrets.add_auth(auth)
    return auth


def check_headers(
    headers: Mapping[str, Any] | None, resource: str, secrets: Secrets
) -> None:
    """Note the secrets in headers. Raises ConfigurationError for an empty one."""
    for name, value in (headers or {}).items():
        if is_sensitive_header(name) and isinstance(value, str):
            words = value.split()
            if not words or (len(words) == 1 and words[0].lower() in _SCHEMES):
                raise _empty(f"the header {name}", resource)
    secrets.add_named(headers, _HEADER_WORDS)


def check_params(
    params: Mapping[str, Any] | None, resource: str, secrets: Secrets
) -> None:
    """Note the secrets in params. Raises ConfigurationError for an empty one."""
    for name, value in (params or {}).items():
        if (
            _PARAM_WORDS.search(str(name))
            and isinstance(value, str)
            and not value.strip()
        ):
            raise _empty(f"the parameter {name}", resource)
    secrets.add_named(params, _PARAM_WORDS)


def is_sensitive_header(name: str) -> bool:
    """Return whether a header of this name carries a secret."""
    return bool(_HEADER_WORDS.search(str(name)))


def _secret_fields(auth: AuthConfigBase) -> Iterator[tuple[str, str | None]]:
    fields: Iterable[tuple[str, Any]] = auth.get_resolvable_fields().items()
    for name, hint in [*fields, ("access_token", None)]:
        value = getattr(auth, name, None)
        if name == "access_token" and hint is None:
            yield name, value if isinstance(value, str) and value else None
        elif is_secret_hint(hint):
            yield name, value if isinstance(value, str) else None


def _empty(what: str, resource: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} is empty for the resource {resource!r}, so the API would be asked without "
        "it. Set the secret in the environment or in .dlt/secrets.toml. If the API really "
        "expects an empty password, pass an HttpBasicAuth object made in Python."
    )
