"""WeChat's and WeCom's own checks, also by the worked example of WeCom's documents."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from guanxi_kit.packs.channels import ChannelDocument
from interaction_service.application.signatures import (
    BadSecrets,
    BadSignature,
    HookRequest,
    Verifier,
    make_verifier,
)

EXAMPLE = {
    "token": ["QDG6eK"],
    "aes_key": ["jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"],
    "receiver": ["wx5823bf96d3bd56c7"],
}
EXAMPLE_QUERY = {
    "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
    "timestamp": "1409659589",
    "nonce": "263014780",
    "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
}
EXAMPLE_TIME = datetime.fromtimestamp(1409659589, UTC)
NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
TIMESTAMP = str(int(NOW.timestamp()))


def verifier(scheme: str, secrets: Mapping[str, list[str]]) -> Verifier:
    rules = [{"message": {"type": "page"}}]
    declared = {"kind": "x", "verify": {"scheme": scheme}, "decode": "xml", "when": rules}
    document = ChannelDocument.model_validate_json(json.dumps(declared))
    made = make_verifier(document, secrets)
    assert made is not None
    return made


def sealed(text: bytes, receiver: str = "wx5823bf96d3bd56c7") -> str:
    plain = os.urandom(16) + len(text).to_bytes(4, "big") + text + receiver.encode()
    padding = 32 - len(plain) % 32
    key = base64.b64decode(EXAMPLE["aes_key"][0] + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(
        encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    ).decode()


def signature(*parts: str, token: str = "QDG6eK") -> str:
    return hashlib.sha1("".join(sorted((token, TIMESTAMP, "n", *parts))).encode()).hexdigest()


def enveloped(text: bytes, receiver: str = "wx5823bf96d3bd56c7", **query: str) -> HookRequest:
    content = sealed(text, receiver)
    asked = {"timestamp": TIMESTAMP, "nonce": "n", "msg_signature": signature(content), **query}
    body = f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{content}]]></Encrypt></xml>".encode()
    return HookRequest({}, asked, body, NOW)


def in_clear(body: bytes, **query: str) -> HookRequest:
    asked = {"timestamp": TIMESTAMP, "nonce": "n", "signature": signature(), **query}
    return HookRequest({}, asked, body, NOW)


def test_the_example_of_the_documents() -> None:
    wecom = verifier("wecom", EXAMPLE)
    assert wecom.greet(HookRequest({}, EXAMPLE_QUERY, b"", EXAMPLE_TIME)) == b"1616140317555161061"
    with pytest.raises(BadSignature, match="not of now"):
        wecom.greet(HookRequest({}, EXAMPLE_QUERY, b"", EXAMPLE_TIME + timedelta(minutes=6)))


def test_an_envelope_opens_for_its_receiver_alone() -> None:
    wecom = verifier("wecom", EXAMPLE)
    assert wecom.open(enveloped("<xml>你好</xml>".encode())) == "<xml>你好</xml>".encode()
    as_json = enveloped(b"<a/>")
    content = as_json.body.decode().partition("CDATA[")[2].partition("]")[0]
    assert wecom.open(HookRequest({}, as_json.query, b'{"Encrypt":"%s"}' % content.encode(), NOW)) == b"<a/>"
    good = enveloped(b"<a/>")
    short = base64.b64encode(os.urandom(32)).decode()
    wrong = [
        enveloped(b"<a/>", receiver="ww-another"),
        enveloped(b"<a/>", msg_signature=signature()),
        enveloped(b"<a/>", timestamp="1"),
        enveloped(b"<a/>", timestamp=""),
        HookRequest({}, good.query, enveloped(b"<b/>").body, NOW),
        HookRequest({}, good.query, b"<xml><Encrypt>no</Encrypt></xml>", NOW),
        HookRequest({}, good.query, b"<xml/>", NOW),
        HookRequest({}, good.query, b"", NOW),
        HookRequest(
            {},
            {**good.query, "msg_signature": signature(short)},
            f"<x><Encrypt>{short}</Encrypt></x>".encode(),
            NOW,
        ),
        in_clear(b"<a/>"),
    ]
    for request in wrong:
        with pytest.raises(BadSignature):
            wecom.open(request)


def test_messages_in_clear_are_for_accounts_without_a_key() -> None:
    clear = verifier("wechat", {"token": ["old", "QDG6eK"]})
    assert clear.open(in_clear(b"<a/>")) == b"<a/>"
    assert clear.greet(in_clear(b"", echostr="4711")) == b"4711"
    with pytest.raises(BadSignature):
        clear.open(in_clear(b"<a/>", signature=signature(token="no")))
    with pytest.raises(BadSignature):
        verifier("wechat", EXAMPLE).open(in_clear(b"<a/>"))


def test_an_envelope_without_a_key_to_it_is_not_taken_for_nothing() -> None:
    clear = verifier("wechat", {"token": ["QDG6eK"]})
    asked = {"signature": signature(), "encrypt_type": "aes"}
    with pytest.raises(BadSignature, match="no aes_key"):
        clear.open(enveloped(b"<a/>", **asked))
    both = b"<xml><ToUserName>x</ToUserName><MsgType>text</MsgType><Encrypt>sealed</Encrypt></xml>"
    again = verifier("wechat", {"token": ["QDG6eK"]})
    assert again.open(in_clear(both, encrypt_type="aes")) == both, "the compatible mode sends both"


def test_a_caught_signature_opens_for_its_own_body_only() -> None:
    clear = verifier("wechat", {"token": ["QDG6eK"]})
    assert clear.open(in_clear(b"<a/>"))
    assert clear.open(in_clear(b"<a/>")), "the platform sends again what was not answered"
    with pytest.raises(BadSignature, match="another content"):
        clear.open(in_clear(b"<b/>"))


@pytest.mark.parametrize(
    "secrets", [{}, {"token": []}, {**EXAMPLE, "aes_key": ["short"]}, {**EXAMPLE, "receiver": [""]}]
)
def test_secrets_that_do_not_fit_are_told(secrets: dict[str, list[str]]) -> None:
    with pytest.raises(BadSecrets):
        verifier("wecom", secrets)
