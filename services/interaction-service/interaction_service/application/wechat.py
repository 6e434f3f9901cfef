"""The signature and the AES envelope of WeChat Official Accounts and WeCom, as their documents have them.

signature     = sha1(sorted token, timestamp, nonce), of requests in clear: it does not cover the body
msg_signature = sha1(sorted token, timestamp, nonce, Encrypt), of requests in an envelope
Encrypt       = base64(AES-256-CBC(16 random bytes, length of the text, text, id of the receiver)),
                key = base64(EncodingAESKey + "="), first vector = its first 16 bytes, padding to 32 bytes
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from interaction_service.application.message import Malformed
from interaction_service.application.payload import read_payload

_BLOCK = 32
_RANDOM = 16
_LENGTH = 4
_KEY_CHARACTERS = 43
REMEMBERED = 10_000
_NOT_SIGNED = "the signature is not of this content"
_SEALED = "aes"
_OF_ENVELOPE = {"ToUserName", "Encrypt"}
_NOT_OPEN = "the envelope does not open"


class NotOpened(Exception):
    """The request is not from the account, or not for it; the message says which, without its content."""


class Envelope:
    """Opens what was encrypted for one receiver; an empty receiver stands for any."""

    def __init__(self, aes_key: str, receiver: str) -> None:
        """Raises ValueError for a key that cannot be one."""
        try:
            key = base64.b64decode(aes_key + "=", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(aes_key) != _KEY_CHARACTERS or len(key) != _BLOCK:
            raise ValueError(f"the aes_key must be the {_KEY_CHARACTERS} characters of an EncodingAESKey")
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        self._receiver = receiver.encode()

    def open(self, sealed: str) -> bytes:
        """Return the text within. Raises NotOpened."""
        try:
            content = base64.b64decode(sealed, validate=True)
            decryptor = self._cipher.decryptor()
            padded = decryptor.update(content) + decryptor.finalize()
        except (binascii.Error, ValueError):
            raise NotOpened(_NOT_OPEN) from None
        padding = padded[-1] if padded else 0
        if not 1 <= padding <= _BLOCK or len(padded) < _RANDOM + _LENGTH + padding:
            raise NotOpened(_NOT_OPEN)
        plain = padded[_RANDOM:-padding]
        length = int.from_bytes(plain[:_LENGTH], "big")
        text, receiver = plain[_LENGTH : _LENGTH + length], plain[_LENGTH + length :]
        if len(text) != length:
            raise NotOpened(_NOT_OPEN)
        if self._receiver and not hmac.compare_digest(receiver, self._receiver):
            raise NotOpened("the envelope is for another receiver")
        return text


class WeChatVerifier:
    """Checks the requests of one account. `sealed_echo`: the question for the address comes in an envelope (WeCom)."""

    def __init__(self, tokens: Sequence[str], envelopes: Sequence[Envelope], *, sealed_echo: bool) -> None:
        self._tokens = tokens
        self._envelopes = envelopes
        self._sealed_echo = sealed_echo
        self._seen: dict[str, bytes] = {}

    def open(self, query: Mapping[str, str], body: bytes) -> bytes:
        """Return the body, out of its envelope where there is one. Raises NotOpened."""
        if not self._envelopes:
            self._check(query, "signature")
            self._once(query["signature"], body)
            if query.get("encrypt_type") == _SEALED and not _members(body).keys() - _OF_ENVELOPE:
                raise NotOpened("the request is in an envelope, and the channel has no aes_key")
            return body
        sealed = _members(body).get("Encrypt")
        if not isinstance(sealed, str):
            raise NotOpened("the request is not in an envelope")
        self._check(query, "msg_signature", sealed)
        return self._opened(sealed)

    def echo(self, query: Mapping[str, str]) -> bytes:
        """Return the text that proves the address is ours. Raises NotOpened."""
        echo = query.get("echostr", "")
        if not self._sealed_echo:
            self._check(query, "signature")
            return echo.encode()
        self._check(query, "msg_signature", echo)
        return self._opened(echo)

    def _check(self, query: Mapping[str, str], name: str, *sealed: str) -> None:
        given = query.get(name, "").encode()
        for token in self._tokens:
            parts = sorted((token, query.get("timestamp", ""), query.get("nonce", ""), *sealed))
            expected = hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest().encode()
            if hmac.compare_digest(expected, given):
                return
        raise NotOpened(_NOT_SIGNED)

    def _opened(self, sealed: str) -> bytes:
        for place, envelope in enumerate(self._envelopes):
            try:
                return envelope.open(sealed)
            except NotOpened:
                if place == len(self._envelopes) - 1:
                    raise
        raise NotOpened(_NOT_OPEN)

    def _once(self, signature: str, body: bytes) -> None:
        """A signature that does not cover the body opens for one body only: a caught one is of no use."""
        digest = hashlib.sha256(body).digest()
        if self._seen.setdefault(signature, digest) != digest:
            raise NotOpened("the signature was used for another content")
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _members(body: bytes) -> dict[str, Any]:
    """Return what an envelope holds. Raises NotOpened."""
    try:
        document = read_payload("json" if body.lstrip()[:1] == b"{" else "xml", body)
    except Malformed as error:
        raise NotOpened(f"the envelope {error.reason}") from None
    return document if isinstance(document, dict) else {}
