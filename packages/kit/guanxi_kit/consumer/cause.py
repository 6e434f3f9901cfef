"""What made a service publish a record: enough for a receiver to recognise a repeat by one comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

from guanxi_kit.log.port import Headers, Record

CAUSE_HEADER = "cause"
TRACE_HEADER = "traceparent"
CAUSE_BYTES = 300
TRACE_BYTES = 55


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """`source` is `topic/partition` of the record acted upon, or the name of a stream of the service's own.

    Within one source `(sequence, index)` only grows: the sequence is the record's offset (or the stream's counter),
    the index counts the outputs of that one cause. `trace` carries the W3C trace context of the record on.
    """

    source: str
    sequence: int
    index: int = 0
    trace: bytes = field(default=b"", compare=False)

    def headers(self) -> Headers:
        """Record headers that carry this cause."""
        return cause_headers(f"{self.source}:{self.sequence}:{self.index}", self.trace)


def cause_headers(place: str, trace: bytes) -> Headers:
    """Record headers for a cause written as `source:sequence:index`."""
    cause = (CAUSE_HEADER, place.encode())
    return (cause, (TRACE_HEADER, trace)) if trace else (cause,)


def cause_of(headers: Headers) -> Cause | None:
    """Return the cause that a producer wrote into the headers, or None. Raises ValueError on a malformed one."""
    for name, value in headers:
        if name == CAUSE_HEADER:
            source, sequence, index = value.decode().rsplit(":", 2)
            if "\0" in source or len(value) > CAUSE_BYTES:
                raise ValueError("malformed cause")
            return Cause(source, int(sequence), int(index))
    return None


def cause_from(record: Record) -> Cause:
    """Return the cause that outputs of acting on `record` carry."""
    trace = next((value for name, value in record.headers if name == TRACE_HEADER), b"")
    kept = trace if len(trace) == TRACE_BYTES else b""
    return Cause(f"{record.topic}/{record.partition}", record.offset, 0, kept)
