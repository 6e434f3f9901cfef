"""What a search compares."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi_kit.crypto import Keyring
from interaction_service.application.text_index import MOST_WORDS, Question, TextIndex
from interaction_service.domain.words import fold, words_asked, words_of

TEXT = "您好，我的订单 A-2026 还没有收到，想申请退款。ＲＥＦＵＮＤ please"
INDEX = TextIndex(Keyring.generate(), ["message", "备注", "tags"])
SOMEBODY = UUID(int=7)


@pytest.mark.parametrize(
    ("asked", "stands"),
    [
        ("退款", True),
        ("申请退款", True),
        ("款", True),
        ("refund", True),
        ("Ｒｅｆｕｎｄ　退款", True),
        ("2026 please", True),
        ("a-2026", True),
        ("退款、订单！", True),
        ("退款，发票", False),
        ("a,2026", False),
        ("退货", False),
        ("款退", False),
        ("申退", False),
        ("fund", False),
        ("退款 invoice", False),
        ("2026a", False),
    ],
)
def test_words_of_any_script_are_found(asked: str, stands: bool) -> None:
    question = Question(asked)
    has_words = set(INDEX.asked(SOMEBODY, question)) <= set(INDEX.words(SOMEBODY, {"message": TEXT}))
    assert (has_words and question.stands_in(INDEX.text({"message": TEXT}))) is stands


@given(st.text("退款申请订单ab12 ,。é", max_size=60), st.data())
def test_the_index_never_loses_a_part_of_unspaced_text(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    begin = data.draw(st.integers(0, len(folded)))
    part = folded[begin : data.draw(st.integers(begin, len(folded)))]
    if part and all("\u4e00" <= character <= "\u9fff" for character in part):
        assert set(words_asked(part, 16)) <= set(words_of(folded, MOST_WORDS))


def test_a_long_text_leaves_room_for_a_short_one_beside_it() -> None:
    letter = "".join(chr(0x4E00 + number) for number in range(3_000))
    words = INDEX.words(SOMEBODY, {"message": letter, "备注": "漏水"})
    assert len(words) == MOST_WORDS
    assert set(INDEX.asked(SOMEBODY, Question("漏水"))) <= set(words)
    assert words == INDEX.words(SOMEBODY, {"备注": "漏水", "message": letter})


def test_a_long_text_keeps_its_pairs_before_its_characters() -> None:
    folded = "".join(chr(0x4E00 + number) for number in range(1_200))
    words = words_of(folded, MOST_WORDS)
    assert len(words) == MOST_WORDS
    assert {len(word) for word in words} == {2}
    assert len(words_of("word " * 1000 + folded[:5], MOST_WORDS)) == 10


def test_the_same_word_looks_different_with_every_person_and_every_installation() -> None:
    question = Question("退款")
    others = TextIndex(Keyring.generate(), ["message"])
    hashes = {
        *INDEX.asked(SOMEBODY, question),
        *INDEX.asked(UUID(int=8), question),
        *others.asked(SOMEBODY, question),
    }
    assert len(hashes) == 3


def test_only_declared_properties_are_text() -> None:
    assert INDEX.text({"message": "Hello", "other": "退款", "备注": 7, "tags": ["早餐", {"x": "y"}]}) in (
        "hello\n早餐",
        "早餐\nhello",
    )
    assert INDEX.words(SOMEBODY, {"other": "退款"}) == []
    assert INDEX.may_have_text('{"properties":{"备注":"x"}}'.encode())
    assert INDEX.may_have_text(rb'{"properties":{"\u5907\u6ce8":"x"}}')
    assert not INDEX.may_have_text(b'{"properties":{"revenue":1,"messages":[]}}')
    assert not TextIndex(Keyring.generate(), ()).may_have_text(b'{"properties":{"message":"x"}}')
