"""The OpenAPI document: security schemes, and problem documents as the answers that every operation may give."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from guanxi_kit.errors import PROBLEM_MEDIA_TYPE
from guanxi_kit.roles import ROLE_PERMISSIONS

SECURITY_SCHEMES: dict[str, Any] = {
    "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "writeKey": {
        "type": "http",
        "scheme": "basic",
        "description": "A channel's write key as user name, with an empty password.",
    },
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_ALWAYS = {"400": "The request is not valid.", "default": "Any other problem."}
_SECURED = {"401": "A valid credential is needed.", "403": "The credential does not allow this."}
_VALIDATION_MODELS = ("HTTPValidationError", "ValidationError")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}}}


def _permission(operation: dict[str, Any]) -> str | None:
    needed = [scope for way in operation.get("security", ()) for scopes in way.values() for scope in scopes]
    return needed[0] if needed else None


def _complete(operation: dict[str, Any]) -> None:
    permission = _permission(operation)
    if permission is not None:
        roles = ", ".join(role for role, granted in ROLE_PERMISSIONS.items() if permission in granted)
        told = operation.get("description", "")
        operation["description"] = f"{told}\n\nNeeds the permission `{permission}`; roles: {roles}.".strip()
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)
    answers = _ALWAYS | (_SECURED if operation.get("security") else {})
    for status, description in answers.items():
        responses.setdefault(status, _problem(description))


class _Served:
    """The document as it is answered."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._making = asyncio.Lock()
        self._document: bytes | None = None

    async def answer(self, _: Request) -> Response:
        async with self._making:
            if self._document is None:
                self._document = await asyncio.to_thread(self._make)
        return Response(self._document, media_type="application/json")

    def _make(self) -> bytes:
        return json.dumps(self._app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()


def install_openapi(app: FastAPI) -> None:
    """Give `app.openapi()` the security schemes and the problem answers, and serve it as /openapi.json.

    It is made once, at the first request: that takes seconds, in which the others have their turn.
    """
    served = _Served(app)
    app.add_route("/openapi.json", served.answer, methods=["GET"], include_in_schema=False)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            components = document.setdefault("components", {})
            components["securitySchemes"] = {**components.get("securitySchemes", {}), **SECURITY_SCHEMES}
            schemas = components.setdefault("schemas", {})
            for model in _VALIDATION_MODELS:
                schemas.pop(model, None)
            schemas["Problem"] = PROBLEM_SCHEMA
            for path in document["paths"].values():
                for operation in path.values():
                    _complete(operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
