"""How people are read and compared, and what a household changes."""

from __future__ import annotations

from typing import Any

import pytest

from profile_service.adapters.duplicates.addresses import read_address
from profile_service.adapters.duplicates.dialects import compare
from profile_service.adapters.duplicates.names import read_name
from profile_service.adapters.duplicates.people import make_person
from profile_service.application.duplicates.explain import Told
from profile_service.domain.duplicates.comparisons import COMPARISONS
from profile_service.domain.duplicates.model import Model, choose_threshold, default_model
from profile_service.domain.duplicates.person import ONLINE_KEYS, Person, blocking_keys
from profile_service.domain.duplicates.words import LEVELS, describe

HOME = "上海市徐汇区建国路88号3号楼502室"
FATHER = {"name": "王建国", "birthday": "1956-02-03", "address": HOME, "phone": "+8613900000001"}


def person(traits: dict[str, Any]) -> Person:
    return make_person(traits, [], lambda _, value: value)


def levels(left: dict[str, Any], right: dict[str, Any]) -> dict[str, str]:
    known = compare(person(left), person(right))
    return {field: level for field, level in known.items() if level != "unknown"}


def probability(left: dict[str, Any], right: dict[str, Any], model: Model | None = None) -> float:
    return (model or default_model()).score(compare(person(left), person(right)), {}).probability


@pytest.mark.parametrize(
    ("text", "given", "family"),
    [
        ("张小明", "xiaoming", "zhang"),
        ("张小明先生", "xiaoming", "zhang"),
        ("欧阳娜娜", "nana", "ouyang"),
        ("單小明", "xiaoming", "shan"),
        ("曾国藩", "guofan", "zeng"),
        ("小明", "xiaoming", None),
        ("Zhang Xiaoming", "xiaoming", "zhang"),
        ("Xiao Ming Zhang", "xiaoming", "zhang"),
        ("ZHANG, Xiaoming", "xiaoming", "zhang"),
        ("Dr. José María García", "jose", "garcia"),
        ("Ludwig van der Berg", "ludwig", "vanderberg"),
        ("O'Neil, Ada", "ada", "oneil"),
        ("Ada", "ada", None),
        ("", None, None),
    ],
)
def test_names_in_either_writing(text: str, given: str | None, family: str | None) -> None:
    assert read_name(text)[:2] == (given, family)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HOME, ("jianguolu", "88-3-502", "shanghaixuhui", None)),
        ("徐汇区建国路88号3号楼502", ("jianguolu", "88-3-502", "xuhui", None)),
        ("12 Main St., Springfield 62704", ("mainstreet", "12", "springfield", "62704")),
        (
            {"street": "12 Main Street", "city": "Springfield", "postalCode": 62704},
            ("mainstreet", "12", "springfield", "62704"),
        ),
        ({"city": ""}, (None, None, None, None)),
        (17, (None, None, None, None)),
    ],
)
def test_addresses_as_text_and_as_objects(value: Any, expected: tuple[str | None, ...]) -> None:
    assert tuple(read_address(value)) == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1985-02-03", "19850203"),
        ("1985/2/3", "19850203"),
        ("1985年2月3日", "19850203"),
        (19850203, "19850203"),
        ("1985-02-03T00:00:00Z", "19850203"),
        ("23.02.1985", "19850223"),
        ("1985-13-45", "19851345"),
        ("1900-01-01", None),
        ("unknown", None),
    ],
)
def test_birthdays_as_people_write_them(written: Any, read: str | None) -> None:
    assert person({"birthday": written}).birthday == read


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"name": "张小明"}, {"name": "Zhang Xiaoming"}, {"given_name": "same", "family_name": "same"}),
        ({"name": "张小明"}, {"name": "张晓明"}, {"given_name": "same_sound", "family_name": "same"}),
        ({"name": "张小明"}, {"name": "张小红"}, {"given_name": "one_character", "family_name": "same"}),
        ({"name": "Xiaoming Zhang"}, {"firstName": "Zhang", "lastName": "Xiaoming"}, {"given_name": "swapped"}),
        ({"name": "Jon Smith"}, {"name": "J. Smith"}, {"given_name": "initial", "family_name": "same"}),
        ({"name": "Johnny Smith"}, {"name": "Johny Smiht"},
         {"given_name": "typing_error", "family_name": "typing_error"}),
        ({"birthday": "1985-02-03"}, {"birthday": "1985-03-02"}, {"birthday": "day_and_month_swapped"}),
        ({"birthday": "1985-02-03"}, {"birthday": "1986-02-03"}, {"birthday": "typing_error"}),
        ({"address": HOME}, {"address": "徐汇区建国路88号3号楼502"}, {"address": "same_house"}),
        ({"phone": "+8613900000001"}, {"mobile": "+8613900000010"}, {"phone": "typing_error"}),
        ({"email": "panda88@example.com"}, {"email": "panda88@example.org"}, {"email": "same_mailbox"}),
        ({"name": "Ada Wu", "email": "ada.wu@example.com"}, {"name": "Ada Wu", "email": "ada.wu@example.org"},
         {"given_name": "same", "family_name": "same", "email": "different"}),
        ({"gender": "男"}, {"gender": "male"}, {"gender": "same"}),
    ],
)  # fmt: skip
def test_levels(left: dict[str, Any], right: dict[str, Any], expected: dict[str, str]) -> None:
    assert levels(left, right) == expected


