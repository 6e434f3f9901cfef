"""Why a score is what it is."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """A reason in words, in Chinese and in English."""

    zh: str
    en: str


class Reason(NamedTuple):
    """A stable code and its figures; `words` where there are some."""

    code: str
    figures: dict[str, float | int | str]
    words: Words | None = None
