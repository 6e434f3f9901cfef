"""What tests of jobs share."""

from __future__ import annotations

import pytest

from guanxi_kit.jobs import store


@pytest.fixture
def never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job goes on however many processes it has lost: chance may kill them at one step again and again."""
    monkeypatch.setattr(store, "MOST_CRASHES", 1_000_000)
