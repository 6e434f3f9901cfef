"""Dead letters in the hands of operators: listed, shown, put through their handlers again, discarded."""

from guanxi_kit.dead_letters.replay import REPLAY, ReplayDeadLetters
from guanxi_kit.dead_letters.store import Letter, Letters

__all__ = ["REPLAY", "Letter", "Letters", "ReplayDeadLetters"]
