"""Values of record fields: what can be one, and why the others cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guanxi_kit.fields import FieldRules
from guanxi_kit.packs import load_pack

RULES = FieldRules(load_pack(Path(__file__).parents[4] / "packs", "services").record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", "+86 139 0000 1234"),
        ("email", "lin@example.com"),
        ("birthday", "1990-02-28"),
        ("birthday", "1990-02-28T00:00:00Z"),
        ("budget", 12),
        ("budget", "12.50"),
        ("gender", "female"),
        ("city", "Wuhan"),
        ("interests", ["coffee", "tea"]),
        ("nobody_declared_this", {"any": "thing"}),
    ],
)
def test_what_can_be_a_value(name: str, value: Any) -> None:
    assert RULES.fault(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("phone", "12", "is not"),
        ("phone", ["+86 139 0000 1234"], "must be text"),
        ("phone", "13800138000", "is a placeholder"),
        ("email", "lin@", "is not an e-mail address"),
        ("birthday", "1990-02-30", "must be a date"),
        ("birthday", 19900228, "must be a date"),
        ("budget", "much", "must be a number"),
        ("budget", "NaN", "must be a number"),
        ("budget", True, "must be a number"),
        ("gender", "Female", "must be one of female, male, other"),
        ("gender", ["female"], "must be one of"),
        ("city", "  ", "is empty"),
        ("city", {"name": "Wuhan"}, "must be text"),
        ("interests", ["coffee", ""], "is empty"),
    ],
)
def test_what_cannot_says_why_without_repeating_it(name: str, value: Any, fault: str) -> None:
    found = RULES.fault(name, value)
    assert found is not None
    assert found.startswith(fault)
    assert not isinstance(value, str) or not value.strip() or value not in found
