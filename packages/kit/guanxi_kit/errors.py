"""One error shape: RFC 9457 problem documents, for every status from 400 up."""

from __future__ import annotations

import http
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from asyncpg import exceptions as pg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from guanxi_kit.db import is_transient
from guanxi_kit.http import REQUEST_ID, TransportError
from guanxi_kit.log.port import LogUnavailable
from guanxi_kit.logging import get_logger

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
_LOCATIONS = frozenset(("body", "query", "path", "header", "cookie"))
_log = get_logger("guanxi.http")


class FieldError(msgspec.Struct, frozen=True):
    """One field that is wrong: its dotted path in the request (`batch.3.messageId`) and why."""

    field: str
    reason: str


class Problem(Exception):
    """An answer that is a problem document. `type` is about:blank or `urn:guanxi:problem:<slug>`.

    `detail`, `errors` and `extra` are shown to the caller: no personal data, no internals. `extra` adds members.
    """

    def __init__(
        self,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        *,
        type: str = "about:blank",
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title or str(status))
        self.status = status
        self.title = title or _phrase(status)
        self.detail = detail
        self.type = type
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail is not None:
            document["detail"] = self.detail
        if self.errors:
            document["errors"] = self.errors
        request_id = REQUEST_ID.get()
        if request_id is not None:
            document["request_id"] = request_id
        return {**self.extra, **document}

    def body(self) -> bytes:
        """Return the document as JSON."""
        return msgspec.json.encode(self.document())


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def unavailable(detail: str) -> Problem:
    """Return the 503 that asks the caller to come again."""
    return Problem(503, detail=detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def problem_of(error: BaseException) -> Problem:
    """Return the problem document that answers an exception; what nobody foresaw is a 500 without internals."""
    match error:
        case Problem():
            problem = error
        case RequestValidationError():
            problem = Problem(400, detail="The request is not valid.", errors=_field_errors(error))
        case HTTPException():
            problem = Problem(error.status_code, detail=_http_detail(error), headers=error.headers)
        case LogUnavailable():
            problem = unavailable("The event log cannot be reached.")
        case TransportError():
            problem = unavailable("A service that this one needs cannot be reached.")
        case pg.CharacterNotInRepertoireError() | pg.UntranslatableCharacterError():
            problem = Problem(400, detail="The request holds a character that cannot be stored.")
        case _ if is_transient(error):
            problem = unavailable("The database cannot be reached.")
        case _:
            problem = Problem(500, detail="The request could not be served. Report it with its request id.")
    return problem


def log_problem(problem: Problem, error: BaseException, *, method: str, route: str) -> None:
    """Log what became a 5xx: with its frames when unforeseen, in one line when a neighbour is away."""
    if problem.status == 500:
        _log.error("request failed", method=method, route=route, exc_info=error)
    elif problem.status > 500:
        _log.warning(
            "request refused", method=method, route=route, status=problem.status, reason=type(error).__name__
        )


def problem_response(problem: Problem) -> Response:
    """Return the HTTP response of a problem."""
    return Response(problem.body(), problem.status, headers=problem.headers, media_type=PROBLEM_MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer validation errors, 404, 405 and raised problems as problem documents.

    Exceptions that no handler names are left to the edge of the application, which logs and answers them.
    """

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        log_problem(problem, error, method=request.method, route=route_of(request.scope))
        return problem_response(problem)

    for kind in (Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


def route_of(scope: Mapping[str, Any]) -> str:
    """Return the template of the route that serves a request; `unmatched` when none does. Never the raw path."""
    template = scope.get("guanxi.route") or getattr(scope.get("route"), "path", None)
    return template if isinstance(template, str) else "unmatched"


def _http_detail(error: HTTPException) -> str | None:
    return error.detail if error.detail and error.detail != _phrase(error.status_code) else None


def _field_errors(error: RequestValidationError) -> list[FieldError]:
    return [
        FieldError(field=_field_path(fault["loc"], fault["type"]), reason=str(fault["msg"]))
        for fault in error.errors()
    ]


def _field_path(location: Sequence[str | int], kind: str) -> str:
    if kind == "json_invalid":
        return "body"
    parts = location[1:] if len(location) > 1 and location[0] in _LOCATIONS else location
    return ".".join(str(part) for part in parts)
