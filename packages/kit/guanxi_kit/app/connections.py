"""HTTP connections that nobody can hold for nothing."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536
PART_BYTES, PART_SECONDS = 65_536, 30.0
"""While a request is on its way, so much of it, or its end, must arrive within this time."""
UNREAD_SECONDS = 300.0
"""How long an answer may wait for its reader: the kernel may hold megabytes that a slow line takes first."""


class WatchedConnection(HttpToolsProtocol):
    """Closes a connection on which a request does not go on to arrive, or whose head does not end, or whose answer
    nobody reads.

    What an application sets itself for bodies is stricter and comes first. Waiting for the application does not
    count, and a request that arrives as a whole, as most do, starts no timer.
    """

    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _arriving = False
    _in_head = False
    _head = 0
    _came = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cease to wait."""
        self._unwatch()
        self._taken()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for more where a request is not complete."""
        self._came += len(data)
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if not self._arriving:
            self._unwatch()
        elif self._in_head and self._head > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self._timer is None:
            self._watch()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._arriving = self._in_head = True
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._arriving = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The reader is behind."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken what there was, or most of it."""
        self._taken()
        super().resume_writing()

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch(self) -> None:
        self._came = 0
        self._timer = self.loop.call_later(PART_SECONDS, self._look)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        # What still comes of a body that was answered for (413) is thrown away, but not for ever.
        cycle = None if self._in_head else self.cycle
        answered = cycle is not None and cycle.response_complete
        if self.flow.read_paused or (self._came >= PART_BYTES and not answered):
            self._watch()
        else:
            self._refuse(b"408 Request Timeout" if self._arriving else None)

    def _refuse(self, status: bytes | None) -> None:
        """Say why, unless an answer has begun, and close."""
        self._unwatch()
        if self.transport.is_closing():
            return
        answered = not self._in_head and self.cycle is not None and self.cycle.response_started
        if status is not None and not answered:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()
