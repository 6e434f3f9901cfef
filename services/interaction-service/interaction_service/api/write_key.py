"""Write keys in requests: Basic authentication, or `writeKey` in the body as some SDKs send it."""

from __future__ import annotations

import base64
import binascii

from guanxi_kit.errors import Problem

MAX_CHARACTERS = 256


def from_authorization(header: bytes) -> str:
    """Return the user name of a Basic credential, which is the write key. Raises Problem (401)."""
    scheme, _, credential = header.partition(b" ")
    if scheme.lower() != b"basic":
        raise unauthenticated("A channel's write key is needed as Basic authentication.")
    try:
        key = base64.b64decode(credential.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        raise unauthenticated("The Basic credential cannot be read.") from None
    return checked(key)


def checked(key: str | None) -> str:
    """Return a key that could be one. Raises Problem (401)."""
    if not key:
        raise unauthenticated("A channel's write key is needed.")
    if len(key) > MAX_CHARACTERS:
        raise unauthenticated("The write key is not known.")
    return key


def unauthenticated(detail: str) -> Problem:
    """Return the answer to a request without a known write key."""
    return Problem(401, detail=detail, headers={"WWW-Authenticate": 'Basic realm="guanxi", charset="UTF-8"'})
