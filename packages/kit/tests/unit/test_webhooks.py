"""Signed callbacks: the vector of the specification, and every way to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from guanxi_kit.webhooks import BadSignature, secret_key, sign, verify

# The example of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_example() -> None:
    assert sign(SECRET, MESSAGE, AT, BODY)["webhook-signature"] == SIGNATURE
    assert verify(SECRET, sign(SECRET, MESSAGE, AT, BODY), BODY, AT + timedelta(minutes=4)) == MESSAGE


def test_one_of_several_signatures_is_enough() -> None:
    headers = sign("plain text", MESSAGE, AT, BODY)
    headers["webhook-signature"] = f"v1,AAAA v2,x {headers['webhook-signature']}"
    assert verify("plain text", headers, BODY, AT) == MESSAGE


@pytest.mark.parametrize(
    ("changed", "body", "later"),
    [
        ({}, BODY + b" ", 0),
        ({"webhook-id": "other"}, BODY, 0),
        ({"webhook-timestamp": "1614265331"}, BODY, 0),
        ({"webhook-timestamp": "x"}, BODY, 0),
        ({"webhook-timestamp": ""}, BODY, 0),
        ({"webhook-signature": ""}, BODY, 0),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY, 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
    ],
)
def test_anything_else_is_refused(changed: dict[str, str], body: bytes, later: int) -> None:
    headers = sign(SECRET, MESSAGE, AT, BODY) | changed
    with pytest.raises(BadSignature):
        verify(SECRET, headers, body, AT + timedelta(seconds=later))
    with pytest.raises(BadSignature):
        verify("other", sign(SECRET, MESSAGE, AT, BODY), BODY, AT)


def test_a_broken_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        secret_key("whsec_ä")
