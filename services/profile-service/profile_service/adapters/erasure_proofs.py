"""Certificates and ledger entries that carry a keyed signature: nobody can make or change one without the key."""

from __future__ import annotations

from typing import Any

import msgspec

from guanxi_kit.crypto import Keyring

ALGORITHM = "HMAC-SHA256-128"
CERTIFICATE = "erasure certificate"
LEDGER = "erasure ledger"
_ENCODE = msgspec.json.Encoder(order="sorted").encode


def signature_of(keyring: Keyring, kind: str, document: Any) -> str:
    """Return the signature of a document as hexadecimal text; the order of its members plays no part."""
    # Once through JSON, so that what was read back signs as what was made.
    plain = msgspec.json.decode(_ENCODE(document))
    return keyring.blind(kind, _ENCODE(plain).decode()).hex()
