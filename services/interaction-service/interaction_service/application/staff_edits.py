"""What staff enter about a customer is a touchpoint too, of the channel `staff`, answered once it is durable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from guanxi_contracts.touchpoint import IdentifierRef, TouchpointReceivedV1
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.fields import FieldRules
from guanxi_kit.identifiers import Normalised
from interaction_service.application.content import Contact, SealedContent, encode_content, encode_json
from interaction_service.application.identification import ENTERPRISE, Identification, Usable
from interaction_service.application.message import JsonObject, check_depth
from interaction_service.application.ports import TouchpointLog
from interaction_service.domain.limits import MAX_EVENT_BYTES, MAX_IDENTIFIERS, MAX_TRAIT_NAME
from interaction_service.domain.refusal import Refused
from interaction_service.domain.touchpoint import touchpoint_id

STAFF = "staff"
"""The channel; no channel system may have its name."""
NAME = "Staff edit"
MAX_NOTE = 4_000
MAX_TRAITS = 200


@dataclass(frozen=True, slots=True)
class GivenIdentifier:
    """An identifier as staff wrote it; `verified` when its holder proved to have it."""

    type: str
    value: str
    namespace: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class GivenEnterprise:
    """The organisation that the person acts for, by its account id; what the person is there, and until when."""

    id: str
    role: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class StaffEdit:
    """What a member of staff enters; a trait of None deletes it. `key` makes a repeat of the edit the same edit."""

    customer_id: UUID
    actor: str
    traits: JsonObject = field(default_factory=dict)
    identifiers: tuple[GivenIdentifier, ...] = ()
    enterprise: GivenEnterprise | None = None
    note: str | None = None
    key: str | None = None


class StaffEdits:
    """Takes edits in."""

    def __init__(
        self,
        *,
        log: TouchpointLog,
        keyring: Keyring,
        identification: Identification,
        fields: FieldRules,
        clock: Clock,
    ) -> None:
        self._log = log
        self._keyring = keyring
        self._identification = identification
        self._fields = fields
        self._clock = clock

    async def accept(self, edit: StaffEdit) -> TouchpointReceivedV1:
        """Make an edit durable. Raises Refused for one that cannot be, and Unavailable."""
        self._check(edit)
        message_id = str(uuid4()) if edit.key is None else f"{edit.actor}\0{edit.key}"
        identity = touchpoint_id(STAFF, message_id)
        clear, refs = self._identifiers(edit)
        enterprise = self._enterprise(edit.enterprise)
        content = SealedContent(message_id=message_id, identifiers=clear, actor=edit.actor)
        if edit.traits:
            content.traits = edit.traits
        if edit.note:
            content.properties = encode_json({"note": edit.note})
        if edit.enterprise is not None and enterprise is not None:
            content.enterprise = enterprise.clear
            content.contact = Contact(edit.enterprise.role, edit.enterprise.until)
        plain = encode_content(content)
        if len(plain) > MAX_EVENT_BYTES:
            raise Refused("", f"is larger than {MAX_EVENT_BYTES} bytes")
        now = self._clock.now()
        touchpoint = TouchpointReceivedV1(
            touchpoint_id=identity,
            channel=STAFF,
            kind="identify",
            name=NAME,
            occurred_at=now,
            received_at=now,
            identifiers=refs,
            sealed=self._keyring.seal(plain, identity.bytes),
            has_traits=bool(edit.traits),
            profile_id=edit.customer_id,
            enterprise=None if enterprise is None else enterprise.ref,
        )
        await self._log.append([touchpoint])
        return touchpoint

    def _check(self, edit: StaffEdit) -> None:
        if not (edit.traits or edit.identifiers or edit.enterprise or edit.note):
            raise Refused("", "holds nothing to enter")
        if len(edit.traits) > MAX_TRAITS:
            raise Refused("traits", f"holds more than {MAX_TRAITS} traits")
        if edit.note is not None and len(edit.note) > MAX_NOTE:
            raise Refused("note", f"is longer than {MAX_NOTE} characters")
        check_depth(bytes(encode_json(edit.traits)))
        for name, value in edit.traits.items():
            self._check_trait(name, value)

    def _check_trait(self, name: str, value: Any) -> None:
        if not name or len(name) > MAX_TRAIT_NAME or "\0" in name:
            raise Refused("traits", f"has a name that is empty, longer than {MAX_TRAIT_NAME}, or with U+0000")
        declared = self._fields.fields.get(name)
        if declared is not None and declared.derived is not None:
            raise Refused(f"traits.{name}", "follows from the customer's dealings and cannot be entered")
        fault = None if value is None else self._fields.fault(name, value)
        if fault is not None:
            raise Refused(f"traits.{name}", fault)

    def _identifiers(self, edit: StaffEdit) -> tuple[list[Normalised], list[IdentifierRef]]:
        if len(edit.identifiers) > MAX_IDENTIFIERS:
            raise Refused("identifiers", f"holds more than {MAX_IDENTIFIERS} identifiers")
        found: dict[bytes, tuple[Usable, bool]] = {}
        for place, given in enumerate(edit.identifiers):
            if given.type == ENTERPRISE:
                raise Refused(
                    f"identifiers.{place}.type", "is that of an organisation: name it as `enterprise`"
                )
            one = self._identification.look_up(given.type, given.value, given.namespace)
            if not isinstance(one, Usable):
                raise Refused(f"identifiers.{place}.value", one.reason)
            verified = given.verified or (one.ref.hash in found and found[one.ref.hash][1])
            found[one.ref.hash] = (one, verified)
        ordered = sorted(found.values(), key=lambda item: item[0].place)
        return (
            [one.clear for one, _ in ordered],
            [IdentifierRef(one.ref.type, one.ref.hash, verified=verified) for one, verified in ordered],
        )

    def _enterprise(self, given: GivenEnterprise | None) -> Usable | None:
        if given is None:
            return None
        one = self._identification.identify_enterprise(given.id)
        if one is None:
            raise Refused("enterprise", "is nothing that this pack knows, or has no id")
        if not isinstance(one, Usable):
            raise Refused("enterprise.id", one.reason)
        return one
