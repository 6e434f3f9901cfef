"""Why a score is what it is."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """A stable code and its figures."""

    code: str
    figures: dict[str, float | int | str]
