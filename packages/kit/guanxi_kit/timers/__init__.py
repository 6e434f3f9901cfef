"""Durable timers: armed in a transaction, fired in a transaction, each exactly once."""

from guanxi_kit.timers.loop import BATCH, TimerLoop
from guanxi_kit.timers.model import Timer, TimerHandler
from guanxi_kit.timers.schema import TIMER_TABLE
from guanxi_kit.timers.store import arm, disarm

__all__ = ["BATCH", "TIMER_TABLE", "Timer", "TimerHandler", "TimerLoop", "arm", "disarm"]
