"""Masking: phone numbers and e-mail addresses never leave in clear, whatever the field is called."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guanxi_kit.masking import CLEAR, MASKED, Shown, mask_content, mask_identifier, mask_trait


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("phone", "+12025550123", "+1 20****0123"),
        ("phone", "+8619900001234", "199****1234"),
        ("phone", "+86 138 1234 5678", "138****5678"),
        ("phone", "+447700900871", "+44 77****0871"),
        ("phone", "+6581234567", "+65 ****4567"),
        ("phone", "+353123456", "+353 ****56"),
        ("phone", "12345", "****"),
        ("email", "ada@example.com", "a****@example.com"),
        ("email", "x@example.org", "x****@example.org"),
        ("email", "broken", "****"),
        ("member_number", "M-1001", "M-1001"),
        ("device_id", "abc", "abc"),
        ("user_id", "ada@example.com", "a****@example.com"),
        ("member_number", "13900005678", "139****5678"),
    ],
)
def test_identifiers(kind: str, value: str, masked: str) -> None:
    assert mask_identifier(kind, value) == masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("phone", "020 7946 0123", "020****0123"),
        ("mobilePhone", 19900001234, "199****1234"),
        ("home_phone_2", "02079460123", "020****0123"),
        ("tel", "123", "****"),
        ("手机", "19900001234", "199****1234"),
        ("联系电话", "02079460123", "020****0123"),
        ("phones", ["02079460123"], ["020****0123"]),
        (
            "address",
            {"city": "Shanghai", "phone": "02079460123"},
            {"city": "Shanghai", "phone": "020****0123"},
        ),
    ],
)
def test_a_name_that_says_phone_masks_whatever_it_holds(name: str, value: Any, masked: Any) -> None:
    assert mask_content(value, name) == masked
    assert mask_content({name: value}) == {name: masked}


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("name", "张三丰", "张**"),
        ("fullName", "Ada Lovelace", "A** L**"),
        ("收货人姓名", "李雷", "李**"),
        ("address", "上海市浦东新区世纪大道 100 号", "上海市****"),
        ("shipping_address", "12 Example Street", "****"),
        ("address", {"city": "上海", "street": "世纪大道"}, {"city": "上海", "street": "****"}),
        ("birthday", "1990-05-01", "1990-**-**"),
        ("dateOfBirth", "1990-05-01T00:00:00Z", "1990-**-**"),
        ("生日", "5月1日", "****"),
        ("passport_number", "E00000000", "****0000"),
        ("身份证号", "11010119000101001X", "****001X"),
        ("city", "上海", "上海"),
        ("memberNumber", "M-1001", "M-1001"),
        ("name", {"zh": "张三"}, {"zh": "张三"}),
    ],
)
def test_traits_of_a_person(name: str, value: Any, masked: Any) -> None:
    assert mask_trait(name, value) == MASKED.trait(name, value) == masked
    assert CLEAR.trait(name, value) == value


def test_who_serves_people_sees_their_names_and_the_pack_says_what_other_traits_are() -> None:
    shown = Shown(names=True).declaring({"line": "phone", "second_mail": "email", "wedding": "date"})
    traits = {
        "name": "张三",
        "contact_person": "李雷",
        "phone": "13812345678",
        "line": "02079460123",
        "second_mail": "ada@example.com",
        "wedding": "2001-02-03",
        "birthday": "1990-05-01",
    }
    assert shown.traits(traits) == {
        "name": "张三",
        "contact_person": "李雷",
        "phone": "138****5678",
        "line": "020****0123",
        "second_mail": "a****@example.com",
        "wedding": "2001-**-**",
        "birthday": "1990-**-**",
    }
    assert MASKED.traits({"name": "张三"}) == {"name": "张**"}
    assert MASKED.of("enterprise").traits({"name": "Acme", "contact": "李雷"}) == {
        "name": "Acme",
        "contact": "李**",
    }
    assert shown.of("enterprise").content({"recipient": "李雷", "tel": "12345678901"})["recipient"] == "李雷"


def test_a_bare_name_in_content_is_a_products() -> None:
    order = {"products": [{"name": "Latte"}], "recipient": "张三", "customer": {"firstName": "Ada"}}
    assert mask_content(order) == {
        "products": [{"name": "Latte"}],
        "recipient": "张**",
        "customer": {"firstName": "A**"},
    }


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ada@example.com", "a****@example.com"),
        ("write ada@example.com, thanks", "write a****@example.com, thanks"),
        ("to lin@example.com, then 19900001234.", "to l****@example.com, then 199****1234."),
        ("邮箱是lin@example.com", "邮****@example.com"),
        ("root@localhost", "r****@localhost"),
        ("o'neil!x@example.com", "o****@example.com"),
        ("call +1 202-555-0123 today", "call +1 20****0123 today"),
        ("call 19900001234 today", "call 199****1234 today"),
        ("电话19900001234谢谢", "电话199****1234谢谢"),
        ("199-0000-1234", "199****1234"),
        ("86 199 0000 1234", "199****1234"),
        ("008619900001234", "199****1234"),
        (19900001234, "199****1234"),
        (["ada@example.com", 3], ["a****@example.com", 3]),
        ([{"value": "+442079460958"}], [{"value": "+44 20****0958"}]),
        ({"ada@example.com": {"19900001234": 1}}, {"a****@example.com": {"199****1234": 1}}),
    ],
)
def test_contact_data_is_found_anywhere(value: Any, masked: Any) -> None:
    assert mask_content(value) == masked


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        ("e=lin@example.com&n=1", "e=l****@example.com&n=1"),
        ("e=lin%40example.com", "e=l****@example.com"),
        ("e=lin%2Bshop%40example.com&p=1", "e=l****@example.com&p=1"),
        ("p=%2B12025550142", "p=+1 20****0142"),
        ("q=call%2019900001234", "q=call 199****1234"),
        ("next=%2F%3Fe%3Dlin%2540example.com", "next=/?e=l****@example.com"),
        ("a=ada@example.com&e=lin%40example.com", "a=a****@example.com&e=l****@example.com"),
    ],
)
def test_links_hide_no_contact_data(query: str, masked: str) -> None:
    assert mask_content(f"https://x.example.com/?{query}") == f"https://x.example.com/?{masked}"


@pytest.mark.parametrize(
    "content",
    [
        {"order_id": "A-20240501-001", "revenue": 1234567.89, "paid": True, "none": None},
        {
            "date": "2026-05-01T08:30:00Z",
            "opened": "1990-01-02",
            "count": 12345678901234,
            "spent": 123456789012,
        },
        {"telescope": "Hubble 2", "city": "Shanghai", "handle": "@guanxi", "rate": "100% @ 3"},
        {"ip": "192.0.2.146", "gateway": "192.168.10.100", "version": "10.15.7.20240501"},
        {"url": "https://x.example.com/?q=caf%C3%A9%20au%20lait"},
    ],
)
def test_other_content_stays(content: Any) -> None:
    assert mask_content(content) == content


@example(before="0@", after="")
@example(before="a@b.com|", after=".")
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_surrounding_text_lets_an_address_through(before: str, after: str) -> None:
    assert "lovelace@example" not in mask_content(f"{before}lovelace@example.com{after}")


@pytest.mark.parametrize("unit", ["a", "a.", "%aa", "1 ", "1-", "+1", "a@", "%40"])
def test_time_grows_with_the_length_only(unit: str) -> None:
    started = time.process_time()
    mask_content(unit * (64_000 // len(unit)) + " @")
    assert time.process_time() - started < 1
