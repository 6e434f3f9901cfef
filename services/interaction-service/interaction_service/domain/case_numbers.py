"""The number of a case: what people say and write instead of its id."""

from __future__ import annotations

import re
from datetime import date

_NUMBER = re.compile(r"(?<![A-Za-z0-9])S\d{8}-\d{4,8}(?!\d)")


def case_number(day: date, place: int) -> str:
    """Return the number of the case that is the `place`-th of its day, as S20240501-0001."""
    return f"S{day:%Y%m%d}-{place:04}"


def find_case_number(text: str) -> str | None:
    """Return the first number of a case in a text; None where there is none."""
    found = _NUMBER.search(text)
    return found.group() if found else None
