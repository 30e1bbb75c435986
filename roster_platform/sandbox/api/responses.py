"""Answers in JSON."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


def as_json(content: Any, status: int = 200) -> Response:
    """An answer of JSON."""
    return raw_json(orjson.dumps(content), status)


def raw_json(content: bytes, status: int = 200) -> Response:
    """An answer of JSON that is encoded already."""
    return Response(content, status, media_type="application/json")


def error(status: int, text: str) -> Response:
    """An error in the form of both APIs."""
    return as_json({"error": text}, status)


async def http_error(request: Request, failure: Exception) -> Response:
    """Answer what no route answers."""
    assert isinstance(failure, HTTPException)
    return error(failure.status_code, failure.detail)
