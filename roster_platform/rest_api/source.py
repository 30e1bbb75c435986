"""``rest_api_source``: dlt's own, but for how its requests are sent.

The declaration is read by dlt's own functions (``config_setup``): authentication,
paginators, incremental parameters, dependent resources, response actions. Each resource
reads through ``GuardedClient``; the resource says which engine does and why
(``engine_of``), and the source how its reads ended (``reads_of``).

dlt does not guarantee the names of ``config_setup``; a test calls all those that are
used here and in ``declaration``.
"""

from __future__ import annotations

import functools
import graphlib
import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import dlt
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaContract
from dlt.common.utils import exclude_keys
from dlt.extract import DltResource, DltSource
from dlt.sources.helpers.rest_client.paginators import SinglePagePaginator
from dlt.sources.rest_api import _validate_param_type
from dlt.sources.rest_api.config_setup import (
    _set_incremental_params,
    build_resource_dependency_graph,
    create_paginator,
    create_response_hooks,
    paginate_dependent_resource,
    paginate_resource,
    process_parent_data_item,
    record_endpoint_input,
    setup_incremental_object,
)
from dlt.sources.rest_api.typing import RESTAPIConfig
from requests import Request

from roster_platform.ingest.http.transport import proxy_of
from roster_platform.rest_api.arrow_pages import ArrowPages
from roster_platform.rest_api.client import GuardedClient
from roster_platform.rest_api.declaration import normalized
from roster_platform.rest_api.reads import ENGINE_HINT, REASON_HINT, ResourceRead
from roster_platform.rest_api.secrets import (
    Secrets,
    check_headers,
    check_params,
    resolved_auth,
)
from roster_platform.rest_api.settings import RestApiSettings, rest_api_settings
from roster_platform.rest_api.wire import Wire

_NAME = "rest_api"


def rest_api_source(
    config: RESTAPIConfig,
    name: str | None = None,
    section: str | None = None,
    max_table_nesting: int | None = None,
    root_key: bool | None = None,
    schema: Schema | None = None,
    schema_contract: TSchemaContract | None = None,
    parallelized: bool = False,
) -> DltSource:
    """Make a source of any REST API, as dlt's ``rest_api_source`` does.

    The arguments are dlt's. Settings of the client (concurrency, requests_per_minute, …)
    are those under ``[sources.<name>]``, or ``[sources.rest_api]`` without a name.

    Raises dlt's errors for a configuration that is wrong, and ConfigurationError for an
    empty secret. Extracting raises an IngestError that says what to do; among them
    IncompleteReadError where the API says that more exists than was read.
    """
    plain = normalized(config)
    reads: dict[str, ResourceRead] = {}
    decorated = _rest_api.clone(
        name=name,
        section=section,
        max_table_nesting=max_table_nesting,
        root_key=root_key,
        schema=schema,
        schema_contract=schema_contract,
        parallelized=parallelized,
    )
    source = decorated(plain, section or name or _NAME, reads)
    source.reads = reads
    return source


def rest_api_resources(config: RESTAPIConfig) -> list[DltResource]:
    """Make the resources of any REST API, as dlt's ``rest_api_resources`` does."""
    return _resources(normalized(config), _NAME, {})


@dlt.source(name=_NAME, section=_NAME)
def _rest_api(
    config: Any, settings_section: str, reads: dict[str, ResourceRead]
) -> list[DltResource]:
    return _resources(config, settings_section, reads)


def _resources(
    config: Mapping[str, Any], section: str, reads: dict[str, ResourceRead]
) -> list[DltResource]:
    graph, endpoints, parents = build_resource_dependency_graph(
        config["resource_defaults"], config["resources"]
    )
    client = config["client"]
    settings = rest_api_settings(section, client["base_url"])
    client = {**client, "base_url": settings.base_url}
    secrets = Secrets()
    return _Builder(client, settings, secrets, reads).build(graph, endpoints, parents)


