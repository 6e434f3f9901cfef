"""The published contracts: no drift, released schemas readable, golden examples and the codec of one mind."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanxi_contracts.catalog import TOPICS
from guanxi_contracts.compat import released_problems
from guanxi_contracts.envelope import ContractError, Envelope, EventType
from guanxi_contracts.export import REPOSITORY, contracts_folder, current_schemas, find_drift, render

CONTRACTS = contracts_folder(REPOSITORY)
EVENTS: dict[str, EventType[Any]] = {event.type: event for topic in TOPICS for event in topic.events}
FORMATS = jsonschema.FormatChecker(formats=())
every_event = pytest.mark.parametrize("type", sorted(EVENTS))


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def validator(type: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((CONTRACTS / "schemas" / f"{type}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=FORMATS)


VALIDATORS = {type: validator(type) for type in EVENTS}


def golden(type: str) -> dict[str, Any]:
    example: dict[str, Any] = json.loads(
        (CONTRACTS / "examples" / f"{type}.json").read_text(encoding="utf-8")
    )
    return example


def readable(type: str, event: object) -> bool:
    try:
        EVENTS[type].decode(json.dumps(event).encode())
    except ContractError:
        return False
    return True


def test_the_published_files_are_those_of_the_catalog_and_the_models() -> None:
    assert find_drift(render()) == []


def test_released_schemas_stay_readable() -> None:
    assert any((CONTRACTS / "schemas" / "released").glob("*/*.json"))
    assert released_problems(CONTRACTS / "schemas" / "released", current_schemas()) == []


def test_there_is_an_example_for_each_event_and_for_nothing_else() -> None:
    assert {path.stem for path in (CONTRACTS / "examples").iterdir()} == set(EVENTS)


@every_event
def test_a_golden_example_passes_at_both_ends(type: str) -> None:
    example = golden(type)
    VALIDATORS[type].validate(example)
    event = EVENTS[type].decode(json.dumps(example).encode())
    written = EVENTS[type].encode(
        event.data, id=event.id, source=event.source, time=event.time, subject=event.subject
    )
    assert json.loads(written) == example


@every_event
def test_a_golden_example_is_a_cloud_event(type: str) -> None:
    """Attributes of CloudEvents 1.0, section 3: names, the required four, types; JSON format: no `data_base64`."""
    example = golden(type)
    attributes = {name: value for name, value in example.items() if name != "data" and value is not None}
    assert all(name.isalnum() and name == name.lower() and len(name) <= 20 for name in attributes)
    assert all(isinstance(value, str) and value for value in attributes.values())
    assert {"id", "source", "specversion", "type"} <= set(attributes)
    assert attributes["specversion"] == "1.0"
    assert datetime.fromisoformat(attributes["time"]).utcoffset() is not None
    assert attributes["datacontenttype"] == "application/json"
    assert "data_base64" not in example


def breakages(example: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return copies of an event, each with one thing wrong somewhere."""
    wrong: list[tuple[str, dict[str, Any]]] = []

    def visit(node: Any, path: tuple[str | int, ...]) -> None:
        for key in (
            list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        ):
            for name, value in (("object", {"a": []}), ("number", 1.5), ("true", True), ("null", None)):
                wrong.append((f"{path}{key} {name}", replaced(example, (*path, key), value)))
            if isinstance(node, dict):
                wrong.append((f"{path}{key} gone", replaced(example, (*path, key), ...)))
            visit(node[key], (*path, key))

    visit(example, ())
    return wrong


def replaced(node: Any, path: tuple[str | int, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(node))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copy


@every_event
def test_schema_and_codec_agree_on_every_broken_example(type: str) -> None:
    refused = 0
    for name, event in breakages(golden(type)):
        valid = VALIDATORS[type].is_valid(event)
        if name != "()specversion gone":  # a reader forgives what a writer must not omit
            assert valid == readable(type, event), name
        refused += not valid
    assert refused > 20


@pytest.mark.parametrize("text", ["2024-05-01T02:00:00", "yesterday", ""])
def test_times_without_an_offset_are_refused_by_both(text: str) -> None:
    for type in EVENTS:
        event = {**golden(type), "time": text}
        assert not VALIDATORS[type].is_valid(event)
        assert not readable(type, event)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_an_identifier_hash_has_16_bytes_for_both(length: int) -> None:
    type = "guanxi.touchpoint.received.v1"
    path = ("data", "identifiers", 0, "hash")
    event = replaced(golden(type), path, base64.b64encode(bytes(length)).decode())
    assert not readable(type, event)
    assert not VALIDATORS[type].is_valid(event) or length == 17  # base64 hides whether it is 16, 17 or 18


times = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for whatever a contract's field may hold."""
    for wanted, strategy in (
        (msgspec.inspect.UUIDType, st.uuids()),
        (msgspec.inspect.DateTimeType, times),
        (msgspec.inspect.StrType, texts),
        (msgspec.inspect.BoolType, st.booleans()),
        (msgspec.inspect.NoneType, st.none()),
        (msgspec.inspect.FloatType, st.floats(allow_nan=False, allow_infinity=False)),
    ):
        if isinstance(kind, wanted):
            return strategy
    if isinstance(kind, msgspec.inspect.IntType):
        return st.integers(-(2**53), 2**53)
    if isinstance(kind, msgspec.inspect.BytesType):
        return st.binary(min_size=kind.min_length or 0, max_size=kind.max_length or 40)
    if isinstance(kind, msgspec.inspect.LiteralType):
        return st.sampled_from(kind.values)
    if isinstance(kind, msgspec.inspect.ListType):
        return st.lists(values(kind.item_type), max_size=3)
    if isinstance(kind, msgspec.inspect.DictType):
        return st.dictionaries(texts, values(kind.value_type), max_size=3)
    if isinstance(kind, msgspec.inspect.UnionType):
        return st.one_of([values(part) for part in kind.types])
    assert isinstance(kind, msgspec.inspect.StructType), kind
    return st.builds(kind.cls, **{field.name: values(field.type) for field in kind.fields})


def events(type: str) -> st.SearchStrategy[Envelope[Any]]:
    data = values(msgspec.inspect.type_info(EVENTS[type].model))
    return st.builds(Envelope, id=texts, source=texts, type=st.just(type), time=times, data=data)


@every_event
@settings(max_examples=40, deadline=None)
@given(draw=st.data())
def test_whatever_the_codec_writes_the_schema_accepts_and_the_codec_reads(
    type: str, draw: st.DataObject
) -> None:
    event = draw.draw(events(type))
    value = EVENTS[type].encode(event.data, id=event.id or "1", source=event.source or "/", time=event.time)
    VALIDATORS[type].validate(json.loads(value))
    assert EVENTS[type].decode(value).data == event.data


def test_the_examples_hold_no_real_person() -> None:
    for path in Path(CONTRACTS / "examples").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "@" not in text
        assert "+86" not in text
