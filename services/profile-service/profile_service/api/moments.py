"""Moments that people name."""

from __future__ import annotations

from datetime import UTC, datetime

from guanxi_kit.errors import FieldError, Problem


def as_utc(moment: datetime, field: str) -> datetime:
    """Return an aware moment in UTC. Raises the problem of one at the edge of the calendar, naming the field."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        fault = FieldError(field, "lies beyond the times that can be told")
        raise Problem(400, detail="The request is not valid.", errors=[fault]) from None
