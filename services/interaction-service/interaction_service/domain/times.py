"""When a touchpoint happened, although the sender's clock may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from interaction_service.domain.refusal import Refused

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(hours=24)


def read_time(text: str, field: str) -> datetime:
    """Return the UTC time of an ISO 8601 text; without an offset it is UTC. Raises Refused."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is UTC:
            return time
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(field, "must be an ISO 8601 time such as 2026-05-01T08:30:00.000Z") from None


def occurred_at(
    *, received_at: datetime, original: datetime | None, sent_at: datetime | None, historical: bool = False
) -> datetime:
    """Return when the touchpoint happened, by Segment's rule for skewed clocks. All times are UTC.

        timestamp = receivedAt - (sentAt - originalTimestamp)

    `original` is the message's `originalTimestamp`, or else its `timestamp`; `sent_at` the message's `sentAt`, or
    else that of the batch: both from the sender's clock, whose error so cancels out. Without `sentAt` the original
    holds as it is; without an original it is `receivedAt`. For `historical` records (import) it holds as given,
    because they were not stamped by the clock that sent them.

    Raises Refused for what lies more than 24 h ahead of `received_at` or before 1970: no view could place it.
    """
    if original is None:
        return received_at
    if sent_at is None or historical:
        time = original
    else:
        try:
            time = received_at - (sent_at - original)
        except OverflowError:
            raise Refused("sentAt", "lies too far from the message's timestamp") from None
    if time - received_at > MAX_AHEAD:
        raise Refused("timestamp", "lies more than 24 hours in the future")
    if time < EARLIEST:
        raise Refused("timestamp", "lies before 1970")
    return time
