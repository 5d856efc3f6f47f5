"""The envelope of Open Collaboration Services, versions 1 and 2, in JSON or XML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from davserver.dav.request import Headers, Response
from davserver.dav.xml import escape

JSON_TYPE = "application/json; charset=utf-8"
XML_TYPE = "text/xml; charset=utf-8"


class Verdict(NamedTuple):
    """How a request ended: the HTTP status, and the code that stands in the envelope."""

    http: int
    code: int
    message: str


OK = {1: Verdict(200, 100, "OK"), 2: Verdict(200, 200, "OK")}
NOT_FOUND = {1: Verdict(404, 404, "there is nothing here"), 2: Verdict(404, 404, "there is nothing here")}
NOT_LOGGED_IN = {1: Verdict(401, 997, "log in first"), 2: Verdict(401, 997, "log in first")}


def answer(verdict: Verdict, payload: Any, *, as_json: bool, headers: Headers | None = None) -> Response:
    """An envelope around a payload of mappings, sequences, texts, numbers, truth values and None."""
    status = "ok" if verdict.http < 400 else "failure"
    meta = {"status": status, "statuscode": verdict.code, "message": verdict.message}
    if as_json:
        return told_json({"ocs": {"meta": meta, "data": payload}}, verdict.http, headers)
    body = f'<?xml version="1.0" encoding="utf-8"?>{_written("ocs", {"meta": meta, "data": payload})}'.encode()
    return Response(verdict.http, [("Content-Type", XML_TYPE), ("Cache-Control", "no-store"), *(headers or [])], [body])


def told_json(payload: Any, status: int = 200, headers: Headers | None = None) -> Response:
    """A bare JSON body that nobody keeps."""
    kind = [("Content-Type", JSON_TYPE), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    return Response(status, [*kind, *(headers or [])], [json.dumps(payload).encode()])


def _written(name: str, value: Any) -> str:
    """An element as PHP's server writes it: members of a list are called `element`, truth is 1 or nothing."""
    if isinstance(value, Mapping):
        content = "".join(_written(key, inner) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        content = "".join(_written("element", inner) for inner in value)
    elif isinstance(value, bool) or value is None:
        content = "1" if value else ""
    else:
        content = escape(str(value))
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"
