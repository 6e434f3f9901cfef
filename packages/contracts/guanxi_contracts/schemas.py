"""JSON Schemas of the events, derived from the models that the codec uses: the two cannot drift apart."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from guanxi_contracts.envelope import Envelope, EventType

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def event_schema(event: EventType[Any]) -> Schema:
    """Return the JSON Schema (2020-12) of a whole event, envelope and data, as it stands on a topic."""
    generated = msgspec.json.schema(Envelope[event.model])  # type: ignore[name-defined]
    definitions: Schema = _tidy(generated["$defs"])
    envelope: Schema = definitions.pop(generated["$ref"].rpartition("/")[2])
    properties = envelope["properties"]
    properties["type"] = {"const": event.type}
    properties["specversion"] = {"const": "1.0"}
    properties["id"] |= {"minLength": 1}
    properties["source"] |= {"minLength": 1, "format": "uri-reference"}
    return {
        "$schema": DIALECT,
        "$id": f"{event.type}.json",
        "title": event.type,
        "description": definitions[event.model.__name__]["description"].partition("\n")[0],
        "type": "object",
        "properties": properties,
        "required": [*envelope["required"], "specversion"],
        "$defs": dict(sorted(definitions.items())),
    }


def _tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _tidy(value) for key, value in node.items()}
    if isinstance(result.get("description"), str):
        result["description"] = inspect.cleandoc(result["description"])
    if result.get("contentEncoding") == "base64":
        result["pattern"] = _BASE64
    return result
