"""Addresses that others name: the open Internet alone, and the one that was looked at."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from guanxi_kit.outward import AddressRefused, NoAnswer, OutwardClient, check_url

PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::a9fe:a9fe",
    "ff02::1",
)
PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34")


class Peer:
    """Answers, and remembers what it was asked."""

    def __init__(self, *addresses: str, body: bytes = b"{}") -> None:
        self.addresses, self.body = addresses, body
        self.asked: list[httpx.Request] = []
        self.lookups = 0

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.lookups += 1
        return self.addresses

    def client(self, *, allow_private: bool = False) -> OutwardClient:
        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return httpx.Response(
                302, stream=httpx.ByteStream(self.body), headers={"location": "https://127.0.0.1/"}
            )

        transport = httpx.MockTransport(answer)
        return OutwardClient(allow_private=allow_private, resolve=self.resolve, transport=transport)


@pytest.mark.parametrize("address", PRIVATE)
async def test_private_addresses_are_not_asked(address: str) -> None:
    peer = Peer("93.184.216.34", address)
    with pytest.raises(AddressRefused):
        await peer.client().send("POST", "https://partner.example.com/erase", {})
    assert peer.asked == []


@pytest.mark.parametrize("address", PUBLIC)
async def test_the_address_that_was_looked_at_is_asked_by_its_name(address: str) -> None:
    peer = Peer(address)
    answer = await peer.client().send(
        "POST", "https://partner.example.com:8443/erase?a=1", {"x": "y"}, b"body"
    )
    (request,) = peer.asked
    assert peer.lookups == 1
    assert request.url.host == address.strip("[]")
    assert request.url.port == 8443
    assert request.url.raw_path == b"/erase?a=1"
    assert request.headers["host"] == "partner.example.com:8443"
    assert request.extensions["sni_hostname"] == "partner.example.com"
    assert request.content == b"body"
    assert answer.status == 302, "a redirect is an answer like any other"


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example.com/",
        "ftp://partner.example.com/",
        "https:///path",
        "https://user:secret@partner.example.com/",
        "https://partner.example.com:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://b\u00fccher.example.com/",
        "https://a b.example.com/",
        "nonsense",
    ],
)
def test_what_is_no_outward_url_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url)


async def test_for_development_private_ones_are_asked() -> None:
    peer = Peer("127.0.0.1")
    answer = await peer.client(allow_private=True).send("GET", "http://localhost:9/x", {})
    assert answer.status == 302


async def test_a_long_answer_is_none() -> None:
    peer = Peer("93.184.216.34", body=b"x" * 100_000)
    with pytest.raises(NoAnswer):
        await peer.client().send("GET", "https://partner.example.com/", {})
