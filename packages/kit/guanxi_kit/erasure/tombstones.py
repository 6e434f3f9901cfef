"""Recognising what is about an erased person without keeping anything that says who it was."""

from __future__ import annotations

from guanxi_kit.crypto import Keyring


def tombstone_of(keyring: Keyring, identifier_hash: bytes) -> bytes:
    """Return what recognises an erased identifier when it comes back."""
    return keyring.blind("tombstone", identifier_hash.hex())
