"""Keyed hashes that link the rows of a chain: without the key nobody can change, add or move one unnoticed."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from guanxi_kit.audit.access import KeptAccess
from guanxi_kit.crypto import Keyring

START = b""
"""What the first row of a chain is linked to."""
MAC_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PACK = msgspec.msgpack.Encoder().encode


class Anchored(NamedTuple):
    """An anchor: its number and time, and the row, with its hash, that a chain ended with then."""

    number: int
    at: datetime
    chain_id: UUID
    sequence: int
    mac: bytes


class ChainKey:
    """The key of a keyring's chains; it follows from the index key, which never rotates."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.derive("access audit")

    def link(self, previous: bytes, row: KeptAccess) -> bytes:
        """Return the hash of a row behind the row whose hash is `previous`."""
        return self._mac(
            "row",
            previous,
            row.chain_id.bytes,
            row.sequence,
            _micros(row.at),
            row.subject,
            row.role,
            row.action,
            row.fields,
            row.clear,
            row.detail,
            row.request_id,
            row.look_up,
            row.reason_digest,
            b"".join(person.bytes for person in row.people),
        )

    def end(self, chain_id: UUID, sequence: int, mac: bytes) -> bytes:
        """Return what proves that a chain ended with this row at some time."""
        return self._mac("end", chain_id.bytes, sequence, mac)

    def anchor(self, previous: bytes, anchor: Anchored) -> bytes:
        """Return the hash of an anchor behind the anchor whose hash is `previous`."""
        number, at, chain_id, sequence, mac = anchor
        return self._mac("anchor", previous, number, _micros(at), chain_id.bytes, sequence, mac)

    def _mac(self, *parts: Any) -> bytes:
        return hmac.digest(self._key, _PACK(parts), "sha256")[:MAC_BYTES]


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
