"""Customer numbers: C, the business date of creation, and a running number of that day."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")
_NUMBER = re.compile(r"C[0-9]{11,28}")


def business_day(now: datetime) -> date:
    """Return the business date of an aware moment."""
    return now.astimezone(BUSINESS_ZONE).date()


def format_customer_number(day: date, sequence: int) -> str:
    """Return for example C20240501001; the sequence (from 1) has at least three digits and grows as needed."""
    return f"C{day:%Y%m%d}{sequence:03d}"


def read_customer_number(text: str) -> str | None:
    """Return the customer number that a person wrote; None when it cannot be one."""
    number = text.strip().upper()
    return number if _NUMBER.fullmatch(number) else None
