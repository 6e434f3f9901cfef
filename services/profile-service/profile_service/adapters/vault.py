"""Opens what a touchpoint carries under seal, and seals what is stored; nothing personal is stored in clear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.consumer import Poison
from guanxi_kit.crypto import Keyring, SealBroken
from profile_service.application.keep_consents import Preferences
from profile_service.application.ports import ToldContent, Unusable


class PlainIdentifier(msgspec.Struct, frozen=True):
    """An identifier in clear."""

    type: str
    namespace: str
    value: str


class _Identifiers(msgspec.Struct):
    identifiers: list[PlainIdentifier]


class _Unusable(msgspec.Struct):
    type: str
    reason: str
    value: msgspec.Raw = msgspec.Raw(b"null")


class _Group(msgspec.Struct):
    traits: dict[str, msgspec.Raw] | None = None


class _Contact(msgspec.Struct):
    role: str | None = None
    until: datetime | None = None


class _Told(msgspec.Struct):
    traits: dict[str, msgspec.Raw] | None = None
    unusable: list[_Unusable] = []
    group: _Group | None = None
    contact: _Contact | None = None


class _Enterprise(msgspec.Struct):
    enterprise: PlainIdentifier


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
_CONSENT = msgspec.json.Decoder(_Consenting)
MAX_UNUSABLE_BYTES = 1000
_IDENTIFIERS = msgspec.json.Decoder(_Identifiers)
_TOLD = msgspec.json.Decoder(_Told)
_ENTERPRISE = msgspec.json.Decoder(_Enterprise)
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


def contact_aad(enterprise_profile_id: UUID, person_profile_id: UUID) -> bytes:
    """What binds the sealed role of a contact to its place."""
    return b"contact\0" + enterprise_profile_id.bytes + person_profile_id.bytes


def invalid_aad(profile_id: UUID, identifier_type: str) -> bytes:
    """What binds a sealed value that is no identifier to its place."""
    return b"invalid\0" + profile_id.bytes + identifier_type.encode()


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

    def open_told(self, touchpoint: TouchpointReceivedV1) -> ToldContent:
        """Return what a touchpoint tells. Raises Poison when it cannot be read.

        Names of traits that no index can hold are left out.
        """
        told = self._open(touchpoint, _TOLD)
        contact = told.contact or _Contact()
        return ToldContent(
            _storable(told.traits),
            _storable(None if told.group is None else told.group.traits),
            [Unusable(each.type, _bounded(each.value), each.reason) for each in told.unusable],
            contact.role,
            contact.until and _utc(contact.until),
        )

    def open_enterprise(self, touchpoint: TouchpointReceivedV1) -> bytes:
        """Return the plain value of the enterprise's identifier. Raises Poison when there is none."""
        return _ENCODE(self._open(touchpoint, _ENTERPRISE).enterprise)

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


def _storable(traits: Mapping[str, msgspec.Raw] | None) -> dict[str, bytes]:
    return {
        name: bytes(value)
        for name, value in (traits or {}).items()
        if len(name) <= MAX_TRAIT_NAME_CHARACTERS and "\0" not in name
    }


def _bounded(value: msgspec.Raw) -> bytes:
    return bytes(value) if len(bytes(value)) <= MAX_UNUSABLE_BYTES else b"null"


def _utc(moment: datetime) -> datetime | None:
    """Return a moment as the database keeps it; None for one that it cannot keep."""
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