@pytest.mark.parametrize(
    "relative",
    [
        {"name": "李梅", "birthday": "1958-07-11"},
        {"name": "王志强", "birthday": "1984-10-21"},
        {"name": "王建军", "birthday": "1959-10-09"},
        {"name": "王建业", "birthday": "1956-02-03"},
        {"name": "Jianguo Wang", "birthday": "1984-10-21"},
    ],
)
def test_members_of_a_household_are_not_one_person(relative: dict[str, str]) -> None:
    """Wife, son, brother, twin, and a son with his father's name: all at one address with one phone."""
    assert probability(FATHER, FATHER | relative) < 0.5


@pytest.mark.parametrize(
    "again",
    [
        {"birthday": "1956-03-02"},
        {"name": "Wang Jianguo", "phone": "+8613900000010"},
        {"name": "王健国", "address": "建国路88号3号楼502"},
    ],
)
def test_one_person_with_errors_is(again: dict[str, str]) -> None:
    assert probability(FATHER, FATHER | again) > 0.9


def test_a_threshold_is_as_low_as_nearly_all_above_it_are_right() -> None:
    assert choose_threshold([0.99] * 50 + [0.55]) == 0.5
    assert choose_threshold([0.999] * 10 + [0.65] * 5) == 0.7
    assert choose_threshold([0.6, 0.7, 0.75]) == 0.9
    assert choose_threshold([]) == 0.9


def test_a_model_survives_its_document() -> None:
    model = default_model(5000)
    assert Model.from_document(model.to_document()) == model


def test_swapped_names_share_their_keys_and_few_are_kept() -> None:
    one, other = (
        dict(blocking_keys(person({"name": name, "birthday": "1985-02-03", "phone": "+8613900000001"})))
        for name in ("Xiaoming Zhang", "Zhang Xiaoming")
    )
    assert one["name_year"] == other["name_year"]
    assert set(one) >= {"name", "birth_given", "phone_tail"}
    everything = person(
        {**FATHER, "email": "panda88@example.com", "address": "12 Main St., Springfield 62704"}
    )
    assert len([kind for kind, _ in blocking_keys(everything) if kind in ONLINE_KEYS]) <= len(ONLINE_KEYS)


def test_every_level_has_words() -> None:
    for comparison in COMPARISONS:
        assert {level.name for level in comparison.levels} == set(LEVELS[comparison.field])
    said = describe("address", "same", 12.0, 0.0)
    assert said.en == (
        "Addresses are the same: strong evidence for one person; members of one household would agree here, too."
    )
    assert said.zh == "地址相同：强烈支持为同一人；同一家庭成员也会如此。"
    assert Told({}, []).identifiers == []
