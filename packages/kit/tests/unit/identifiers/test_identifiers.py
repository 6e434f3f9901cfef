"""Normal forms: one person's ways of writing meet, strangers' fillers do not."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guanxi_kit.identifiers import IdentifierRules, Invalid, Junk, Normalised
from guanxi_kit.identifiers.mail_address import fast_email, slow_email
from guanxi_kit.identifiers.phone import NotPhoneError, fast_phone, slow_phone
from guanxi_kit.packs import IdentifierSettings, load_pack

PACKS = Path(__file__).parents[5] / "packs"
SETTINGS = load_pack(PACKS, "services").identifiers
RULES = IdentifierRules(SETTINGS)


def value_of(type: str, raw: object, namespace: str = "", rules: IdentifierRules = RULES) -> str:
    found = rules.normalise(type, raw, namespace)
    assert isinstance(found, Normalised), found
    return found.value


@pytest.mark.parametrize(
    "raw",
    [
        "19900001234",
        "+8619900001234",
        "8619900001234",
        "008619900001234",
        "+86 199 0000 1234",
        "199-0000-1234",
        "(+86) 199 0000 1234",
        "019900001234",
        "１９９００００１２３４",
        "\u202a+86 19900001234\u202c",
        " 19900001234\t",
        "tel:+86-199-0000-1234",
        "'19900001234",
        "19900001234.0",
        19900001234,
    ],
)
def test_all_ways_to_write_a_chinese_mobile_meet(raw: object) -> None:
    assert value_of("phone", raw) == "+8619900001234"


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("010-12345670", "CN", "+861012345670"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("+1 (202) 555-0123", "CN", "+12025550123"),
        ("+12025550123", "CN", "+12025550123"),
        ("+44 7700 900123", "CN", "+447700900123"),
        ("+44 (0)7700 900123", "CN", "+447700900123"),
        ("+8619900001234", "US", "+8619900001234"),
    ],
)
def test_phones_take_the_default_region(raw: str, region: str, expected: str) -> None:
    assert value_of("phone", raw, rules=IdentifierRules(SETTINGS, region)) == expected


@pytest.mark.parametrize(
    "raw",
    ["12", "9550", "call me", "+86 10 1234 5670 ext. 12", "a@example.com", "1-800-FLOWERS", "+999123456789"],
)
def test_what_is_no_phone_is_invalid(raw: str) -> None:
    assert isinstance(RULES.normalise("phone", raw), Invalid)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Li.Wei@Example.COM", "li.wei@example.com"),
        (" li.wei+news@example.com ", "li.wei+news@example.com"),
        ("ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
        ("li@bücher.example", "li@xn--bcher-kva.example"),
        ("li@xn--bcher-kva.example", "li@xn--bcher-kva.example"),
        ("李伟@example.com", "李伟@example.com"),
        ("o'brien@example.org", "o'brien@example.org"),
    ],
)
def test_emails_are_lower_case_with_an_ascii_domain(raw: str, expected: str) -> None:
    assert value_of("email", raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "li",
        "li@",
        "@example.com",
        "li@example",
        "li..wei@example.com",
        "li@@example.com",
        "li@local",
        "li@example.test",
        "Li Wei <li@example.com>",
        "li@-example.com",
        f"{'x' * 65}@example.com",
    ],
)
def test_what_is_no_email_is_invalid(raw: str) -> None:
    assert isinstance(RULES.normalise("email", raw), Invalid)


@pytest.mark.parametrize("type", sorted(SETTINGS.types))
@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "  ",
        "null",
        "NULL",
        "None",
        "undefined",
        "guest",
        "Anonymous",
        "unknown",
        "0",
        0,
        "0000000",
        "test",
        "[object Object]",
        "NaN",
        "n/a",
        "\\N",
        "6.22E+15",
        "-",
        "--",
        "...",
        "无",
        "ｎｕｌｌ",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_fillers_identify_nobody(type: str, raw: object) -> None:
    assert isinstance(RULES.normalise(type, raw, "wx1"), Junk)


@pytest.mark.parametrize(
    ("type", "raw"),
    [
        ("phone", "13800138000"),
        ("phone", "+86 138 0000 0000"),
        ("phone", "1380013 8000"),
        ("phone", "13800000000"),
        ("phone", "+1 222 222 2222"),
        ("phone", "+1 1234567890"),
        ("email", "noreply@shop.example.com"),
        ("phone", "138 8888 8888"),
        ("email", "Test@Test.com"),
        ("email", "test@example.com"),
        ("email", "guest@hotel.example.com"),
        ("email", "null@example.com"),
        ("email", "123@example.com"),
        ("user_id", "admin"),
        ("third_party_account", "散客"),
        ("email", "noreply@example.com"),
        ("member_number", "vip"),
        ("device_id", "9774D56D682E549C"),
    ],
)
def test_known_fillers_of_one_type(type: str, raw: str) -> None:
    assert isinstance(RULES.normalise(type, raw, "meituan"), Junk)


def test_a_filler_of_one_type_may_be_a_value_of_another() -> None:
    assert value_of("user_id", "13800138000") == "13800138000"
    assert value_of("user_id", "VIP") == "VIP"


def test_a_pack_adds_fillers_in_any_spelling() -> None:
    phone = SETTINGS.types["phone"].model_copy(update={"junk": ("199 0000 1234",)})
    rules = IdentifierRules(
        IdentifierSettings(types={"phone": phone}, fragments_per_customer=5, junk=("Walk-in",))
    )
    assert isinstance(rules.normalise("phone", "+8619900001234"), Junk)
    assert isinstance(rules.normalise("phone", "walk-IN"), Junk)
    assert isinstance(rules.normalise("phone", "+8619900001235"), Normalised)


def test_opaque_ids_keep_their_case() -> None:
    assert value_of("wechat_unionid", " oAbC_dEf-12 ") == "oAbC_dEf-12"
    assert value_of("wechat_openid", "oAbC", "wx0123") == "oAbC"


def test_namespaces_belong_to_the_types_that_declare_them() -> None:
    assert RULES.normalise("wechat_openid", "oAbC", " wx1 ") == Normalised("wechat_openid", "wx1", "oAbC")
    assert isinstance(RULES.normalise("wechat_openid", "oAbC"), Invalid)
    assert isinstance(RULES.normalise("wechat_openid", "oAbC", "w\0x"), Invalid)
    assert RULES.normalise("user_id", "oAbC", "wx1") == Normalised("user_id", "", "oAbC")


@pytest.mark.parametrize(
    "raw",
    [
        "a\0b",
        "a\x1bb",
        "a\u2028b",
        "a\ud800b",
        "a\x85b",
        "x" * 257,
        "ﷺ" * 20,
        True,
        1.5,
        ["a"],
        {"a": 1},
        10**100,
        b"a",
    ],
)
def test_unusable_values_are_invalid_without_repeating_them(raw: object) -> None:
    found = RULES.normalise("user_id", raw)
    assert isinstance(found, Invalid)
    assert "ﷺ" not in found.reason
    assert "xxx" not in found.reason


def test_a_number_too_long_to_print_is_invalid() -> None:
    assert isinstance(RULES.normalise("user_id", 10**5000), Invalid)


def test_unknown_types_are_invalid() -> None:
    assert isinstance(RULES.normalise("shoe_size", "42"), Invalid)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3
)
PHONE_LIKE = st.from_regex(r"[+(]?[0-9０-９]{1,4}[0-9 ()+./-]{0,18}", fullmatch=True)
MAIL_LIKE = st.builds(
    "{}@{}.{}".format, st.text(max_size=8), st.text(max_size=8), st.sampled_from(["com", "рф", "İ"])
)


@given(st.sampled_from([*SETTINGS.types, "other"]), JSON | PHONE_LIKE | MAIL_LIKE, JSON)
@example("email", "İ@example.com", "")
@example("user_id", "a\u200d\u0301", "")
@example("phone", "+86 (0) 00 0", "")
def test_never_raises_and_a_normal_form_maps_to_itself(type: str, raw: object, namespace: object) -> None:
    found = RULES.normalise(type, raw, namespace)
    if isinstance(found, Normalised):
        assert found.value
        assert len(found.value) <= 256
        found.value.encode()
        assert RULES.normalise(type, found.value, found.namespace) == found


@given(st.text(max_size=300))
def test_any_text_is_answered_for_every_type(raw: str) -> None:
    for type in SETTINGS.types:
        assert isinstance(RULES.normalise(type, raw, "wx1"), Normalised | Invalid | Junk)


@given(
    st.from_regex(r"(\+|00)?(86)?[ -]?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}|\+1[2-9][0-9]{9}", fullmatch=True)
)
def test_the_fast_phone_path_agrees_with_the_library(raw: str) -> None:
    fast = fast_phone(raw, "CN")
    try:
        slow = slow_phone(raw, "CN")
    except NotPhoneError:
        return  # a range that the library does not know yet
    assert fast in (None, slow)


@given(st.from_regex(r"[A-Za-z0-9._+-]{1,20}@[A-Za-z0-9.-]{1,30}\.[a-z]{2,6}", fullmatch=True))
def test_the_fast_email_path_agrees_with_the_library(raw: str) -> None:
    fast = fast_email(raw)
    if fast is not None:
        assert slow_email(raw) == fast
