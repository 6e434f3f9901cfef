"""Reads request bodies within bounds, compressed or not."""

from __future__ import annotations

import zlib

from starlette.types import Receive

from guanxi_kit.errors import Problem
from interaction_service.api.admission import Ticket
from interaction_service.application.deadlines import Deadlines

_GZIP = 16 + zlib.MAX_WBITS


class Disconnected(Exception):
    """The sender went away before its request was complete."""


async def read_body(
    receive: Receive, encoding: bytes, limit: int, ticket: Ticket, deadlines: Deadlines
) -> bytes:
    """Return the body, decompressed, at most `limit` bytes on the wire and at most as many decompressed.

    Raises Problem (400 broken gzip, 408 too slow, 413 too large, 415 another coding) and Disconnected.
    """
    if encoding not in (b"", b"identity", b"gzip"):
        raise Problem(415, detail="Content-Encoding must be gzip or absent.")
    try:
        with deadlines.wait():
            body = await _read(receive, limit, ticket)
    except TimeoutError:
        raise Problem(408, detail=f"The body did not arrive within {deadlines.seconds:g} seconds.") from None
    return _gunzip(body, limit, ticket) if encoding == b"gzip" else body


async def _read(receive: Receive, limit: int, ticket: Ticket) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        ticket.hold(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _gunzip(body: bytes, limit: int, ticket: Ticket) -> bytes:
    """Decompress no more than one byte over the limit, whatever the body would unpack to."""
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Problem(400, detail="The body is not gzip as its Content-Encoding says.") from None
    if len(plain) > limit:
        raise too_large(limit)
    if not stream.eof or stream.unused_data:
        raise Problem(400, detail="The gzip body is cut short, or something follows it.")
    ticket.hold(len(plain))
    return plain


def too_large(limit: int) -> Problem:
    """Return the answer to a body over the limit."""
    return Problem(
        413,
        detail=f"The body is larger than {limit} bytes.",
        type="urn:guanxi:problem:body-too-large",
    )
