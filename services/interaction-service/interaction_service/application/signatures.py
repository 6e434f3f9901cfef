"""Whether a webhook's request comes from whom it says, and is of now."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

from guanxi_kit.packs.channels import ChannelDocument, HmacCheck, SortedFieldsCheck, TokenCheck, WeChatCheck
from interaction_service.application.message import Malformed
from interaction_service.application.payload import read_payload
from interaction_service.application.wechat import Envelope, NotOpened, WeChatVerifier

Secrets = Mapping[str, Sequence[str]]
"""By name; several while one is being replaced, any of which holds."""
_MILLISECONDS_FROM = 100_000_000_000
_WHSEC = "whsec_"


class BadSignature(Exception):
    """The request is not from whom it says, or not of now; the message says which, without its content."""


class BadSecrets(ValueError):
    """The secrets do not fit the declaration; the message says why, without a secret."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A request to a webhook. Header names are lower case; `query` holds the first value of each name."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: datetime


class Verifier(Protocol):
    """Checks requests of one channel."""

    def open(self, request: HookRequest) -> bytes:
        """Return the body, out of its envelope. Raises BadSignature."""
        ...

    def greet(self, request: HookRequest) -> bytes | None:
        """Return the answer to the sender's question whether this is its address. Raises BadSignature.

        None when senders of this kind do not ask.
        """
        ...


def make_verifier(document: ChannelDocument, secrets: Secrets) -> Verifier | None:
    """Return what checks the channel's requests; None when its write key does. Raises BadSecrets."""
    check = document.verify
    for name in check.secrets:
        if not any(secrets.get(name, ())):
            raise BadSecrets(f"the secret {name!r} is missing")
    if isinstance(check, HmacCheck):
        return _HmacVerifier(check, secrets["secret"])
    if isinstance(check, TokenCheck):
        return _TokenVerifier(check, secrets["secret"])
    if isinstance(check, SortedFieldsCheck):
        return _SortedFieldsVerifier(check, secrets["secret"])
    if isinstance(check, WeChatCheck):
        return _WeChat(check, secrets)
    return None


class _NeverAsked:
    def greet(self, request: HookRequest) -> bytes | None:
        return None


class _TokenVerifier(_NeverAsked):
    def __init__(self, check: TokenCheck, secrets: Sequence[str]) -> None:
        self._header = check.header
        self._expected = [f"{check.prefix}{secret}".encode() for secret in secrets]

    def open(self, request: HookRequest) -> bytes:
        given = request.headers.get(self._header, "").encode()
        if not any(hmac.compare_digest(expected, given) for expected in self._expected):
            raise BadSignature(f"{self._header} does not hold the token")
        return request.body


class _HmacVerifier(_NeverAsked):
    def __init__(self, check: HmacCheck, secrets: Sequence[str]) -> None:
        self._check = check
        self._keys = [_key(secret, check.key) for secret in secrets]
        self._parts = re.split(r"\{(\w+)\}", check.template)

    def open(self, request: HookRequest) -> bytes:
        check = self._check
        header = request.headers.get(check.header, "")
        members: list[tuple[str, str]] = []
        if check.member is None:
            given = header.split()
        else:
            members = [
                (name.strip(), value.strip())
                for name, _, value in (m.partition("=") for m in header.split(","))
            ]
            given = [value for name, value in members if name == check.member]
        candidates = [one.removeprefix(check.prefix) for one in given if one.startswith(check.prefix)]
        if check.encoding == "hex":
            candidates = [one.lower() for one in candidates]
        timestamp = self._timestamp(request, dict(members))
        identity = request.headers.get(check.id_header, "") if check.id_header else ""
        signed = self._signed(request.body, timestamp, identity)
        for key in self._keys:
            expected = self._written(hmac.digest(key, signed, check.algorithm))
            if any(hmac.compare_digest(expected, one.encode()) for one in candidates):
                break
        else:
            raise BadSignature(f"{check.header} is not of this content")
        if timestamp:
            of_now(timestamp, request.now, check.tolerance_seconds)
        return request.body

    def _timestamp(self, request: HookRequest, members: Mapping[str, str]) -> str:
        check = self._check
        if check.timestamp_member is not None:
            found = members.get(check.timestamp_member, "")
        elif check.timestamp_header is not None:
            found = request.headers.get(check.timestamp_header, "")
        else:
            return ""
        return found or _missing("the time of the signature")

    def _signed(self, body: bytes, timestamp: str, identity: str) -> bytes:
        values = {"body": body, "timestamp": timestamp.encode(), "id": identity.encode()}
        return b"".join(
            values[part] if place % 2 else part.encode() for place, part in enumerate(self._parts)
        )

    def _written(self, digest: bytes) -> bytes:
        return base64.b64encode(digest) if self._check.encoding == "base64" else digest.hex().encode()


class _SortedFieldsVerifier(_NeverAsked):
    def __init__(self, check: SortedFieldsCheck, secrets: Sequence[str]) -> None:
        self._check = check
        self._secrets = secrets

    def open(self, request: HookRequest) -> bytes:
        check = self._check
        try:
            fields = read_payload("form", request.body)
        except Malformed as error:
            raise BadSignature(f"the form {error.reason}") from None
        given = str(fields.pop(check.member, "")).lower().encode()
        signed = "".join(f"{name}{value}" for name, value in sorted(fields.items()))
        for secret in self._secrets:
            digest = hashlib.new(check.algorithm, f"{secret}{signed}".encode(), usedforsecurity=False)
            if hmac.compare_digest(digest.hexdigest().encode(), given):
                break
        else:
            raise BadSignature(f"{check.member} is not of this content")
        if check.timestamp_member is not None:
            of_now(str(fields.get(check.timestamp_member, "")), request.now, check.tolerance_seconds)
        return request.body


class _WeChat:
    """Translates the outcome of WeChat's checks."""

    def __init__(self, check: WeChatCheck, secrets: Secrets) -> None:
        self._tolerance = check.tolerance_seconds
        try:
            envelopes = [
                Envelope(key, receiver)
                for key in secrets.get("aes_key", ())
                for receiver in secrets.get("receiver", ()) or ("",)
            ]
        except ValueError as error:
            raise BadSecrets(str(error)) from None
        self._verifier = WeChatVerifier(secrets["token"], envelopes, sealed_echo=check.scheme == "wecom")

    def open(self, request: HookRequest) -> bytes:
        try:
            body = self._verifier.open(request.query, request.body)
        except NotOpened as error:
            raise BadSignature(str(error)) from None
        of_now(request.query.get("timestamp", ""), request.now, self._tolerance)
        return body

    def greet(self, request: HookRequest) -> bytes | None:
        try:
            echo = self._verifier.echo(request.query)
        except NotOpened as error:
            raise BadSignature(str(error)) from None
        of_now(request.query.get("timestamp", ""), request.now, self._tolerance)
        return echo


def of_now(timestamp: str, now: datetime, tolerance: int) -> None:
    """Refuse what was signed too long ago, or ahead of time. Raises BadSignature."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise BadSignature("the time of the signature is no number")
    seconds = int(timestamp)
    if seconds >= _MILLISECONDS_FROM:
        seconds //= 1000
    if abs(now.timestamp() - seconds) > tolerance:
        raise BadSignature("the signature is not of now")


def _key(secret: str, written: str) -> bytes:
    if written == "text":
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecrets("the secret is not base64") from None


def _missing(what: str) -> NoReturn:
    raise BadSignature(f"{what} is missing")
