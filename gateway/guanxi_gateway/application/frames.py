"""The change stream on the wire: server-sent events as bytes.

FastAPI's own `fastapi.sse` encodes every event for every client again, puts two tasks and two queues between the
event and each client, and cannot let go of a client that stopped reading. Here one event is encoded once for all.
"""

from __future__ import annotations

from typing import Literal

ResetReason = Literal["expired", "log_recreated", "interrupted"]

HEARTBEAT = b": heartbeat\n\n"
RETRY_MS = 2_000


def ready_frame(event_id: str) -> bytes:
    """The first event: where the stream stands, so that a client cut off at once can still resume."""
    return b"retry: %d\nevent: ready\nid: %b\ndata: {}\n\n" % (RETRY_MS, event_id.encode())


def change_frame(data: bytes, event_id: str) -> bytes:
    """A customer changed. `data` is JSON on one line."""
    return b"event: customer.changed\nid: %b\ndata: %b\n\n" % (event_id.encode(), data)


def position_frame(event_id: str) -> bytes:
    """Instead of a heartbeat: nothing for this client, but the stream went on, so resume from here."""
    return b"event: position\nid: %b\ndata: {}\n\n" % event_id.encode()


def reset_frame(reason: ResetReason, event_id: str) -> bytes:
    """Changes may be missing: the client must read anew what it shows. The stream goes on from `event_id`."""
    return b'event: reset\nid: %b\ndata: {"reason":"%b"}\n\n' % (event_id.encode(), reason.encode())
