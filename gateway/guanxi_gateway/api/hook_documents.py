"""The webhooks in the OpenAPI document; they are served outside FastAPI, beside the ingest paths."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.schemas.channels import HookTaken

HOOK_PATH = "/v1/hooks/{channel}"
SCHEME = "channelSignature"
SECURITY_SCHEME = {
    "type": "apiKey",
    "in": "header",
    "name": "x-signature",
    "description": "The signature that the channel's declaration asks for, in the place that it names.",
}
_NAME = {"name": "channel", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
_TEXT = {"type": "string"}


def describe_hooks(app: FastAPI) -> None:
    """Add the webhooks to `app.openapi()`."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        if HOOK_PATH not in document["paths"]:
            document["components"]["schemas"][HookTaken.__name__] = HookTaken.model_json_schema()
            document["components"]["securitySchemes"][SCHEME] = SECURITY_SCHEME
            document["paths"][HOOK_PATH] = _operations()
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _operations() -> dict[str, Any]:
    anything = {"schema": _TEXT, "example": '{"sales": []}'}
    taken = {
        "description": "All that was accepted is durable; a declared channel may answer with a fixed text.",
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{HookTaken.__name__}"}},
            "text/plain": {"schema": _TEXT, "example": "success"},
        },
    }
    echoed = {
        "description": "The text asked for.",
        "content": {"text/plain": {"schema": _TEXT, "example": "4711"}},
    }
    send = {
        "summary": "Send a channel's own payload",
        "description": "In the format that the channel's declaration reads; signed as it says.",
        "operationId": "send_hook",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": anything,
                "application/xml": {"schema": _TEXT, "example": "<xml/>"},
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}, "example": {"id": "1"}},
            },
        },
        "responses": {"200": taken, **_problems()},
    }
    ask = {
        "summary": "Ask whether this is the address",
        "description": "How WeChat and WeCom verify a webhook's address.",
        "operationId": "greet_hook",
        "responses": {"200": echoed, **_problems()},
    }
    shared = {"tags": ["webhooks"], "security": [{SCHEME: []}], "parameters": [_NAME]}
    return {"post": {**send, **shared}, "get": {**ask, **shared}}


def _problems() -> dict[str, Any]:
    return {
        "400": problem("The payload cannot be read, or none of it was accepted."),
        "401": problem("There is no such webhook, or its signature does not hold."),
        "405": problem("Senders of this channel do not ask."),
        "408": problem("The body did not arrive in time."),
        "413": problem("The body is too large."),
        "415": problem("The body is compressed."),
        **{str(status): UPSTREAM_PROBLEMS[status] for status in (429, 502, 503, 504)},
        "default": problem("Any other problem."),
    }
