"""The event log in memory, for tests: the same behaviour as the engines, in one process and one event loop."""

from guanxi_kit.log.memory.broker import MemoryLog
from guanxi_kit.log.memory.clients import MemoryAdmin, MemoryProducer, MemoryReader
from guanxi_kit.log.memory.consumer import MemoryConsumer

__all__ = ["MemoryAdmin", "MemoryConsumer", "MemoryLog", "MemoryProducer", "MemoryReader"]
