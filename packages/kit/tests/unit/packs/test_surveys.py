"""`surveys.yaml`: what it asks when, and mistakes by file, line and field."""

from datetime import timedelta
from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack

from .conftest import PACKS, Edit, problems


def test_the_services_pack_asks_what_the_handbook_asks() -> None:
    surveys = load_pack(PACKS, "services").surveys
    assert set(surveys.forms["csat"].dimensions) == {
        "quality",
        "features",
        "response_speed",
        "recommendation",
    }
    for kind in ("enquiry", "complaint", "request"):
        rule = surveys.about_case(kind)
        assert rule is not None
        assert rule.after <= timedelta(hours=24)
    assert [each.after for each in surveys.after_event] == [timedelta(days=3)]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "surveys.yaml",
            "after: 2h",
            "after: 2d",
            "after_case[0].after: must be 24 hours at most",
        ),
        (
            "surveys.yaml",
            "{form: csat, after",
            "{form: rain, after",
            "after_case[0].form: there is no form 'rain'",
        ),
        (
            "surveys.yaml",
            "open_for: 14d",
            "open_for: 365d",
            "forms.csat.open_for: must be 90 days",
        ),
        (
            "surveys.yaml",
            "category: product}",
            "category: rain}",
            "dimensions.features.category: Input should be",
        ),
        ("journeys.yaml", "form: nps", "form: rain", "journeys[2].trigger.form: there is no form 'rain'"),
        ("journeys.yaml", ", form: nps", "", "journeys[2].trigger: a survey names its form"),
        ("needs.yaml", "en: Other}", "fr: Autre}", "needs.reasons.other.en: "),
    ],
)
def test_every_mistake_is_named(
    packs: Path, edit: Edit, *, file: str, old: str, new: str, expected: str
) -> None:
    edit(file, old, new)
    assert any(found.startswith(file) and expected in found for found in problems(packs)), problems(packs)