class _Builder:
    """Makes the resources of one API, parents first."""

    def __init__(
        self,
        client: Mapping[str, Any],
        settings: RestApiSettings,
        secrets: Secrets,
        reads: dict[str, ResourceRead],
    ) -> None:
        self._client = client
        self._settings = settings
        self._secrets = secrets
        self._reads = reads
        host = urlsplit(settings.base_url).netloc.rpartition("@")[2]
        self._wire = Wire(host, settings, secrets)
        self._made: dict[str, DltResource] = {}

    def build(
        self,
        graph: graphlib.TopologicalSorter[str],
        endpoints: Mapping[str, Any],
        parents: Mapping[str, Any],
    ) -> list[DltResource]:
        for name in graph.static_order():
            declared = endpoints[name]
            if isinstance(declared, DltResource):
                self._made[name] = declared
            else:
                self._made[name] = self._resource(name, declared, parents[name])
        return list(self._made.values())

    def _resource(
        self, name: str, declared: dict[str, Any], resolved: list[Any] | None
    ) -> DltResource:
        endpoint = declared["endpoint"]
        steps = declared.pop("processing_steps", [])
        include = declared.get("include_from_parent", [])
        if not resolved and include:
            raise ValueError(
                f"Resource `{name}` has `include_from_parent` but is not dependent on "
                "another resource"
            )
        params = endpoint.get("params", {})
        _validate_param_type(params)
        check_params(params, name, self._secrets)
        incremental, incremental_param, convert = setup_incremental_object(
            params, endpoint.get("incremental")
        )
        read = self._read(name, declared, has_cursor=incremental is not None)
        client = self._client_of(name, endpoint, read)
        arguments = {
            "method": endpoint.get("method", "GET" if resolved is None else "get"),
            "path": endpoint.get("path"),
            "headers": endpoint.get("headers"),
            "json": endpoint.get("json"),
            "data": endpoint.get("data"),
            "paginator": create_paginator(endpoint.get("paginator")),
            "data_selector": endpoint.get("data_selector"),
            "hooks": create_response_hooks(endpoint.get("response_actions")),
            "client": client,
            "incremental_object": incremental,
            "incremental_param": incremental_param,
            "incremental_cursor_transform": convert,
        }
        hints = exclude_keys(declared, {"endpoint", "include_from_parent"})
        if resolved is None:
            resource = dlt.resource(paginate_resource, **hints)(
                params=params, **arguments
            )
        else:
            # Children are read side by side in any case.
            one_by_one = hints.pop("parallelized", False) and not read.is_fast
            parent = self._made[resolved[0].resolve_config["resource"]]
            # The overloads of dlt.resource leave ``data_from`` out.
            make: Any = dlt.resource
            resource = make(_paginate_children, data_from=parent, **hints)(
                params=exclude_keys(params, {x.param_name for x in resolved}),
                resolved_params=resolved,
                include_from_parent=include,
                parallelized=one_by_one,
                **arguments,
            )
        for step in steps:
            _add_step(resource, step)
        if read.is_fast:
            resource.add_step(ArrowPages(read))
        record_endpoint_input(resource, client, endpoint.get("path"))
        resource.apply_hints(
            additional_table_hints={ENGINE_HINT: read.engine, REASON_HINT: read.reason}
        )
        return resource

    def _client_of(
        self, name: str, endpoint: Mapping[str, Any], read: ResourceRead
    ) -> GuardedClient:
        for headers in (self._client.get("headers"), endpoint.get("headers")):
            check_headers(headers, name, self._secrets)
        declared = endpoint.get("auth", self._client.get("auth"))
        paginators = endpoint.get("paginator"), self._client.get("paginator")
        paginator = create_paginator(next(filter(None, paginators), None))
        return GuardedClient(
            wire=self._wire,
            read=read,
            actions=endpoint.get("response_actions"),
            single_page=isinstance(paginator, SinglePagePaginator),
            base_url=self._client["base_url"],
            headers=self._client.get("headers"),
            auth=resolved_auth(declared, name, self._secrets),
            paginator=create_paginator(self._client.get("paginator")),
            session=self._client.get("session"),
        )

    def _read(
        self, name: str, declared: Mapping[str, Any], *, has_cursor: bool
    ) -> ResourceRead:
        why_not = self._why_not_fast(declared["endpoint"])
        disposition = declared.get("write_disposition")
        if isinstance(disposition, dict):
            strategy = disposition.get("strategy", "upsert")
            merges = disposition.get("disposition") == "merge" and strategy != "scd2"
        else:
            merges = disposition == "merge"
        self._reads[name] = ResourceRead(
            resource=name,
            engine="dlt" if why_not else "fast",
            reason=why_not or "requests are sent ahead where the next ones are known",
            # With a cursor, what was not read would never be read again.
            lands_incomplete=merges and not has_cursor,
        )
        return self._reads[name]

    def _why_not_fast(self, endpoint: Mapping[str, Any]) -> str | None:
        if self._settings.engine == "dlt":
            return "the setting engine asks for it"
        if self._client.get("session") is not None:
            return "the declaration brings its own session"
        proxy = proxy_of(self._settings.base_url)
        if proxy and urlsplit(proxy).scheme not in ("http", "https"):
            return f"the proxy speaks {urlsplit(proxy).scheme}"
        data = endpoint.get("data")
        if not isinstance(data, str | bytes | dict | list | tuple | None):
            return f"its data is a {type(data).__name__}, which can be sent once"
        return None


@functools.wraps(paginate_dependent_resource)
def _paginate_children(*args: Any, **kwargs: Any) -> Iterator[Any]:
    """As dlt's, with the first requests of several parents under way at a time."""
    bound = inspect.signature(paginate_dependent_resource).bind(*args, **kwargs)
    bound.apply_defaults()
    given = bound.arguments
    client: GuardedClient = given["client"]
    if given["parallelized"]:
        yield from paginate_dependent_resource(*args, **kwargs)
        return
    # The first one goes alone: refused credentials then cost one request.
    with client.expecting(islice(_first_requests(given), 1, None)) as expecting:
        given["client"] = expecting
        yield from paginate_dependent_resource(*bound.args, **bound.kwargs)


def _first_requests(given: Mapping[str, Any]) -> Iterator[Request]:
    """The request with which each parent's children begin, as dlt will make it."""
    client, params = given["client"], dict(given["params"])
    if given["incremental_object"]:
        params = _set_incremental_params(
            params,
            given["incremental_object"],
            given["incremental_param"],
            given["incremental_cursor_transform"],
        )
    for item in given["items"]:
        try:
            child = process_parent_data_item(
                path=given["path"],
                item=item,
                headers=given["headers"],
                params=params,
                request_json=given["json"],
                request_data=given["data"],
                resolved_params=given["resolved_params"],
                include_from_parent=given["include_from_parent"],
                incremental=given["incremental_object"],
                incremental_value_convert=given["incremental_cursor_transform"],
            )
        except Exception:
            # dlt says what is wrong with it when its turn comes.
            return
        yield client.first_request(
            child, given["method"], given["hooks"], deepcopy(given["paginator"])
        )


def _add_step(resource: DltResource, step: Mapping[str, Any]) -> None:
    if "filter" in step:
        resource.add_filter(step["filter"])
    if "map" in step:
        resource.add_map(step["map"])
    if "yield_map" in step:
        resource.add_yield_map(step["yield_map"])
