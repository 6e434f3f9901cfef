"""The ingest paths in the OpenAPI document; the lane is no framework route, so they are written down here."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from interaction_service.api.ingest import PATHS
from interaction_service.api.schemas import Accepted
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


def describe_ingest(app: FastAPI) -> None:
    """Add the ingest paths to `app.openapi()`."""
    complete = app.openapi

    def openapi() -> dict[str, Any]:
        document = complete()
        schemas = document["components"]["schemas"]
        accepted = Accepted.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(accepted.pop("$defs"), Accepted=accepted, Message=_MESSAGE, Batch=_BATCH)
        document["paths"].update({path: {"post": _operation(path)} for path in PATHS})
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
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{'Message' if single else 'Batch'}"},
                    "example": _EXAMPLES.get(name, _EXAMPLE_BATCH),
                }
            },
        },
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
