"""Templates are rendered strictly, in the customer's language, within limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack
from notification_service.adapters.templates import LiquidRenderer
from notification_service.application.ports import TemplateFailed

PACKS = Path(__file__).parents[4] / "packs"


def written(body: str, subject: str = "Hello") -> LiquidRenderer:
    return LiquidRenderer({"note": {"zh": f"---\nsubject: {subject}\n---\n{body}\n"}}, "zh")


@pytest.mark.parametrize(
    ("traits", "subject"),
    [
        ({"name": "王小明"}, "王小明，感谢您的首次惠顾"),
        ({}, "您好，感谢您的首次惠顾"),
        ({"locale": "en", "name": "Ada"}, "Welcome, Ada - thank you for your first order"),
        ({"locale": "en_US"}, "Welcome - thank you for your first order"),
        ({"locale": "fr"}, "您好，感谢您的首次惠顾"),
        ({"locale": 7}, "您好，感谢您的首次惠顾"),
    ],
)
def test_the_welcome_of_the_services_pack(traits: dict[str, object], subject: str) -> None:
    pack = load_pack(PACKS, "services")
    content = LiquidRenderer(pack.templates, pack.default_locale).render("welcome", traits)
    assert content.subject == subject
    assert str(traits.get("name", "")) in content.body


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{{ traits.name }}", "UndefinedError"),
        ("{{ secret }}", "UndefinedError"),
        ("{% for a in (1..100000) %}x{% endfor %}", "LoopIterationLimitError"),
        ("{% for a in (1..999) %}{{ traits.text }}{% endfor %}", "OutputStreamLimitError"),
        ("{{ 1 | divided_by: 0 }}", "FilterArgumentError"),
    ],
)
def test_what_a_template_may_not(body: str, reason: str) -> None:
    with pytest.raises(TemplateFailed, match=reason):
        written(body).render("note", {"text": "y" * 1000})


@pytest.mark.parametrize("body", ["{{ traits.name | nonsense }}", "{% if %}", "{{ a", "{% include 'x' %}"])
def test_what_is_refused_at_the_latest_when_rendered(body: str) -> None:
    with pytest.raises(TemplateFailed):
        written(body).render("note", {"name": "x"})


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TemplateFailed, match="unknown_template"):
        written("x").render("other", {})


def test_personal_values_do_not_reach_the_reason() -> None:
    with pytest.raises(TemplateFailed) as failure:
        written("{{ traits.name | divided_by: 0 }}").render("note", {"name": "Wang Xiaoming"})
    assert "Wang" not in str(failure.value)
