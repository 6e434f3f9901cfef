"""A member of a group in a process of its own: prints the value of every record it reads, until it is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guanxi_kit.log.factory import open_consumer
from guanxi_kit.log.port import Positions, TopicPartition
from guanxi_kit.log.sharing import Timing


@dataclass(frozen=True)
class _Settings:
    log_engine: Any
    address: str
    kafka_idempotence: bool = False

    def log_dsn(self) -> str:
        return self.address

    def bootstrap_servers(self) -> str:
        return self.address


async def _main(arguments: dict[str, Any]) -> None:
    consumer = open_consumer(
        _Settings(arguments["engine"], arguments["address"]),
        arguments["group"],
        [arguments["topic"]],
        Timing(arguments["heartbeat"], arguments["member_timeout"]),
    )

    async def assigned(_: Sequence[TopicPartition]) -> Positions:
        return {}

    async def revoked(_: Sequence[TopicPartition]) -> None:
        return None

    await consumer.start(assigned, revoked)
    while True:
        found = await consumer.poll(max_records=100, timeout=1)
        for records in found.values():
            for record in records:
                sys.stdout.write(record.value.decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
