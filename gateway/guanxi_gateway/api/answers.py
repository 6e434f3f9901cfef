"""From a service's answer to the gateway's: what is passed on, and what becomes of a failure."""

from __future__ import annotations

from fastapi import Response

from guanxi_gateway.adapters.headers import RawHeaders
from guanxi_gateway.adapters.upstream import Answer, Failure, UpstreamFailed
from guanxi_gateway.metrics import UPSTREAM_FAILURES
from guanxi_kit.errors import PROBLEM_MEDIA_TYPE, Problem

_STATUS = {
    Failure.UNREACHABLE: 503,
    Failure.TIMED_OUT: 504,
    Failure.BROKEN_OFF: 502,
    Failure.OVERSIZED: 502,
}
_RETRY_AFTER = {"Retry-After": "1"}
JSON = "application/json"
_PASSED_ON = frozenset(
    (
        b"content-type", b"content-encoding", b"content-security-policy", b"etag", b"retry-after",
        b"www-authenticate", b"allow",
    )
)  # fmt: skip


def problem_of_failure(failed: UpstreamFailed) -> Problem:
    """Return the problem that tells the caller of a service's failure, and when to come again."""
    UPSTREAM_FAILURES.labels(failed.service, failed.failure.name.lower()).inc()
    return Problem(
        _STATUS[failed.failure],
        detail=f"The {failed.service} {failed.failure.value}.",
        type="urn:guanxi:problem:upstream",
        headers=_RETRY_AFTER,
    )


def check_answer(service: str, answer: Answer, media_type: str = JSON) -> Answer:
    """Return an answer that is of its media type or a problem document as it is.

    Raises Problem in place of anything else: the status of a client error is kept, the rest is a 502.
    """
    expected = media_type if answer.status < 400 else PROBLEM_MEDIA_TYPE
    if 200 <= answer.status < 300 or answer.status >= 400:
        if answer.media_type == expected:
            return answer
        if 400 <= answer.status < 500:
            raise Problem(answer.status)
    UPSTREAM_FAILURES.labels(service, "not_understood").inc()
    raise Problem(
        502,
        detail=f"The {service} gave an answer that is not understood.",
        type="urn:guanxi:problem:upstream",
        headers=_RETRY_AFTER,
    )


def passed_on(headers: RawHeaders) -> RawHeaders:
    """Return the headers of an answer that the caller gets."""
    return [(name, value) for name, value in headers if name in _PASSED_ON]


def response_of(service: str, answer: Answer, media_type: str = JSON) -> Response:
    """Return the HTTP response that passes an answer on, body untouched. Raises Problem as `check_answer` does."""
    checked = check_answer(service, answer, media_type)
    response = Response(checked.body, checked.status)
    response.raw_headers.extend(passed_on(checked.headers))
    return response
