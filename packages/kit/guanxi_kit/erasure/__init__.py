"""Erasing a person from a service's tables, and keeping what comes late from bringing the person back."""

from guanxi_kit.erasure.arrivals import without_erased_moves, without_erased_touchpoints
from guanxi_kit.erasure.receipts import ReceiptRecord, receipt_of
from guanxi_kit.erasure.rules import (
    IDS,
    KEYS,
    PLUMBING,
    TOMBSTONES,
    Rule,
    Statement,
    arguments_of,
    carry_out,
    delete_by,
    kept,
)
from guanxi_kit.erasure.schema import DEAD_LETTERS, ERASED_FRAGMENT
from guanxi_kit.erasure.standing import erase_alone, erased_among, hold_off_erasures, remember_erased
from guanxi_kit.erasure.tombstones import tombstone_of

__all__ = [
    "DEAD_LETTERS",
    "ERASED_FRAGMENT",
    "IDS",
    "KEYS",
    "PLUMBING",
    "TOMBSTONES",
    "ReceiptRecord",
    "Rule",
    "Statement",
    "arguments_of",
    "carry_out",
    "delete_by",
    "erase_alone",
    "erased_among",
    "hold_off_erasures",
    "kept",
    "receipt_of",
    "remember_erased",
    "tombstone_of",
    "without_erased_moves",
    "without_erased_touchpoints",
]
