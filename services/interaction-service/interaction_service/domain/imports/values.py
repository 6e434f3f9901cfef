"""Reads cells: what a text looks like, and the number or the time that it says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import isfinite
from typing import Any, Literal

ColumnType = Literal["empty", "number", "date", "phone", "email", "text", "object"]

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_MONEY = re.compile(r"^(?:[¥￥$€£]|CNY|RMB|USD|EUR)\s*|\s*(?:元|CNY|RMB|USD|EUR)$")
_PHONE = re.compile(r"\+?\d[\d\s().-]{6,20}\d")
_MOBILE = re.compile(r"(?:(?:\+|00)?86)?1[3-9]\d{9}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TIME = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
    r"(?:\s*(?:星期|周)[一二三四五六日天])?"
    r"(?:[T\s]*(上午|下午)?\s*(\d{1,2})\s*[:时点]\s*(?:(\d{1,2})\s*(?:[:分]\s*(\d{1,2})(?:[.,](\d{1,9}))?\s*秒?)?\s*分?)?)?\s*"
    r"(Z|[+-]\d{2}:?\d{2})?"
)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?")
_EPOCH = re.compile(r"(\d{10})(\d{3})?")
_LONGEST = 64
_MOST_DIGITS = 15
_NO_OFFSET = timedelta()


class Unreadable(ValueError):
    """The cell does not hold what its column should; the message is a reason that reads after the column's name."""


def read_number(value: Any) -> int | float:
    """Return the number of a cell: 1,299.00, ¥99 and 99元 are numbers. Raises Unreadable."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not isfinite(value):
            raise Unreadable("must be a number")
        return value
    text = str(value).strip()
    whole, point, fraction = text.partition(".")
    # Most numbers are written plainly, and a pattern costs more than reading them.
    if text.isascii() and len(text) <= 15 and whole.isdigit():
        if not point:
            return int(whole)
        if fraction.isdigit():
            return float(text)
    plain = _MONEY.sub("", text.replace("，", ",")) if len(text) <= _LONGEST else ""
    if _NUMBER.fullmatch(plain) is None:
        raise Unreadable("must be a number")
    plain = plain.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def read_time(value: Any, zone: tzinfo) -> str:
    """Return the time of a cell as ISO 8601 in UTC, as `read_moment`. Raises Unreadable."""
    return read_moment(value, zone).isoformat()


def read_moment(value: Any, zone: tzinfo) -> datetime:
    """Return the time of a cell in UTC; without an offset it is of `zone`. Raises Unreadable.

    Year, month and day in this order, in digits or with 年月日, or seconds or milliseconds since 1970.
    """
    moment = value if isinstance(value, datetime) else _moment(value, zone)
    try:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise Unreadable("is no time that a calendar has") from None


def read_date(value: Any) -> str:
    """Return the day of a cell as YYYY-MM-DD. Raises Unreadable."""
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    return _moment(value, UTC).strftime("%Y-%m-%d")


def _moment(value: Any, zone: tzinfo) -> datetime:
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone)
    text = str(value).strip()
    if len(text) > _LONGEST:
        raise Unreadable("must be a time, year first")
    if text[4:5] == "-" and (moment := _iso_moment(text, zone)) is not None:
        return moment
    found = _TIME.fullmatch(text) or _COMPACT.fullmatch(text)
    try:
        if found is None:
            return _epoch(text)
        year, month, day, *clock = found.groups()
        half, hour, minute, second, fraction, offset = (
            clock if found.re is _TIME else (None, *clock, None, None)
        )
        moment = datetime(
            int(year),
            int(month),
            int(day),
            _hour(half, int(hour or 0)),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")[:6]),
            tzinfo=zone if offset is None else None,
        )
        return moment if offset is None else datetime.fromisoformat(f"{moment.isoformat()}{offset}")
    except (ValueError, OverflowError):
        raise Unreadable("must be a time, year first") from None


def _hour(half: str | None, hour: int) -> int:
    """Return the hour of the day; `half` of the day says that it is told from 1 to 12."""
    if half is None or not 1 <= hour <= 12:
        return hour
    return hour % 12 + (12 if half == "下午" else 0)


def _iso_moment(text: str, zone: tzinfo) -> datetime | None:
    """Return the time of ISO 8601, which the standard library reads in a fraction of the time; None for another."""
    try:
        # Taking a zone off a time that is marked as UTC costs a sixth of changing from zone to zone.
        wall = datetime.fromisoformat(text + "Z")
        return wall - (zone.utcoffset(wall) or _NO_OFFSET)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _epoch(text: str) -> datetime:
    found = _EPOCH.fullmatch(text)
    if found is None:
        raise ValueError
    return datetime.fromtimestamp(int(found[1]), UTC) + timedelta(milliseconds=int(found[2] or 0))


def is_code(value: Any) -> bool:
    """Tell whether a cell is digits that are no number: a zero leads, or they are more than a number has right."""
    digits = value.strip() if isinstance(value, str) else ""
    return digits.isdigit() and (len(digits) > _MOST_DIGITS or (len(digits) > 1 and digits[0] == "0"))


def type_of(value: Any) -> ColumnType:
    """Return what one cell looks like."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, date | dict | list):
        return "date" if isinstance(value, date) else "object"
    return _type_of_text(str(value).strip())


def _type_of_text(text: str) -> ColumnType:
    if _MOBILE.fullmatch(text) or (text.startswith("+") and _PHONE.fullmatch(text)):
        return "phone"
    if _MAIL.fullmatch(text):
        return "email"
    if len(text) <= _LONGEST and (_TIME.fullmatch(text) or _COMPACT.fullmatch(text)):
        return "date"
    try:
        read_number(text)
    except Unreadable:
        return "text"
    return "number"
