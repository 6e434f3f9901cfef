"""The one OpenAPI document: what FastAPI cannot see of the gateway by itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from guanxi_gateway.api.ingest import INGEST_PATHS
from guanxi_gateway.api.schemas import ingest
from guanxi_gateway.api.schemas.examples import EXAMPLES
from guanxi_kit.errors import PROBLEM_MEDIA_TYPE

DESCRIPTION = """One address for channel systems and for frontends.

Channel systems post touchpoints with a write key (Basic authentication, the key as user name). Staff and frontends
read with a JSON Web Token whose `role` decides what they may. Errors are problem documents (RFC 9457). Every list
is a page: `items` and `next_cursor`. Times are ISO 8601 in UTC, money is in minor units of its currency.
"""
_REF = "#/components/schemas/{model}"
_PROBLEM_EXAMPLES: dict[str, Any] = {
    "400": {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The request is not valid.",
        "errors": [{"field": "event", "reason": "is missing"}],
    },
    "429": {
        "type": "urn:guanxi:problem:rate-limit",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many requests of this write key.",
    },
}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds until it is worth trying again.", "schema": {"type": "integer"}}
}


def problem(
    description: str, example: dict[str, Any] | None = None, *, retry: bool = False
) -> dict[str, Any]:
    """Describe an answer that is a problem document."""
    content: dict[str, Any] = {"schema": {"$ref": _REF.format(model="Problem")}}
    if example is not None:
        content["example"] = example
    described: dict[str, Any] = {"description": description, "content": {PROBLEM_MEDIA_TYPE: content}}
    return {**described, "headers": _RETRY_AFTER} if retry else described


TOO_MANY = problem("Too many requests of this caller.", _PROBLEM_EXAMPLES["429"], retry=True)
UPSTREAM_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: problem("There is no such customer."),
    429: TOO_MANY,
    502: problem("The service behind gave no usable answer.", retry=True),
    503: problem("The service behind cannot be reached now.", retry=True),
    504: problem("The service behind did not answer in time.", retry=True),
}
_INGEST: dict[str, tuple[type[BaseModel], str]] = {
    "identify": (ingest.Identify, "Say who somebody is"),
    "track": (ingest.Track, "Say what somebody did"),
    "page": (ingest.Page, "Say which page somebody saw"),
    "screen": (ingest.Screen, "Say which screen somebody saw"),
    "group": (ingest.Group, "Say to which organisation somebody belongs"),
    "alias": (ingest.Alias, "Say that two ids are one person"),
    "batch": (ingest.Batch, "Send many messages"),
    "import": (ingest.Batch, "Send many messages of the past"),
    "cloudevents": (ingest.CloudEvent, "Send CloudEvents"),
}
_SHORT = {long: f"\n\nAlso as `{short}`." for short, long in INGEST_PATHS.items() if short != long}
_ACCEPTED = {
    "description": "Durably accepted; a batch names the messages that were refused.",
    "content": {"application/json": {"schema": {"$ref": _REF.format(model="Accepted")}}},
}


def complete_document(app: FastAPI) -> None:
    """Add the ingest paths, which are served outside FastAPI, and the nulls that FastAPI drops from examples."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = describe()
            models = {model for model, _ in _INGEST.values()} | {ingest.Accepted}
            _, definitions = models_json_schema(
                [(model, "validation") for model in models], ref_template=_REF
            )
            schemas = document["components"]["schemas"]
            schemas.update(definitions["$defs"])
            schemas.update(
                {name: {**schemas[name], "examples": [example]} for name, example in EXAMPLES.items()}
            )
            for name, (model, summary) in _INGEST.items():
                document["paths"][f"/v1/{name}"] = {"post": _operation(name, model, summary)}
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(name: str, model: type[BaseModel], summary: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": _REF.format(model=model.__name__)}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if model is ingest.CloudEvent:
        several = {"type": "array", "items": schema, "minItems": 1, "maxItems": 2_500}
        content = {
            "application/cloudevents+json": {"schema": schema},
            "application/cloudevents-batch+json": {"schema": several, "example": [EXAMPLES["CloudEvent"]]},
        }
    return {
        "tags": ["ingest"],
        "summary": summary,
        "description": f"{(model.__doc__ or '').strip()}{_SHORT.get(f'/v1/{name}', '')}",
        "operationId": f"ingest_{name}",
        "security": [{"writeKey": []}],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _ACCEPTED,
            "400": problem("The request is not valid; `errors` names the fields.", _PROBLEM_EXAMPLES["400"]),
            "401": problem("The write key is missing or not known."),
            "408": problem("The body did not arrive in time."),
            "413": problem("The body or a message is too large."),
            "415": problem("The body has an encoding that is not understood."),
            **{str(status): UPSTREAM_PROBLEMS[status] for status in (429, 502, 503, 504)},
            "default": problem("Any other problem."),
        },
    }
