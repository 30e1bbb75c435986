"""The declaration: dlt's ``RESTAPIConfig``, read with the names people write in it.

``{users.id}`` is read as ``{resources.users.id}`` where ``users`` is a declared resource.
Nothing here resolves a secret, opens a socket or changes what it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from dlt.extract import DltResource
from dlt.sources.rest_api import _validate_config
from dlt.sources.rest_api.config_setup import build_resource_dependency_graph
from dlt.sources.rest_api.typing import RESTAPIConfig

from roster_platform.rest_api.secrets import is_sensitive_header

_PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_][\w-]*)(\.[^{}]+)\}(?!\})")
_CONTEXTS = ("resources", "incremental")
# Where dlt looks for placeholders.
_WITH_PLACEHOLDERS = ("path", "params", "json", "data", "headers")


def normalized(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a configuration in the words that dlt itself understands.

    Lists and dictionaries are copied, whatever is in them is not. Raises dlt's
    DictValidationException for what is not a ``RESTAPIConfig``.
    """
    copied = copy_of(config)
    _validate(copied)
    resources = copied.get("resources") or []
    names = {_name_of(resource) for resource in resources}
    defaults = copied.get("resource_defaults") or {}
    for resource in [*resources, defaults]:
        if not isinstance(resource, dict):
            continue
        endpoint = resource.get("endpoint")
        if isinstance(endpoint, str):
            resource["endpoint"] = endpoint = {"path": endpoint}
        if isinstance(endpoint, dict):
            _qualify(endpoint, names)
    copied["resource_defaults"] = defaults
    return copied


def trees(config: Mapping[str, Any]) -> list[list[str]]:
    """Return the names of the resources, those that depend on each other together.

    Parents come before their children, and trees in the order of the declaration.
    Raises what dlt raises for a dependency that cannot be.
    """
    copied = copy_of(config)
    graph, _, parameters = build_resource_dependency_graph(
        cast(Any, copied.get("resource_defaults") or {}), copied["resources"]
    )
    order = list(graph.static_order())
    parents = {
        name: params[0].resolve_config["resource"] if params else None
        for name, params in parameters.items()
    }

    def root(name: str) -> str:
        while parent := parents[name]:
            name = parent
        return name

    declared = [_name_of(resource) for resource in copied["resources"]]
    roots = list(dict.fromkeys(root(name) for name in declared))
    return [[name for name in order if root(name) == each] for each in roots]


def parent_of(config: Mapping[str, Any], resource: str) -> str | None:
    """Return the resource on whose records another one depends."""
    copied = copy_of(config)
    *_, parameters = build_resource_dependency_graph(
        cast(Any, copied.get("resource_defaults") or {}), copied["resources"]
    )
    params = parameters[resource]
    return params[0].resolve_config["resource"] if params else None


def only(config: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a configuration of some of the resources."""
    kept = [each for each in config["resources"] if _name_of(each) in names]
    return {**config, "resources": kept}


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy with ``change`` made to every text in it, keys included."""
    if isinstance(value, str):
        return change(value)
    if type(value) is dict:
        return {replaced(k, change): replaced(v, change) for k, v in value.items()}
    if type(value) is list:
        return [replaced(item, change) for item in value]
    return value


def copy_of(value: Any) -> Any:
    """Return a copy of lists and dictionaries, and of nothing that is in them."""
    return replaced(value, lambda text: text)


def _name_of(resource: Any) -> Any:
    if isinstance(resource, DltResource):
        return resource.name
    return resource.get("name") if isinstance(resource, dict) else resource


def _qualify(endpoint: dict[str, Any], names: set[Any]) -> None:
    params = endpoint.get("params") or {}

    def qualified(match: re.Match[str]) -> str:
        first, rest = match.groups()
        known = first in names and first not in _CONTEXTS
        if known and first + rest not in params:
            return f"{{resources.{first}{rest}}}"
        return match[0]

    for part in _WITH_PLACEHOLDERS:
        if part in endpoint:
            endpoint[part] = replaced(
                endpoint[part], lambda text: _PLACEHOLDER.sub(qualified, text)
            )


def _validate(config: dict[str, Any]) -> None:
    """dlt's own validation; the values of secret headers are not quoted by it."""

    def masked(part: Any) -> Any:
        if not isinstance(part, dict) or not isinstance(part.get("headers"), dict):
            return part
        headers = {
            name: "***" if is_sensitive_header(name) else value
            for name, value in part["headers"].items()
        }
        return {**part, "headers": headers}

    shown = dict(config)
    if isinstance(client := masked(config.get("client")), dict):
        # dlt copies what it validates, and a session cannot be copied.
        shown["client"] = {k: v for k, v in client.items() if k != "session"}
    _validate_config(cast(RESTAPIConfig, shown))
