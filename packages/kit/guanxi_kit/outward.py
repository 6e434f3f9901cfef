"""Requests to addresses that somebody else names: never into the private network, and never a long answer.

A name is resolved once, every address it has is looked at, and the request goes to the address that was looked at:
an answer that changes between the two looks (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from guanxi_kit.http import HttpTransport, TransportError, make_client

MAX_ANSWER_BYTES = 65_536
SECONDS = 10.0
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """The address may not be asked; the message says why, without the address."""


class NoAnswer(Exception):
    """The peer could not be reached or did not answer properly; the message is a short reason."""


class OutwardAnswer(NamedTuple):
    """What the peer said."""

    status: int
    body: bytes


def check_url(url: str, *, allow_private: bool = False) -> SplitResult:
    """Return a URL's parts. Raises AddressRefused unless it is https (or http, where private ones are allowed)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("is not a URL") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise AddressRefused("must begin with https://")
    if not parts.hostname or parts.username or parts.password or port == 0:
        raise AddressRefused("must name a host, and no user")
    if _literal(parts.hostname) is None and not _HOST.fullmatch(parts.hostname):
        raise AddressRefused("must name a host in ASCII")
    if not allow_private and _literal(parts.hostname) is not None and not _is_public(parts.hostname):
        raise AddressRefused("is an address of a private network")
    return parts


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


async def public_address(
    host: str, port: int, *, allow_private: bool = False, resolve: Resolve = resolve
) -> str:
    """Return an address of a name, to be used in its place. Raises AddressRefused, NoAnswer, OSError."""
    addresses = await resolve(host, port)
    if not addresses:
        raise NoAnswer("no address")
    if not allow_private and not all(map(_is_public, addresses)):
        raise AddressRefused("is an address of a private network")
    return addresses[0]


class OutwardClient:
    """Sends single requests. `allow_private` is for development and tests; `transport` replaces the network."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        seconds: float = SECONDS,
        resolve: Resolve = resolve,
        transport: HttpTransport | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._seconds = seconds
        self._resolve = resolve
        self._transport = transport

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> OutwardAnswer:
        """Send a request and return the answer; redirects are not followed. Raises AddressRefused, NoAnswer."""
        parts = check_url(url, allow_private=self._allow_private)
        try:
            async with asyncio.timeout(self._seconds):
                address = await public_address(
                    parts.hostname or "",
                    _port(parts),
                    allow_private=self._allow_private,
                    resolve=self._resolve,
                )
                return await self._ask(method, parts, address, headers, body)
        except TimeoutError:
            raise NoAnswer("timeout") from None
        except (OSError, UnicodeError, TransportError) as error:
            raise NoAnswer(type(error).__name__) from None

    async def _ask(
        self, method: str, parts: SplitResult, address: str, headers: Mapping[str, str], body: bytes
    ) -> OutwardAnswer:
        """Ask the address that was looked at, by the name that was given: for virtual hosts and certificates."""
        literal = f"[{address}]" if ":" in address else address
        target = parts._replace(netloc=f"{literal}:{_port(parts)}", fragment="").geturl()
        # A connection of its own: one that was made for another name on the same address must not be used.
        async with make_client(timeout=self._seconds, connections=1, transport=self._transport) as client:
            request = client.build_request(
                method,
                target,
                headers={**headers, "host": parts.netloc, "accept-encoding": "identity"},
                content=body,
                extensions={"sni_hostname": parts.hostname},
            )
            answer = await client.send(request, stream=True)
            try:
                received = b""
                async for chunk in answer.aiter_raw():
                    received += chunk
                    if len(received) > MAX_ANSWER_BYTES:
                        raise NoAnswer("long answer")
                return OutwardAnswer(answer.status_code, received)
            finally:
                await answer.aclose()


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: str) -> bool:
    """Tell whether an address is one of the open Internet, looking through those that carry another within."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None and not _is_public(str(inner)):
            return False
        if found.ipv4_mapped is not None:
            return True
    return found.is_global and not found.is_multicast
