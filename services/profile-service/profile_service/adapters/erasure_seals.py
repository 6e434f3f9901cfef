"""Keyed hashes and seals of what erasures keep for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.erasure import tombstone_of
from profile_service.adapters.vault import PlainIdentifier
from profile_service.application.erasure_ports import KnownBy

_KNOWN_BY = msgspec.json.Decoder(list[PlainIdentifier])
_ENCODE = msgspec.json.Encoder().encode


def reason_aad(request_id: UUID) -> bytes:
    """What binds the sealed reason of a request to it."""
    return b"erasure reason\0" + request_id.bytes


def known_by_aad(request_id: UUID, partner_id: UUID) -> bytes:
    """What binds the sealed identifiers for a partner to the request and the partner."""
    return b"erasure partner\0" + request_id.bytes + partner_id.bytes


def secret_aad(partner_id: UUID) -> bytes:
    """What binds the sealed secret of a partner to it."""
    return b"partner secret\0" + partner_id.bytes


class KeyringSeals:
    """The `Seals` port on a keyring, and its way back."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def tombstone(self, identifier_hash: bytes) -> bytes:
        """Return what remembers an erased identifier."""
        return tombstone_of(self._keyring, identifier_hash)

    def seal_reason(self, request_id: UUID, reason: str) -> bytes:
        """Seal why somebody is erased: people write names into such fields."""
        return self._keyring.seal(reason.encode(), reason_aad(request_id))

    def open_reason(self, request_id: UUID, sealed: bytes | None) -> str | None:
        """Return the reason; None when there is none or no key opens it."""
        if sealed is None:
            return None
        try:
            return self._keyring.open(sealed, reason_aad(request_id)).decode()
        except SealBroken:
            return None

    def seal_known_by(self, request_id: UUID, partner_id: UUID, known_by: Sequence[KnownBy]) -> bytes:
        """Seal the identifiers that a partner knows the person by."""
        plain = [PlainIdentifier(each.type, each.namespace, each.value) for each in known_by]
        return self._keyring.seal(_ENCODE(plain), known_by_aad(request_id, partner_id))

    def open_known_by(self, request_id: UUID, partner_id: UUID, sealed: bytes) -> list[PlainIdentifier]:
        """Return what `seal_known_by` sealed. Raises SealBroken."""
        return _KNOWN_BY.decode(self._keyring.open(sealed, known_by_aad(request_id, partner_id)))

    def seal_secret(self, partner_id: UUID, secret: str) -> bytes:
        """Seal the secret that a partner's callbacks are signed with."""
        return self._keyring.seal(secret.encode(), secret_aad(partner_id))

    def open_secret(self, partner_id: UUID, sealed: bytes) -> str:
        """Return what `seal_secret` sealed. Raises SealBroken."""
        return self._keyring.open(sealed, secret_aad(partner_id)).decode()
