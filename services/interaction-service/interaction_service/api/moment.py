"""Moments in parameters and bodies of requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from guanxi_kit.errors import FieldError, Problem


def _to_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment of the years 1 to 9999") from None


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment with an offset, taken as one in UTC: as it is kept and told."""


def in_utc(field: str, at: datetime | None) -> datetime | None:
    """Return an aware moment in UTC. Raises Problem 400 for one that lies outside the calendar there."""
    try:
        return at and _to_utc(at)
    except ValueError as error:
        fault = FieldError(field, str(error))
        raise Problem(400, detail="The request is not valid.", errors=[fault]) from None
