"""Reads an OpenAPI document (3.0 or 3.1, JSON or YAML): its GET operations and schemas.

A document need not be perfect to be of use: what is wrong with it is said
(``Document.problems``), and the rest is read. Nothing is fetched: a ``$ref`` leads into the
document, or to a file in its folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import openapi_pydantic
import yaml
from pydantic import ValidationError
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from roster_platform.errors import ConfigurationError
from roster_platform.ingest.openapi.schemas import (
    Node,
    Schema,
    schema_of,
    schema_of_example,
)

_MOST_PROBLEMS = 3
_VERSION = re.compile(r"3\.[01](\.\d+.*)?")


@dataclass(frozen=True)
class Parameter:
    """One query or path parameter of an operation."""

    name: str
    place: str
    schema: Schema
    description: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Operation:
    """One GET operation: its path below the server, and the schema of a 200.

    ``words`` are the names that people gave it: its id, tags and summary.
    """

    path: str
    words: str = ""
    parameters: tuple[Parameter, ...] = ()
    answer: Schema | None = None

    @property
    def path_parameters(self) -> list[str]:
        """The placeholders of the path."""
        return re.findall(r"{([^{}]+)}", self.path)

    @property
    def query(self) -> list[Parameter]:
        """The query parameters."""
        return [each for each in self.parameters if each.place == "query"]


@dataclass
class Document:
    """An OpenAPI document. ``problems`` are what is wrong with it."""

    path: Path
    version: str
    title: str
    server: str | None
    operations: list[Operation] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_document(path: Path) -> Document:
    """Read a document. Raises ConfigurationError, which says what to do."""
    raw = _loaded(path)
    if not isinstance(raw, Mapping) or not raw.keys() & {"openapi", "swagger"}:
        raise ConfigurationError(
            f"{path} is not an OpenAPI document: it has no `openapi: 3.x` at its top. "
            "Download the vendor's document, as JSON or YAML, and name that file."
        )
    version = str(raw.get("openapi") or raw.get("swagger"))
    if "swagger" in raw or version.startswith("2"):
        raise ConfigurationError(
            f"{path} is a Swagger {version} document, and OpenAPI 3.0 or 3.1 is read. "
            "Convert it, e.g. with https://editor.swagger.io (Edit > Convert to OpenAPI "
            f"3.0) or `npx swagger2openapi {path.name} -o openapi.json`, and name the "
            "result."
        )
    if not _VERSION.fullmatch(version):
        raise ConfigurationError(
            f"{path} is an OpenAPI {version} document, and 3.0 or 3.1 is read."
        )
    if not isinstance(raw.get("paths"), Mapping):
        raise ConfigurationError(
            f"{path} describes no paths, so there is nothing to compare."
        )
    title = (
        (raw.get("info") or {}).get("title")
        if isinstance(raw.get("info"), Mapping)
        else None
    )
    document = Document(path, version, str(title or path.name), _server(raw))
    document.problems += _flaws(raw)
    document.operations += _operations(_root(path, raw), document.problems)
    return document


def _loaded(path: Path) -> Any:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({type(error).__name__}). Name the file with the "
            "vendor's OpenAPI document."
        ) from None
    try:
        return json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        raise ConfigurationError(
            f"{path} cannot be read as JSON or YAML"
            + (f" (line {line})" if line else "")
            + ". Download it again, or correct it."
        ) from None


if TYPE_CHECKING:
    _FastestLoader = yaml.SafeLoader
else:
    _FastestLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FastestLoader):
    """YAML as JSON has it: a date in an example stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)


def _flaws(raw: Mapping[str, Any]) -> Iterator[str]:
    try:
        openapi_pydantic.parse_obj(dict(raw))
    except ValidationError as error:
        flaws = error.errors(include_url=False, include_input=False)
        places = dict.fromkeys(
            ".".join(str(part) for part in flaw["loc"][:6]) for flaw in flaws
        )
        for place in list(places)[:_MOST_PROBLEMS]:
            yield f"it is not valid at {place}; it is read as far as it can be"
    except (RecursionError, TypeError, ValueError, AttributeError):
        yield "it is not a valid document; it is read as far as it can be"


