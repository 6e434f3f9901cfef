"""Reading messages: every fault names its field, none escapes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_service.application.message import (
    Malformed,
    read_envelope,
    read_message,
    read_object,
)
from interaction_service.domain.limits import MAX_DEPTH, MAX_EVENT_BYTES
from interaction_service.domain.refusal import Refused


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"userId": 1.5}, "userId"),
        ({"userId": True}, "userId"),
        ({"event": 1}, "event"),
        ({"event": "x" * 513}, "event"),
        ({"name": "a\0"}, "name"),
        ({"messageId": "x" * 101}, "messageId"),
        ({"messageId": 7}, "messageId"),
        ({"timestamp": 1700000000}, "timestamp"),
        ([], ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_wrong_fields_are_named(message: Any, field: str) -> None:
    with pytest.raises(Refused) as refused:
        read_message(json.dumps(message).encode())
    assert refused.value.field == field
    assert refused.value.reason


def test_ids_may_be_numbers_and_nulls_are_absent() -> None:
    message = read_message(b'{"userId": 17, "anonymousId": null, "unknown": [1], "properties": null}')
    assert (message.user_id, message.anonymous_id) == (17, None)
    assert read_object(message.properties, "properties") == {}
    assert read_object(message.traits, "traits") == {}


@pytest.mark.parametrize("value", [b"[1]", b'"x"', b"1", b'{"a": 1e999}'])
def test_content_must_be_readable_objects(value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_object(msgspec.Raw(value), "properties")
    assert refused.value.field.startswith("properties")


@pytest.mark.parametrize("text", ["", "{", "[", '}"{', '\\"{[{[', "{" * 40])
def test_depth_is_bounded_whatever_texts_hold(text: str) -> None:
    padding = [{"t": text}] * 40
    within = {"userId": "u", "properties": {"deep": nested(MAX_DEPTH - 2), "texts": padding}}
    assert read_message(json.dumps(within).encode()).user_id == "u"
    beyond = {"userId": "u", "properties": {"deep": nested(MAX_DEPTH - 1), "texts": padding}}
    with pytest.raises(Refused, match="nested deeper"):
        read_message(json.dumps(beyond).encode())


def test_size_is_bounded() -> None:
    frame = len(json.dumps({"userId": "u", "name": ""}))
    fits = json.dumps({"userId": "u", "properties": "x" * (MAX_EVENT_BYTES - frame - 6)}).encode()
    assert len(fits) == MAX_EVENT_BYTES
    read_message(fits)
    with pytest.raises(Refused, match="larger"):
        read_message(fits + b" ")


@given(st.binary(max_size=200))
def test_no_bytes_escape_as_anything_but_a_fault(body: bytes) -> None:
    for read in (read_envelope, read_message):
        with suppress(Malformed, Refused):
            read(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("batch", "sentAt", "context", "writeKey"), JSON)))
def test_no_document_escapes_as_anything_but_a_fault(document: Any) -> None:
    with suppress(Malformed):
        assert isinstance(read_envelope(json.dumps(document).encode()).batch, list)
