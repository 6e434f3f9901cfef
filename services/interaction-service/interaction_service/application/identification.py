"""Which identifiers a message carries, normalised, strongest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import IdentifierRef
from guanxi_kit.crypto import Keyring
from guanxi_kit.identifiers import IdentifierRules, Normalised
from guanxi_kit.identifiers.told import APP_IDS, IDENTIFYING_TRAITS, OPENIDS
from interaction_service.application.content import Unusable
from interaction_service.application.message import JsonObject, MessageHead, Scalar
from interaction_service.domain.limits import MAX_IDENTIFIERS
from interaction_service.domain.refusal import Refused

REMEMBERED = 16_384
REMEMBERED_OF_FILES = 1_024
"""Rows of a file come back to a person far apart, and what is small stays in the processor's own memory."""
Candidate = tuple[str, object, object]

_EXTERNAL_TYPES = {
    "user_id": "user_id",
    "userId": "user_id",
    "anonymous_id": "anonymous_id",
    "anonymousId": "anonymous_id",
    "email": "email",
    "phone": "phone",
    "member_number": "member_number",
    "memberNumber": "member_number",
    "wechat_openid": "wechat_openid",
    "wechatOpenid": "wechat_openid",
    "wechat_unionid": "wechat_unionid",
    "wechatUnionid": "wechat_unionid",
    "wecom_external_id": "wecom_external_id",
    "wecomExternalId": "wecom_external_id",
    "device_id": "device_id",
    "deviceId": "device_id",
    "ios.id": "device_id",
    "android.id": "device_id",
}
ENTERPRISE = "enterprise_account"
_OTHER_ACCOUNT = "third_party_account"
_ABSENT = (None, "")
# Making `str | int` takes as long as the look itself, and this one is at every identifier.
_HASHABLE = (str, int)
_OPENID = "wechat_openid"
_TELLING = {**dict(IDENTIFYING_TRAITS), **dict.fromkeys(OPENIDS, _OPENID)}


class Usable(msgspec.Struct, frozen=True, order=True):
    """An identifier that identifies; `place` orders the strongest first."""

    place: tuple[int, str, str]
    clear: Normalised
    ref: IdentifierRef


class Identified(msgspec.Struct, frozen=True):
    """The identifiers of a message: in clear and as references, both strongest first, and those of no use.

    Messages of one person share one of these: nobody changes its lists.
    """

    clear: list[Normalised]
    refs: list[IdentifierRef]
    unusable: list[Unusable]


class Identification:
    """Finds the identifiers of a message by a pack's rules; `rank` is the place of each type, 0 the strongest."""

    def __init__(
        self,
        rules: IdentifierRules,
        rank: Mapping[str, int],
        keyring: Keyring,
        *,
        enterprises: bool = False,
        remembered: int = REMEMBERED,
    ) -> None:
        """`enterprises`: organisations are customers of their own. `remembered` identifiers are not worked out anew."""
        self._rules = rules
        self._enterprises = enterprises and ENTERPRISE in rank
        self._rank = rank
        self._declared = frozenset(rank) - {ENTERPRISE}
        self._keyring = keyring
        # Normalising and hashing cost more than all else of a plain message, and most persons come again soon.
        self._look_up_cached = lru_cache(maxsize=remembered, typed=True)(self.look_up)
        self._identify_plain = lru_cache(maxsize=remembered)(self._plain)

    def identify(self, message: MessageHead, traits: JsonObject, context: JsonObject) -> Identified:
        """Return the identifiers of a message. Raises Refused when there are more than MAX_IDENTIFIERS."""
        device_id = _device_id(context)
        plain = "externalIds" not in context and (device_id is None or type(device_id) is str)
        if plain and not traits:
            person = self._identify_plain(
                message.user_id, message.anonymous_id, message.previous_id, device_id
            )
        else:
            person = self._arrange(candidates(message, traits, context, self._declared))
        if plain and "verified" not in context:
            return person
        return self._mark_verified(person, context)

    def identify_enterprise(self, group_id: object) -> Usable | Unusable | None:
        """Return the organisation of a group id; None where there is none, or the pack has no enterprises."""
        if not self._enterprises or group_id in _ABSENT:
            return None
        look_up = self._look_up_cached if isinstance(group_id, str | int) else self.look_up
        return look_up(ENTERPRISE, group_id, "")

    def _mark_verified(self, person: Identified, context: JsonObject) -> Identified:
        """Return the identifiers with those marked that the channel says their holder proved to have.

        New references: those of `person` may be remembered for messages that say nothing of the kind.
        """
        types = _verified_types(context)
        found = (self.look_up(*candidate) for candidate in _verified_external(context, self._declared))
        hashes = {one.ref.hash for one in found if isinstance(one, Usable)}
        if not types and not hashes:
            return person
        refs = [
            IdentifierRef(ref.type, ref.hash, verified=ref.type in types or ref.hash in hashes)
            for ref in person.refs
        ]
        return Identified(person.clear, refs, person.unusable)

    def _plain(
        self,
        user_id: Scalar | None,
        anonymous_id: Scalar | None,
        previous_id: Scalar | None,
        device_id: str | None,
    ) -> Identified:
        return self._arrange(_from_ids(user_id, anonymous_id, previous_id, device_id))

    def _arrange(self, found: Iterable[Candidate]) -> Identified:
        usable: list[Usable] = []
        unusable: list[Unusable] = []
        for type_, raw, namespace in found:
            hashable = isinstance(raw, _HASHABLE) and isinstance(namespace, str)
            one = (self._look_up_cached if hashable else self.look_up)(type_, raw, namespace)
            if isinstance(one, Unusable):
                unusable.append(one)
            elif one not in usable:
                usable.append(one)
        if len(usable) > 1:
            if len(usable) + len(unusable) > MAX_IDENTIFIERS:
                raise Refused("context.externalIds", f"holds more than {MAX_IDENTIFIERS} identifiers")
            usable.sort()
        return Identified([one.clear for one in usable], [one.ref for one in usable], unusable)

    def look_up(self, type_: str, raw: object, namespace: object) -> Usable | Unusable:
        """Return one identifier, or why it is none."""
        found = self._rules.normalise(type_, raw, namespace)
        if not isinstance(found, Normalised):
            return Unusable(type_, str(namespace), raw, found.reason)
        digest = self._keyring.blind(f"{found.type}\0{found.namespace}", found.value)
        place = self._rank[found.type], found.namespace, found.value
        return Usable(place, found, IdentifierRef(found.type, digest))


