"""The ready-made declarations of the pack, on samples in the shapes that their senders document."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import ManualClock
from interaction_service.application.hooks import Hook
from interaction_service.application.making import make_intake
from interaction_service.application.mapping import PayloadMapping
from interaction_service.application.ports import Channel
from interaction_service.application.submission import Submission

PACK = load_pack(Path(__file__).parents[4] / "packs", "services")
KEYRING = Keyring.generate()
CLOCK = ManualClock(datetime(2026, 5, 20, 8, tzinfo=UTC))
FOLLOWER = "oDF3iY9ffqqb2vVQbVe2WOmzPwLq"


class Nowhere:
    """Nothing is appended in these tests."""

    async def append(self, touchpoints: Any) -> None:
        raise AssertionError


class Sample(NamedTuple):
    """A payload, the names of its touchpoints (None of an identify), what identifies, and a part of the content."""

    channel: str
    body: str
    names: list[str | None]
    identifiers: set[tuple[str, str]]
    properties: dict[str, Any]


def xml(**members: object) -> str:
    return (
        "<xml>"
        + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in members.items())
        + "</xml>"
    )


def follower(**members: object) -> str:
    return xml(ToUserName="gh_e1a2b3c4d5e6", FromUserName=FOLLOWER, CreateTime=1779264000, **members)


def contact(change: str, **members: object) -> str:
    return xml(
        ToUserName="ww0123456789abcdef",
        FromUserName="sys",
        CreateTime=1779264000,
        MsgType="event",
        Event="change_external_contact",
        ChangeType=change,
        UserID="zhang.wei",
        ExternalUserID="wmAbCdEfGhIjKlMnOpQrStUvWxYz0123",
        **members,
    )


OPENID = {("wechat_openid", FOLLOWER)}
CONTACT = {("wecom_external_id", "wmAbCdEfGhIjKlMnOpQrStUvWxYz0123")}
ORDER = {
    "orderId": 500123456789,
    "userId": 778899,
    "status": "completed",
    "total": 88.0,
    "utime": 1779264000,
    "detail": [{"food_name": "拿铁", "quantity": 2, "price": 44.0}],
    "recipientPhone": "+12025550142_1234",
}
REVIEW = {
    "reviewId": 42,
    "orderId": 500123456789,
    "userId": 778899,
    "score": 2,
    "content": "等太久",
    "ctime": 1779264000,
}
CALL = {
    "call_id": "c-20260520-7",
    "direction": "inbound",
    "caller": "+12025550142",
    "callee": "4008000000",
    "started_at": "2026-05-20 15:30:00",
    "duration": 95,
    "agent": "a-17",
    "result": "answered",
    "summary": "问预约时间",
}
SALE = {
    "sale_no": "20260520-0007",
    "status": "paid",
    "member": {"id": "m-88", "phone": "+12025550142", "card": "VIP20260001"},
    "total_fen": 12850,
    "paid_at": "2026-05-20 15:59:59",
    "lines": [{"sku": "S-1", "name": "护理", "quantity": 1, "price_fen": 12850}],
}
FORM = {
    "name": "林岚",
    "phone": "+12025550142",
    "email": "",
    "company": "示例公司",
    "exhibition": "expo-2026",
    "filled_at": "2026-05-20 15:00:00",
    "agree": "yes",
}
PUSHED = {"ToUserName": "gh_mini", "FromUserName": FOLLOWER, "CreateTime": 1779264000}
SAMPLES = {
    "a text": Sample(
        "wechat_official_account",
        follower(MsgType="text", Content="你好，想预约", MsgId=24512345678901234),
        ["WeChat Message Received"],
        OPENID,
        {"message_type": "text", "text": "你好，想预约"},
    ),
    "a picture": Sample(
        "wechat_official_account",
        follower(MsgType="image", PicUrl="https://img.example.com/1", MediaId="m", MsgId=24512345678901235),
        ["WeChat Message Received"],
        OPENID,
        {"message_type": "image", "picture": "https://img.example.com/1", "media": "m"},
    ),
    "a follow by a code": Sample(
        "wechat_official_account",
        follower(MsgType="event", Event="subscribe", EventKey="qrscene_7", Ticket="t"),
        ["WeChat Followed"],
        OPENID,
        {"event": "subscribe", "key": "qrscene_7"},
    ),
    "an unfollow": Sample(
        "wechat_official_account",
        follower(MsgType="event", Event="unsubscribe"),
        ["WeChat Unfollowed"],
        OPENID,
        {},
    ),
    "a menu": Sample(
        "wechat_official_account",
        follower(MsgType="event", Event="CLICK", EventKey="BOOK"),
        ["WeChat Menu Clicked"],
        OPENID,
        {"event": "CLICK", "key": "BOOK"},
    ),
    "a position": Sample(
        "wechat_official_account", follower(MsgType="event", Event="LOCATION"), [], set(), {}
    ),
    "a word to the account": Sample(
        "wechat_official_account",
        follower(MsgType="event", Event="MASSSENDJOBFINISH", MsgID=1000001625, Status="send success"),
        [],
        set(),
        {},
    ),
    "a new contact": Sample(
        "wecom_external_contact",
        contact("add_external_contact", State="store-7", WelcomeCode="w"),
        ["WeCom Contact Added"],
        CONTACT,
        {"change": "add_external_contact", "staff": "zhang.wei", "state": "store-7"},
    ),
    "a contact who left": Sample(
        "wecom_external_contact", contact("del_follow_user"), ["WeCom Contact Left"], CONTACT, {}
    ),
    "another event": Sample(
        "wecom_external_contact", xml(MsgType="event", Event="change_contact"), [], set(), {}
    ),
    "a mini-program text": Sample(
        "wechat_mini_program",
        json.dumps({**PUSHED, "MsgType": "text", "Content": "在吗", "MsgId": 24512345678901236}),
        ["Mini-program Message Received"],
        {("wechat_openid", FOLLOWER)},
        {"message_type": "text", "text": "在吗"},
    ),
    "a mini-program card": Sample(
        "wechat_mini_program",
        json.dumps({**PUSHED, "MsgType": "miniprogrampage", "AppId": "wx7", "Title": "预约", "MsgId": 245}),
        ["Mini-program Message Received"],
        # As that of a text: in another namespace the same person would be two.
        {("wechat_openid", FOLLOWER), ("in", "gh_mini")},
        {"message_type": "miniprogrampage", "title": "预约"},
    ),
    "a mini-program session": Sample(
        "wechat_mini_program",
        json.dumps({**PUSHED, "MsgType": "event", "Event": "user_enter_tempsession", "SessionFrom": "card"}),
        ["Mini-program Service Entered"],
        {("wechat_openid", FOLLOWER)},
        {"from": "card"},
    ),
    "sales": Sample(
        "pos_sale",
        json.dumps({"store": "sh-07", "sales": [SALE, {**SALE, "member": None}]}),
        ["Order Completed"],
        {("user_id", "m-88"), ("phone", "+12025550142"), ("member_number", "VIP20260001")},
        {"order_id": "20260520-0007", "store": "sh-07", "revenue": 128.5},
    ),
    "a call": Sample(
        "call_centre",
        json.dumps(CALL),
        ["Call Received"],
        {("phone", "+12025550142")},
        {"seconds": 95, "agent": "a-17", "summary": "问预约时间"},
    ),
    "a missed call": Sample(
        "call_centre",
        json.dumps({**CALL, "result": "missed"}),
        ["Call Missed"],
        {("phone", "+12025550142")},
        {},
    ),
    "a call to a customer": Sample(
        "call_centre",
        json.dumps({**CALL, "direction": "outbound", "callee": "+12025550143"}),
        ["Call Made"],
        {("phone", "+12025550143")},
        {},
    ),
    "a form": Sample(
        "exhibition_form",
        urlencode([*FORM.items(), ("interest", "护理"), ("interest", "课程")]),
        [None, "Exhibition Form Submitted"],
        {("phone", "+12025550142")},
        {"exhibition": "expo-2026", "interests": ["护理", "课程"]},
    ),
    "a platform's order": Sample(
        "local_life_platform",
        urlencode({"ePoiId": "poi-7", "order": json.dumps(ORDER), "timestamp": 1779264000}),
        ["Order Completed"],
        {("third_party_account", "778899")},
        {"order_id": "500123456789", "shop": "poi-7", "revenue": 88.0},
    ),
    "a platform's review": Sample(
        "local_life_platform",
        urlencode({"ePoiId": "poi-7", "review": json.dumps(REVIEW), "timestamp": 1779264000}),
        ["Review Posted"],
        {("third_party_account", "778899")},
        {"stars": 2, "text": "等太久"},
    ),
}


async def mapped(sample: Sample) -> list[TouchpointReceivedV1]:
    document = PACK.channels[sample.channel].declaration
    hook = Hook(Channel("c", sample.channel, document.kind), document, None, PayloadMapping(document))
    messages = (await hook.messages(hook.items(sample.body.encode(), {}))).messages
    intake = make_intake(Nowhere(), KEYRING, PACK, "CN", CLOCK)
    submission = Submission(messages=messages, by_any_identifier=True)
    prepared = await intake.prepare(hook.channel, submission)
    assert prepared.refused == []
    return list(prepared.touchpoints)


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_becomes_its_touchpoints(name: str) -> None:
    sample = SAMPLES[name]
    touchpoints = await mapped(sample)
    assert [touchpoint.name for touchpoint in touchpoints] == sample.names
    for touchpoint in touchpoints:
        assert touchpoint.occurred_at.date().isoformat() == "2026-05-20"
        content = json.loads(KEYRING.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
        told = {(one["type"], one["value"]) for one in content["identifiers"]}
        assert sample.identifiers <= told | {("in", one["namespace"]) for one in content["identifiers"]}
        if touchpoint.kind == "track":
            assert sample.properties.items() <= content["properties"].items()
        assert (touchpoint.purchase is not None) == (touchpoint.name == "Order Completed")
    assert [one.touchpoint_id for one in await mapped(sample)] == [one.touchpoint_id for one in touchpoints]


@pytest.mark.parametrize("channel", PACK.channels)
async def test_its_own_sample_becomes_touchpoints(channel: str) -> None:
    sample = PACK.channels[channel].declaration.sample
    assert sample is not None
    assert await mapped(Sample(channel, sample, [], set(), {}))


async def test_a_tick_of_the_form_is_a_consent() -> None:
    touchpoint, _ = await mapped(SAMPLES["a form"])
    assert touchpoint.has_consent
    content = json.loads(KEYRING.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    assert content["context"]["consent"] == {"categoryPreferences": {"marketing": True}}
