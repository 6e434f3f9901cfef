"""The ingest paths in the OpenAPI document; the lane is no framework route, so they are written down here."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from interaction_service.api.hooks import ROUTE
from interaction_service.api.ingest import PATHS
from interaction_service.api.schemas import Accepted
from interaction_service.application.cloud_events import BATCHED, STRUCTURED
from interaction_service.application.message import KINDS
from interaction_service.domain.limits import MAX_BATCH_EVENTS, MAX_MESSAGE_ID, MAX_NAME

_ID = {"type": ["string", "integer", "null"], "maxLength": 256}
_TIME = {"type": ["string", "null"], "description": "ISO 8601, UTC when without offset."}
_OBJECT = {"type": ["object", "null"]}
_MESSAGE: dict[str, Any] = {
    "type": "object",
    "description": "A message of the Segment protocol. userId or anonymousId is required.",
    "properties": {
        "messageId": {"type": ["string", "null"], "maxLength": MAX_MESSAGE_ID},
        "userId": _ID,
        "anonymousId": _ID,
        "previousId": {**_ID, "description": "alias: the id that userId had before."},
        "groupId": {**_ID, "description": "group: the account."},
        "event": {"type": ["string", "null"], "maxLength": MAX_NAME, "description": "track: what happened."},
        "name": {"type": ["string", "null"], "maxLength": MAX_NAME, "description": "page, screen: its name."},
        "category": {"type": ["string", "null"]},
        "timestamp": _TIME,
        "originalTimestamp": _TIME,
        "sentAt": _TIME,
        "properties": _OBJECT,
        "traits": _OBJECT,
        "context": _OBJECT,
        "writeKey": {"type": ["string", "null"], "description": "Instead of Basic authentication."},
    },
}
_BATCH: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_BATCH_EVENTS,
            "items": {
                "allOf": [
                    {"$ref": "#/components/schemas/Message"},
                    {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(KINDS)}}},
                ]
            },
        },
        "sentAt": _TIME,
        "context": _OBJECT,
        "writeKey": {"type": ["string", "null"]},
    },
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u-1", "traits": {"email": "lin@example.com", "phone": "+12025550142"}},
    "track": {
        "userId": "u-1",
        "event": "Order Completed",
        "properties": {"revenue": 58.5, "currency": "CNY"},
    },
    "page": {"anonymousId": "a-1", "name": "Home", "properties": {"url": "https://shop.example.com/"}},
    "screen": {"anonymousId": "a-1", "name": "Booking"},
    "group": {"userId": "u-1", "groupId": "acme", "traits": {"name": "Acme"}},
    "alias": {"userId": "u-1", "previousId": "a-1"},
}
_EXAMPLE_BATCH = {"batch": [{"type": name, **example} for name, example in _EXAMPLES.items()]}
_CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "An event of CloudEvents 1.0; its binary mode is understood as well.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
        "subject": {"type": ["string", "null"], "description": "The user, without userid and anonymousid."},
        "time": _TIME,
        "userid": _ID,
        "anonymousid": _ID,
        "data": _OBJECT,
    },
}
_SIGNATURE = {
    "type": "apiKey",
    "in": "header",
    "name": "x-signature",
    "description": "The signature that the channel's declaration asks for, in the place that it names.",
}
_EXAMPLE_EVENT = {
    "specversion": "1.0",
    "id": "pos-7-4711",
    "source": "https://pos.example.com/store/7",
    "type": "Order Completed",
    "time": "2026-05-20T08:00:00Z",
    "userid": "u-1",
    "data": {"revenue": 58.5, "currency": "CNY"},
}


def describe_ingest(app: FastAPI) -> None:
    """Add the ingest paths to `app.openapi()`."""
    complete = app.openapi

    def openapi() -> dict[str, Any]:
        document = complete()
        schemas = document["components"]["schemas"]
        accepted = Accepted.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(
            accepted.pop("$defs"), Accepted=accepted, Message=_MESSAGE, Batch=_BATCH, CloudEvent=_CLOUD_EVENT
        )
        document["paths"].update({path: {"post": _operation(path)} for path in PATHS})
        document["components"]["securitySchemes"]["channelSignature"] = _SIGNATURE
        document["paths"][ROUTE] = {"post": _hook("send_hook"), "get": _hook("greet_hook")}
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(path: str) -> dict[str, Any]:
    name = path.removeprefix("/v1/")
    single = PATHS[path] is not None
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": f"ingest_{name}",
        "summary": f"Post a {name} message" if single else f"Post messages ({name})",
        "tags": ["ingest"],
        "security": [{"writeKey": []}],
        "requestBody": {"required": True, "content": _content(name, single=single)},
        "responses": {
            "200": {
                "description": "At least one message is durable; refused ones are named.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}},
            },
            "400": {"description": "Malformed, or no message was accepted.", "content": problem},
            "401": {"description": "The write key is missing or not known.", "content": problem},
            "413": {"description": "The body is too large.", "content": problem},
            "415": {"description": "The content coding is not known.", "content": problem},
            "503": {"description": "Not stored; send again after Retry-After.", "content": problem},
            "default": {"description": "Any other problem.", "content": problem},
        },
    }


def _hook(operation: str) -> dict[str, Any]:
    """Describe a webhook: what a channel sends, and its question for the address."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described: dict[str, Any] = {
        "operationId": operation,
        "summary": "Send a channel's own payload"
        if operation == "send_hook"
        else "Ask whether this is the address",
        "tags": ["ingest"],
        "security": [{"channelSignature": []}],
        "parameters": [{"name": "channel", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "Durable, or the text asked for."},
            "default": {"description": "Any problem.", "content": problem},
        },
    }
    if operation == "send_hook":
        described["requestBody"] = {"required": True, "content": {"*/*": {"schema": {"type": "string"}}}}
    return described


def _content(name: str, *, single: bool) -> dict[str, Any]:
    """Return the media types of a request body."""
    if name == "cloudevents":
        event = {"$ref": "#/components/schemas/CloudEvent"}
        several = {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_BATCH_EVENTS}
        return {
            STRUCTURED: {"schema": event, "example": _EXAMPLE_EVENT},
            BATCHED: {"schema": several, "example": [_EXAMPLE_EVENT]},
        }
    schema = {"$ref": f"#/components/schemas/{'Message' if single else 'Batch'}"}
    return {"application/json": {"schema": schema, "example": _EXAMPLES.get(name, _EXAMPLE_BATCH)}}
