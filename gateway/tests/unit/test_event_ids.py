import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi_gateway.application.event_ids import (
    EventId,
    InvalidEventId,
    decode_event_id,
    encode_event_id,
    mark_of,
)

positions = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=200).map(tuple)


@given(st.integers(0, 2**32 - 1), positions)
def test_every_place_survives_the_round_trip(mark: int, places: tuple[int, ...]) -> None:
    assert decode_event_id(encode_event_id(mark, places)) == EventId(mark, places)


@given(st.text(max_size=200))
def test_any_text_is_an_event_id_or_is_refused_as_invalid(text: str) -> None:
    try:
        decoded = decode_event_id(text)
    except InvalidEventId:
        return
    assert decode_event_id(encode_event_id(*decoded)) == decoded


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AQ",
        "AQAAAAA",
        "CAAAAAAB",
        "AQAAAACA",
        "AQAAAAD_____________",
        "hello world",
        "AQAAAAAB\n",
        "A" * 5000,
    ],
)
def test_what_is_no_event_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidEventId):
        decode_event_id(text)


def test_an_id_of_twelve_partitions_stays_short() -> None:
    assert len(encode_event_id(mark_of("log"), (10_000_000,) * 12)) < 80


def test_another_log_has_another_mark() -> None:
    assert mark_of("8f0d") != mark_of("8f0e")
