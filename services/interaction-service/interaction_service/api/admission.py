"""Bounds what one process holds of requests that are not answered yet."""

from __future__ import annotations

from guanxi_kit.errors import Problem


class Admission:
    """Counts requests and bytes of bodies in flight. What is over a bound is answered 503: come again in a second."""

    def __init__(self, *, requests: int, bytes_held: int) -> None:
        self._requests_left = requests
        self._bytes_left = bytes_held

    def enter(self) -> Ticket:
        """Admit a request. Raises Problem."""
        if self._requests_left <= 0:
            raise _overloaded()
        self._requests_left -= 1
        return Ticket(self)

    def take(self, size: int) -> None:
        """Account for bytes. Raises Problem."""
        if size > self._bytes_left:
            raise _overloaded()
        self._bytes_left -= size

    def give_back(self, size: int) -> None:
        """Account for the end of a request."""
        self._requests_left += 1
        self._bytes_left += size


class Ticket:
    """One admitted request."""

    __slots__ = ("_admission", "_held")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held = 0

    def hold(self, size: int) -> None:
        """Account for more bytes of this request. Raises Problem."""
        self._admission.take(size)
        self._held += size

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.give_back(self._held)


def _overloaded() -> Problem:
    return Problem(
        503,
        detail="Too many requests are in flight.",
        type="urn:guanxi:problem:overloaded",
        headers={"Retry-After": "1"},
    )
