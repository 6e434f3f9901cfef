"""What breaks a released schema, and what does not."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from guanxi_contracts.compat import incompatibilities, released_problems
from guanxi_contracts.export import current_schemas

RELEASED: dict[str, Any] = current_schemas()["guanxi.touchpoint.resolved.v1"]
POINT = "TouchpointReceivedV1"


def fields(schema: dict[str, Any], model: str = POINT) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][model]["properties"]
    return found


def required(schema: dict[str, Any], model: str = POINT) -> list[str]:
    found: list[str] = schema["$defs"][model]["required"]
    return found


def test_a_schema_is_compatible_with_itself() -> None:
    for schema in current_schemas().values():
        assert incompatibilities(schema, schema) == []


def _remove(schema: dict[str, Any]) -> None:
    del fields(schema)["purchase"]


def _rename(schema: dict[str, Any]) -> None:
    fields(schema)["event_name"] = fields(schema).pop("name")


def _require_new(schema: dict[str, Any]) -> None:
    fields(schema)["tenant"] = {"type": "string"}
    required(schema).append("tenant")


def _require_old(schema: dict[str, Any]) -> None:
    required(schema).append("has_traits")


def _other_type(schema: dict[str, Any]) -> None:
    fields(schema)["channel"] = {"type": "integer"}


def _no_null(schema: dict[str, Any]) -> None:
    fields(schema)["name"] = {"type": "string"}


def _fewer_values(schema: dict[str, Any]) -> None:
    fields(schema)["kind"]["enum"].remove("alias")


def _text_to_values(schema: dict[str, Any]) -> None:
    fields(schema)["channel"] = {"enum": ["web"]}


def _number_to_integer(schema: dict[str, Any]) -> None:
    fields(schema, "Purchase")["amount_minor"] = {"type": "integer", "minimum": 0}


def _shorter(schema: dict[str, Any]) -> None:
    fields(schema, "IdentifierRef")["hash"]["maxLength"] = 20


def _format(schema: dict[str, Any]) -> None:
    fields(schema)["channel"]["format"] = "uuid"


def _item(schema: dict[str, Any]) -> None:
    fields(schema)["identifiers"]["items"] = {"type": "string"}


def _closed(schema: dict[str, Any]) -> None:
    schema["$defs"][POINT]["additionalProperties"] = False


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_remove, "$.data.touchpoint.purchase: was removed or renamed"),
        (_rename, "$.data.touchpoint.name: was removed or renamed"),
        (_require_new, "$.data.touchpoint.tenant: is newly required"),
        (_require_old, "$.data.touchpoint.has_traits: is newly required"),
        (_other_type, "$.data.touchpoint.channel: was string, is integer"),
        (_no_null, "$.data.touchpoint.name: was null, is string"),
        (_fewer_values, '$.data.touchpoint.kind: no longer accepts "alias"'),
        (_text_to_values, "$.data.touchpoint.channel: no longer accepts other values"),
        (_number_to_integer, "$.data.touchpoint.purchase.amount_minor: minimum is now 0"),
        (_shorter, "$.data.touchpoint.identifiers[].hash: maxLength is now 20"),
        (_format, "$.data.touchpoint.channel: format is now uuid"),
        (_item, "$.data.touchpoint.identifiers[]: was object, is string"),
        (_closed, "$.data.touchpoint: no longer accepts further fields"),
    ],
)
def test_a_break_is_found_and_named(change: Any, path: str) -> None:
    current = deepcopy(RELEASED)
    change(current)
    # A break of a shared model is named at every place that uses it.
    assert path in incompatibilities(RELEASED, current)
    assert len(incompatibilities(RELEASED, current)) <= 2


def test_further_optional_fields_and_values_are_welcome() -> None:
    current = deepcopy(RELEASED)
    fields(current)["campaign"] = {"type": "string"}
    fields(current)["kind"]["enum"].append("visit")
    fields(current)["channel"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    fields(current, "Purchase")["quantity"] = {"type": "number"}
    required(current).remove("name")
    assert incompatibilities(RELEASED, current) == []


def test_maps_and_recursive_models_are_compared() -> None:
    def tree(leaf: dict[str, Any]) -> dict[str, Any]:
        node = {"properties": {"leaf": leaf, "next": {"$ref": "#/$defs/Node"}}, "type": "object"}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": node}}

    assert incompatibilities(tree({"type": "string"}), tree({"type": "string"})) == []
    assert incompatibilities(tree({"type": "string"}), tree({"type": "integer"})) == [
        "$.leaf: was string, is integer"
    ]
    before = {"type": "object", "additionalProperties": {"type": "number"}}
    now = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert incompatibilities(before, now) == ["$.*: was number, is integer"]
    assert incompatibilities(now, before) == []


def test_every_release_is_compared_and_a_removed_event_is_a_break(tmp_path: Path) -> None:
    (tmp_path / "0.1.0").mkdir()
    for type, schema in current_schemas().items():
        (tmp_path / "0.1.0" / f"{type}.json").write_text(json.dumps(schema))
    current = current_schemas()
    assert released_problems(tmp_path, current) == []
    current.pop("guanxi.message.failed.v1")
    fields(current["guanxi.score.changed.v1"], "ScoreChangedV1").pop("tier")
    assert released_problems(tmp_path, current) == [
        "guanxi.message.failed.v1 (released in 0.1.0): the event type was removed",
        "guanxi.score.changed.v1 (released in 0.1.0): $.data.tier: was removed or renamed",
    ]