def _server(raw: Mapping[str, Any]) -> str | None:
    """The first server's address, with the defaults of its variables."""
    servers = raw.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    if not isinstance(first, Mapping) or not isinstance(first.get("url"), str):
        return None
    url = first["url"]
    variables = first.get("variables")
    for name, said in (variables if isinstance(variables, Mapping) else {}).items():
        if isinstance(said, Mapping):
            url = url.replace(f"{{{name}}}", str(said.get("default", "")))
    return str(url)


def _root(path: Path, raw: Mapping[str, Any]) -> Node:
    folder = path.resolve().parent

    def retrieve(uri: str) -> Resource[Any]:
        target = Path(unquote(urlsplit(uri).path)).resolve()
        if urlsplit(uri).scheme != "file" or not target.is_relative_to(folder):
            raise FileNotFoundError(uri)
        return DRAFT202012.create_resource(_loaded(target))

    uri = path.resolve().as_uri()
    # A pointer leads to places that are no schemas (#/components/parameters), too.
    # mypy does not see the arguments of referencing's own kind of attrs class.
    registry = Registry(retrieve=retrieve).with_resource(  # type: ignore[call-arg]
        uri, DRAFT202012.create_resource(raw)
    )
    return Node(raw, registry.resolver(uri))


def _operations(root: Node, problems: list[str]) -> Iterator[Operation]:
    paths = root.at("paths")
    for path in paths.names():
        try:
            item = paths.at(path).followed()
            if isinstance(item.at("get").value, Mapping):
                yield _operation(str(path), item, item.at("get"))
        except Unresolvable as error:
            problems.append(f"GET {path} is left out: {error.ref} leads nowhere")


def _operation(path: str, item: Node, get: Node) -> Operation:
    parameters = {
        (each.name, each.place): each
        for owner in (item, get)
        for each in _parameters(owner.at("parameters"))
    }
    said = [get.text("operationId"), get.text("summary")]
    said += [tag for tag in get.at("tags").value or () if isinstance(tag, str)]
    return Operation(
        path, " ".join(said), tuple(parameters.values()), _answer(get.at("responses"))
    )


def _parameters(listed: Node) -> Iterator[Parameter]:
    for each in listed.elements():
        node = each.followed()
        name, place = node.text("name"), node.text("in")
        if not name:
            continue
        schema = node.at("schema")
        if schema.value is None:
            # A parameter may be described by its one media type.
            contents = node.at("content")
            schema = next(
                (contents.at(k).at("schema") for k in contents.names()), schema
            )
        yield Parameter(
            name,
            place,
            schema_of(schema),
            node.text("description"),
            node.at("required").value is True,
        )


def _answer(responses: Node) -> Schema | None:
    """The schema of a successful answer in JSON, or what its example shows of it."""
    for status in ("200", 200, "2XX", "2xx", "default"):
        contents = responses.at(status).followed().at("content")
        kinds = sorted(contents.names(), key=lambda kind: "json" not in str(kind))
        for kind in kinds:
            if "json" not in str(kind) and kind != "*/*":
                continue
            media = contents.at(kind)
            if media.at("schema").value is not None:
                return schema_of(media.at("schema"))
            examples = media.at("examples")
            shown = [
                examples.at(k).followed().at("value").value for k in examples.names()
            ]
            for example in (media.at("example").value, *shown):
                if example is not None:
                    return schema_of_example(example)
    return None


def server_path(document: Document, base_url: str) -> tuple[str, str | None]:
    """The path of the document's server below the configured address.

    Returns it without slashes around it, and what is odd about the server, if anything.
    """
    if not document.server:
        return "", None
    base = urlsplit(base_url)
    server = urlsplit(urljoin(base_url.rstrip("/") + "/", document.server))
    path, under = server.path.strip("/"), base.path.strip("/")
    odd = None
    if server.hostname != base.hostname:
        odd = (
            f"the document's server is {server.hostname}, and {base.hostname} is asked"
        )
    if under and (path == under or path.startswith(f"{under}/")):
        path = path[len(under) :].strip("/")
    return path, odd
