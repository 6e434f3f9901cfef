"""Moments in parameters of requests."""

from __future__ import annotations

from datetime import UTC, datetime

from guanxi_kit.errors import FieldError, Problem


def in_utc(field: str, at: datetime | None) -> datetime | None:
    """Return an aware moment in UTC. Raises Problem 400 for one that lies outside the calendar there."""
    try:
        return at and at.astimezone(UTC)
    except OverflowError:
        reason = "is no moment of the years 1 to 9999"
        raise Problem(400, detail="The request is not valid.", errors=[FieldError(field, reason)]) from None
