"""Opens what a touchpoint carries under seal, and seals what is stored; nothing personal is stored in clear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Poison
from guanxi_kit.crypto import Keyring, SealBroken
from profile_service.application.keep_consents import Preferences


class PlainIdentifier(msgspec.Struct, frozen=True):
    """An identifier in clear."""

    type: str
    namespace: str
    value: str


class _Identifiers(msgspec.Struct):
    identifiers: list[PlainIdentifier]


class _Traits(msgspec.Struct):
    traits: dict[str, msgspec.Raw] = {}


class _Consent(msgspec.Struct):
    categoryPreferences: dict[str, Any] = {}  # noqa: N815 (Segment's name)
    noticeVersion: Any = None  # noqa: N815


class _Context(msgspec.Struct):
    consent: _Consent


class _Consenting(msgspec.Struct):
    context: _Context


ContentT = TypeVar("ContentT")

MAX_TRAIT_NAME_CHARACTERS = 200
MAX_NOTICE_CHARACTERS = 100
_IDENTIFIERS = msgspec.json.Decoder(_Identifiers)
_TRAITS = msgspec.json.Decoder(_Traits)
_CONSENT = msgspec.json.Decoder(_Consenting)
_PLAIN = msgspec.json.Decoder(PlainIdentifier)
_ENCODE = msgspec.json.Encoder().encode
_CANONICAL = msgspec.json.Encoder(order="sorted").encode
_VALUE = msgspec.json.Decoder().decode


def trait_aad(profile_id: UUID, name: str) -> bytes:
    """What binds a sealed trait to its place."""
    return profile_id.bytes + name.encode()


def trait_hash(keyring: Keyring, name: str, value: bytes) -> bytes:
    """Return the keyed hash of a trait's value (JSON text): values that say the same have the same."""
    # Without an escape a text is its own canonical form, and most values are texts.
    if not value.startswith(b'"') or b"\\" in value:
        value = _CANONICAL(_VALUE(value))
    return keyring.blind(f"trait:{name}", value.decode())


def identifier_aad(identifier_hash: bytes) -> bytes:
    """What binds a sealed identifier to its place."""
    return b"identifier\0" + identifier_hash


def read_identifier(keyring: Keyring, sealed: bytes, identifier_hash: bytes) -> PlainIdentifier:
    """Open a stored identifier. Raises SealBroken."""
    return _PLAIN.decode(keyring.open(sealed, identifier_aad(identifier_hash)))


class KeyringVault:
    """The `Vault` port on a keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def open_identifiers(self, touchpoint: TouchpointReceivedV1) -> Mapping[bytes, bytes]:
        """Return by hash the identifiers' plain values. Raises Poison when they are not those of the event."""
        plain = self._open(touchpoint, _IDENTIFIERS).identifiers
        if [identifier.type for identifier in plain] != [ref.type for ref in touchpoint.identifiers]:
            raise Poison("sealed content: other identifiers than the event's")
        return {ref.hash: _ENCODE(value) for ref, value in zip(touchpoint.identifiers, plain, strict=True)}

    def open_traits(self, touchpoint: TouchpointReceivedV1) -> Mapping[str, bytes]:
        """Return by name the traits as JSON text. Raises Poison when they cannot be read.

        Names that no index can hold are left out.
        """
        traits = self._open(touchpoint, _TRAITS).traits
        return {
            name: bytes(value)
            for name, value in traits.items()
            if len(name) <= MAX_TRAIT_NAME_CHARACTERS and "\0" not in name
        }

    def open_preferences(self, touchpoint: TouchpointReceivedV1) -> Preferences:
        """Return what a consent tool reported. Raises Poison when it cannot be read."""
        consent = self._open(touchpoint, _CONSENT).context.consent
        version = consent.noticeVersion
        return Preferences(
            {name: said for name, said in consent.categoryPreferences.items() if isinstance(said, bool)},
            version if isinstance(version, str) and 0 < len(version) <= MAX_NOTICE_CHARACTERS else None,
        )

    def trait_hash(self, name: str, value: bytes) -> bytes:
        """Return the keyed hash by which a value is recognised."""
        return trait_hash(self._keyring, name, value)

    def seal_identifier(self, value: bytes, identifier_hash: bytes) -> bytes:
        """Seal what `open_identifiers` returned."""
        return self._keyring.seal(value, identifier_aad(identifier_hash))

    def _open(self, touchpoint: TouchpointReceivedV1, decoder: msgspec.json.Decoder[ContentT]) -> ContentT:
        try:
            return decoder.decode(self._keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
        except SealBroken:
            raise Poison("sealed content: does not open with this keyring") from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Poison("sealed content: is not as agreed") from None