def candidates(
    message: MessageHead, traits: JsonObject, context: JsonObject, declared: Collection[str]
) -> list[Candidate]:
    """Return (type, raw value, namespace) of everything in a message that may identify its person.

    `declared` are the types of the pack, which external ids may name.
    """
    found = _from_ids(message.user_id, message.anonymous_id, message.previous_id, _device_id(context))
    if traits:
        _add_traits(found, traits)
    external = context.get("externalIds")
    if isinstance(external, list):
        found.extend(_from_external(external, declared))
    return found


def _from_ids(
    user_id: object, anonymous_id: object, previous_id: object, device_id: object
) -> list[Candidate]:
    found: list[Candidate] = []
    if user_id not in _ABSENT:
        found.append(("user_id", user_id, ""))
    if anonymous_id not in _ABSENT:
        found.append(("anonymous_id", anonymous_id, ""))
    if previous_id not in _ABSENT:
        found.append(("anonymous_id", previous_id, ""))
    if device_id not in _ABSENT:
        found.append(("device_id", device_id, ""))
    return found


def _device_id(context: JsonObject) -> Any:
    device = context.get("device")
    return device.get("id") if isinstance(device, dict) else None


def _add_traits(found: list[Candidate], traits: JsonObject) -> None:
    has_openid = False
    for name in traits:
        type_ = _TELLING.get(name)
        if type_ is None:
            continue
        if type_ == _OPENID:
            has_openid = True
        elif traits[name] not in _ABSENT:
            found.append((type_, traits[name], ""))
    if has_openid and (openid := _first(traits, OPENIDS)) not in _ABSENT:
        found.append((_OPENID, openid, _first(traits, APP_IDS) or ""))


def _from_external(external: list[Any], declared: Collection[str]) -> Iterator[Candidate]:
    for item in external:
        if not isinstance(item, dict) or item.get("id") in _ABSENT:
            continue
        type_ = item.get("type")
        if not isinstance(type_, str):
            continue
        known = _EXTERNAL_TYPES.get(type_, type_ if type_ in declared else None)
        if known is not None:
            yield known, item["id"], _first(item, ("namespace", *APP_IDS)) or ""
        else:
            yield _OTHER_ACCOUNT, item["id"], type_


def _verified_types(context: JsonObject) -> set[str]:
    named = context.get("verified")
    texts = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    return {_EXTERNAL_TYPES.get(name, name) for name in texts}


def _verified_external(context: JsonObject, declared: Collection[str]) -> Iterator[Candidate]:
    external = context.get("externalIds")
    if isinstance(external, list):
        yield from _from_external(
            [item for item in external if isinstance(item, dict) and item.get("verified") is True], declared
        )


def _first(values: JsonObject, names: tuple[str, ...]) -> object:
    return next((values[name] for name in names if values.get(name) not in _ABSENT), None)
