"""Erasing a person from a service's tables, and keeping what comes late from bringing the person back."""

from guanxi_kit.erasure.rules import IDS, Rule, Statement, carry_out
from guanxi_kit.erasure.schema import DEAD_LETTERS, ERASED_FRAGMENT
from guanxi_kit.erasure.standing import erase_alone, erased_among, remember_erased

__all__ = [
    "DEAD_LETTERS",
    "ERASED_FRAGMENT",
    "IDS",
    "Rule",
    "Statement",
    "carry_out",
    "erase_alone",
    "erased_among",
    "remember_erased",
]
