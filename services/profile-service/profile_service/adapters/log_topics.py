"""Ages of topics, through the port of the event log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from guanxi_kit.log.port import Admin, LogUnavailable, Reader


class LogTopics:
    """The `Topics` port."""

    def __init__(self, reader: Callable[[], Reader], admin: Callable[[], Admin]) -> None:
        self._reader = reader
        self._admin = admin

    async def oldest(self, topic: str) -> datetime | None:
        """Return when the oldest record of a topic was appended; None when it has none. Raises LogError."""
        reader = self._reader()
        await reader.start()
        try:
            partitions = await reader.partitions(topic)
            begins = await reader.begin_offsets(partitions)
            ends = await reader.end_offsets(partitions)
            found: list[int] = []
            for position in partitions:
                if begins[position] < ends[position]:
                    await reader.assign({position: begins[position]})
                    polled = await reader.poll(max_records=1, timeout=5.0)
                    records = polled.get(position)
                    if not records:
                        raise LogUnavailable(f"{topic}/{position.partition} gave no record in time")
                    found.append(records[0].timestamp_ms)
        finally:
            await reader.stop()
        return datetime.fromtimestamp(min(found) / 1000, UTC) if found else None

    async def apply_retention(self) -> None:
        """Drop what topics have kept for long enough, where the log does not do it by itself. Raises LogError."""
        admin = self._admin()
        await admin.start()
        try:
            await admin.apply_retention()
        finally:
            await admin.stop()
