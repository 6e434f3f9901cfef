"""Contact data in content."""

from __future__ import annotations

from typing import Any

import pytest

from interaction_service.domain.masking import mask_content


@pytest.mark.parametrize(
    ("content", "masked"),
    [
        ({"phone": "+12025550142"}, {"phone": "+12****42"}),
        ({"mobilePhone": 19900001234}, {"mobilePhone": "199****34"}),
        ({"tel": "123"}, {"tel": "****"}),
        ({"手机": "19900001234"}, {"手机": "199****34"}),
        ({"email": "lin@example.com"}, {"email": "l****@example.com"}),
        (
            {"note": "to lin@example.com, then 19900001234."},
            {"note": "to l****@example.com, then 199****34."},
        ),
        (
            {"url": "https://x.example.com/?e=lin%40example.com"},
            {"url": "https://x.example.com/?e=l****@example.com"},
        ),
        ({"contacts": [{"value": "+442079460958"}]}, {"contacts": [{"value": "+44****58"}]}),
        ({"number": 19900001234}, {"number": "199****34"}),
    ],
)
def test_contact_data_is_masked(content: Any, masked: Any) -> None:
    assert mask_content(content) == masked


@pytest.mark.parametrize(
    "content",
    [
        {"order_id": "A-20240501-001", "revenue": 1234567.89, "paid": True, "none": None},
        {"date": "2026-05-01T08:30:00Z", "count": 12345678901234, "telescope": "Hubble 2"},
        {"ip": "192.0.2.146", "version": "10.15.7.20240501"},
    ],
)
def test_other_content_stays(content: Any) -> None:
    assert mask_content(content) == content
