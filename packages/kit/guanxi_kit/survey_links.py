"""Links of surveys: whoever has one may answer in the customer's name, once.

A token is made where it is sent and kept nowhere: the id of the survey, when it expires and its nonce, signed with a
key that follows from the installation's keyring.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from guanxi_kit.crypto import Keyring

NONCE_BYTES = 8
_EXPIRY_BYTES = 5
_SIGNATURE_BYTES = 16
_LENGTH = 16 + _EXPIRY_BYTES + NONCE_BYTES + _SIGNATURE_BYTES
TOKEN_CHARACTERS = 60
PATH = "/s/"


class NoLink(Exception):
    """The token was not made by this installation, or was changed."""


@dataclass(frozen=True, slots=True)
class SurveyLink:
    """What a token says; `expires_at` in whole seconds."""

    survey_id: UUID
    expires_at: datetime
    nonce: bytes


class SurveyLinks:
    """Makes tokens and reads them."""

    def __init__(self, keyring: Keyring) -> None:
        self._key = keyring.derive("survey.link")

    def token(self, link: SurveyLink) -> str:
        """Return the token of a link, the same whenever it is made."""
        expires = int(link.expires_at.timestamp()).to_bytes(_EXPIRY_BYTES, "big")
        told = link.survey_id.bytes + expires + link.nonce
        return base64.urlsafe_b64encode(told + self._sign(told)).decode()

    def read(self, token: str) -> SurveyLink:
        """Return what a token says; whether it has expired is for the caller to see. Raises NoLink."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise NoLink from None
        told, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        if len(raw) != _LENGTH or not hmac.compare_digest(signature, self._sign(told)):
            raise NoLink
        expires = int.from_bytes(told[16 : 16 + _EXPIRY_BYTES], "big")
        return SurveyLink(
            UUID(bytes=told[:16]), datetime.fromtimestamp(expires, UTC), told[16 + _EXPIRY_BYTES :]
        )

    def _sign(self, told: bytes) -> bytes:
        return hmac.digest(self._key, told, "sha256")[:_SIGNATURE_BYTES]
