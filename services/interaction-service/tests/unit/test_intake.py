"""From messages to touchpoints, without any outside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from guanxi_kit.packs.identifiers import IdentifierSettings, IdentifierType
from guanxi_kit.testing import ManualClock
from interaction_service.application.content import decode_content
from interaction_service.application.intake import Intake
from interaction_service.application.making import make_intake
from interaction_service.application.ports import Channel
from interaction_service.application.submission import Outcome, Submission

PACK = load_pack(Path(__file__).parents[4] / "packs", "services")
KEYRING = Keyring.generate()
NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
WEB = Channel("channel-1", "web", "web")


class Kept:
    """Keeps what was appended."""

    def __init__(self) -> None:
        self.touchpoints: list[TouchpointReceivedV1] = []

    async def append(self, touchpoints: Sequence[TouchpointReceivedV1]) -> None:
        self.touchpoints += touchpoints


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def intake(kept: Kept) -> Intake:
    return make_intake(kept, KEYRING, PACK, "CN", ManualClock(NOW))


async def accept(intake: Intake, *messages: dict[str, Any], **options: Any) -> Outcome:
    return await intake.accept(WEB, Submission([json.dumps(m).encode() for m in messages], **options))


def content_of(touchpoint: TouchpointReceivedV1) -> Any:
    return msgspec.json.decode(KEYRING.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))


async def test_names_of_events_and_pages_are_stored_without_addresses(intake: Intake, kept: Kept) -> None:
    await accept(
        intake,
        {"type": "track", "userId": "u", "event": "Order Completed"},
        {"type": "track", "userId": "u", "event": "Called 139 0000 1234"},
        {"type": "page", "userId": "u", "name": "Orders of lin@example.com"},
        {"type": "page", "userId": "u"},
    )
    assert [each.name for each in kept.touchpoints] == [
        "Order Completed",
        "Called 139****1234",
        "Orders of l****@example.com",
        None,
    ]


async def test_identifiers_from_everywhere_strongest_first(intake: Intake, kept: Kept) -> None:
    message = {
        "type": "identify",
        "userId": 42,
        "anonymousId": " a-1 ",
        "traits": {
            "phone": "+1 (202) 555-0142",
            "email": "Lin@Example.COM",
            "member_number": "M-7",
            "wechatOpenid": "o-1",
            "appId": "wx-1",
            "wechatUnionid": "un-1",
            "wecomExternalId": "wm-1",
        },
        "context": {
            "device": {"id": "dev-1"},
            "externalIds": [
                {"id": "mt-9", "type": "meituan", "collection": "users", "encoding": "none"},
                {"id": "lin@example.com", "type": "email"},
                {"id": None, "type": "email"},
                {"type": "email"},
                "nonsense",
            ],
        },
    }
    assert (await accept(intake, message)).accepted == 1
    (touchpoint,) = kept.touchpoints
    identifiers = content_of(touchpoint)["identifiers"]
    assert [(item["type"], item["namespace"], item["value"]) for item in identifiers] == [
        ("member_number", "", "M-7"),
        ("user_id", "", "42"),
        ("wechat_unionid", "", "un-1"),
        ("wechat_openid", "wx-1", "o-1"),
        ("wecom_external_id", "", "wm-1"),
        ("phone", "", "+12025550142"),
        ("email", "", "lin@example.com"),
        ("third_party_account", "meituan", "mt-9"),
        ("device_id", "", "dev-1"),
        ("anonymous_id", "", "a-1"),
    ]
    assert [ref.hash for ref in touchpoint.identifiers] == [
        KEYRING.blind(f"{item['type']}\0{item['namespace']}", item["value"]) for item in identifiers
    ]


async def test_types_that_the_pack_adds_come_as_external_ids(kept: Kept) -> None:
    types = {**PACK.identifiers.types, "student_number": IdentifierType(priority=20, limit=1)}
    pack = replace(PACK, identifiers=IdentifierSettings(types=types, fragments_per_customer=9))
    ids = [
        {"type": "student_number", "id": "S-7", "verified": True},
        {"type": "third_party_account", "id": "mt-9", "namespace": "meituan"},
        {"type": "enterprise_account", "id": "acme"},
    ]
    await accept(
        make_intake(kept, KEYRING, pack, "CN", ManualClock(NOW)),
        {"type": "track", "event": "x", "anonymousId": "a", "context": {"externalIds": ids}},
    )
    (touchpoint,) = kept.touchpoints
    assert [(item["type"], item["namespace"]) for item in content_of(touchpoint)["identifiers"]] == [
        ("third_party_account", "enterprise_account"),
        ("third_party_account", "meituan"),
        ("anonymous_id", ""),
        ("student_number", ""),
    ]
    assert [ref.type for ref in touchpoint.identifiers if ref.verified] == ["student_number"]


async def test_traits_in_the_context_identify_too(intake: Intake, kept: Kept) -> None:
    context = {"traits": {"email": "lin@example.com", "name": "old"}}
    await accept(
        intake,
        {"type": "track", "event": "x", "anonymousId": "a", "context": context},
        {"type": "identify", "anonymousId": "a", "context": context, "traits": {"name": "new"}},
        {"type": "group", "anonymousId": "a", "groupId": "g", "traits": {"email": "office@example.com"}},
    )
    track, identify, group = kept.touchpoints
    assert [ref.type for ref in track.identifiers] == ["email", "anonymous_id"]
    assert (track.has_traits, identify.has_traits, group.has_traits) == (True, True, False)
    assert content_of(identify)["traits"] == {"email": "lin@example.com", "name": "new"}
    assert [ref.type for ref in group.identifiers] == ["anonymous_id"]


async def test_what_the_channel_verified_is_marked_and_nothing_else_ever(intake: Intake, kept: Kept) -> None:
    message = {"type": "identify", "userId": "u", "traits": {"phone": "+12025550142", "memberNumber": "M-7"}}
    account = {"id": "mt-9", "type": "meituan"}
    plain = {"type": "track", "event": "x", "userId": "u", "anonymousId": "a"}
    for _ in range(2):
        await accept(
            intake,
            {**message, "context": {"externalIds": [account]}},
            {**message, "context": {"externalIds": [{**account, "verified": True}], "verified": ["phone"]}},
            {**message, "context": {"externalIds": [{**account, "verified": "true"}], "verified": "phone"}},
            {**plain, "context": {"verified": ["anonymousId", 3, None]}},
            plain,
        )
    verified = [[ref.type for ref in t.identifiers if ref.verified] for t in kept.touchpoints]
    assert verified == [[], ["phone", "third_party_account"], [], ["anonymous_id"], []] * 2


async def test_an_identifier_verified_in_one_place_is_verified(intake: Intake, kept: Kept) -> None:
    context = {"externalIds": [{"id": "+1 202 555 0142", "type": "phone", "verified": True}, 7]}
    traits = {"phone": "+1 (202) 555-0142", "email": "lin@example.com"}
    await accept(intake, {"type": "identify", "userId": "u", "traits": traits, "context": context})
    (touchpoint,) = kept.touchpoints
    assert [(ref.type, ref.verified) for ref in touchpoint.identifiers] == [
        ("user_id", False),
        ("phone", True),
        ("email", False),
    ]


async def test_an_import_says_that_it_is_one(intake: Intake, kept: Kept) -> None:
    await accept(intake, {"type": "page", "userId": "u"})
    await accept(intake, {"type": "page", "userId": "u"}, historical=True)
    assert [touchpoint.imported for touchpoint in kept.touchpoints] == [False, True]


async def test_the_same_message_is_the_same_touchpoint(intake: Intake, kept: Kept) -> None:
    message = {"type": "page", "userId": "u", "messageId": "m"}
    await accept(intake, message, message)
    await accept(intake, {**message, "userId": "other"})
    await intake.accept(Channel("channel-2", "app", "app"), Submission([json.dumps(message).encode()]))
    await accept(intake, {**message, "messageId": None}, {**message, "messageId": ""})
    ids = [touchpoint.touchpoint_id for touchpoint in kept.touchpoints]
    assert len(set(ids[:3])) == 1
    assert len(set(ids)) == 4


async def test_the_batchs_context_holds_for_all(intake: Intake, kept: Kept) -> None:
    shared = msgspec.Raw(b'{"device": {"id": "dev-1"}, "ip": "192.0.2.1"}')
    await accept(
        intake,
        {"type": "page", "userId": "u"},
        {"type": "page", "userId": "u", "context": {"ip": "192.0.2.2"}},
        {"type": "page", "userId": "u", "context": 7},
        context=shared,
    )
    first, second = kept.touchpoints
    assert content_of(first)["context"]["ip"] == "192.0.2.1"
    assert content_of(second)["context"] == {"device": {"id": "dev-1"}, "ip": "192.0.2.2"}
    assert [ref.type for ref in second.identifiers] == ["user_id", "device_id"]


async def test_content_keeps_what_the_sender_wrote(intake: Intake, kept: Kept) -> None:
    text = b'{"type":"page","userId":"u","properties":{"big":123456789012345678901234567890,"exact":0.10}}'
    await intake.accept(WEB, Submission([text]))
    plain = KEYRING.open(kept.touchpoints[0].sealed, kept.touchpoints[0].touchpoint_id.bytes)
    assert b'{"big":123456789012345678901234567890,"exact":0.10}' in plain


async def test_nulls_for_objects_are_absent(intake: Intake, kept: Kept) -> None:
    nothing = {"properties": None, "traits": None, "context": None}
    await accept(intake, {"type": "identify", "userId": "u", **nothing})
    (touchpoint,) = kept.touchpoints
    assert not touchpoint.has_traits
    plain = KEYRING.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes)
    assert decode_content(plain).properties is None


async def test_too_many_identifiers(intake: Intake) -> None:
    external = [{"id": f"x-{number}", "type": "meituan"} for number in range(100)]
    outcome = await accept(intake, {"type": "page", "userId": "u", "context": {"externalIds": external}})
    assert [refusal.field for refusal in outcome.refused] == ["context.externalIds"]


MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        name: st.none()
        | st.sampled_from(["track", "identify", "alias", "Order Completed", "2026-05-01T00:00:00Z", "", "\0"])
        | st.integers()
        | st.dictionaries(
            st.sampled_from(
                ["device", "traits", "externalIds", "revenue", "currency", "phone", "email", "openid", "id", "groupId"]
            ),
            st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2),
            max_size=4,
        )
        for name in (
            "type", "userId", "anonymousId", "previousId", "groupId", "event", "name", "timestamp", "sentAt",
            "properties", "traits", "context", "messageId",
        )
    },
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=4))
async def test_every_message_is_accepted_or_refused_with_a_reason(messages: list[dict[str, Any]]) -> None:
    kept = Kept()
    outcome = await accept(make_intake(kept, KEYRING, PACK, "CN", ManualClock(NOW)), *messages)
    assert outcome.accepted + len(outcome.refused) == len(messages)
    assert len(kept.touchpoints) == outcome.accepted
    assert all(refusal.reason for refusal in outcome.refused)
    for touchpoint in kept.touchpoints:
        content_of(touchpoint)


async def test_an_organisation_stands_apart_from_the_person(intake: Intake, kept: Kept) -> None:
    person = {"userId": "u", "context": {"traits": {"title": " Buyer "}}}
    await accept(
        intake,
        {"type": "group", **person, "groupId": 77, "traits": {"name": "Acme", "industry": "tools"}},
        {"type": "group", "userId": "u", "groupId": "null"},
        {"type": "track", "event": "x", "userId": "u", "context": {"groupId": "77"}},
        {"type": "track", "event": "x", "userId": "u"},
    )
    group, junk, bought, plain = kept.touchpoints
    assert group.enterprise == bought.enterprise
    assert group.enterprise is not None
    assert group.enterprise.type == "enterprise_account"
    assert [ref.type for ref in group.identifiers] == ["user_id"]
    content = content_of(group)
    assert content["enterprise"] == {"type": "enterprise_account", "namespace": "", "value": "77"}
    assert content["contact"] == {"role": "Buyer"}
    assert content["group"]["traits"] == {"name": "Acme", "industry": "tools"}
    assert (plain.enterprise, plain.has_unusable) == (None, False)
    assert (junk.enterprise, junk.has_unusable) == (None, True)
    assert content_of(junk)["unusable"][0]["type"] == "enterprise_account"


async def test_consent_preferences_are_flagged_only_where_they_say_yes_or_no(
    intake: Intake, kept: Kept
) -> None:
    told: list[Any] = [
        {"categoryPreferences": {"Advertising": True, "Analytics": False}},
        {"categoryPreferences": {"Advertising": "yes"}},
        {"categoryPreferences": {}},
        {"categoryPreferences": [True]},
        "granted",
        None,
    ]
    for consent in told:
        await accept(intake, {"type": "track", "event": "x", "userId": "u", "context": {"consent": consent}})
    assert [touchpoint.has_consent for touchpoint in kept.touchpoints] == [True, *[False] * 5]
    assert content_of(kept.touchpoints[0])["context"]["consent"]["categoryPreferences"]["Advertising"] is True
