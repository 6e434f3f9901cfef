"""Masking: phone numbers and e-mail addresses never leave in clear, whatever the trait is called."""

from __future__ import annotations

from typing import Any

import pytest

from profile_service.domain.masking import mask_identifier, mask_trait


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("phone", "+12025550123", "+12****23"),
        ("phone", "+8619900001234", "+86****34"),
        ("phone", "12345", "****"),
        ("email", "ada@example.com", "a****@example.com"),
        ("email", "x@example.org", "x****@example.org"),
        ("email", "broken", "****"),
        ("member_number", "M-1001", "M-1001"),
        ("device_id", "abc", "abc"),
    ],
)
def test_identifiers(kind: str, value: str, masked: str) -> None:
    assert mask_identifier(kind, value) == masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("email", "ada@example.com", "a****@example.com"),
        ("contact", "write ada@example.com, thanks", "write a****@example.com, thanks"),
        ("phone", "020 7946 0123", "020****23"),
        ("mobilePhone", 19900001234, "199****34"),
        ("note", "call +1 202-555-0123 today", "call +1 ****23 today"),
        ("note", "call 19900001234 today", "call 199****34 today"),
        ("address", {"city": "Shanghai", "phone": "02079460123"}, {"city": "Shanghai", "phone": "020****23"}),
        ("emails", ["ada@example.com", 3], ["a****@example.com", 3]),
        ("city", "Shanghai", "Shanghai"),
        ("born", "1990-01-02", "1990-01-02"),
        ("spent", 123456789012, 123456789012),
        ("vip", True, True),
        ("nothing", None, None),
    ],
)
def test_traits(name: str, value: Any, masked: Any) -> None:
    assert mask_trait(name, value) == masked
