"""Invitations to surveys in PostgreSQL, and their links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from guanxi_contracts.survey import SurveyChangedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.survey_links import PATH, SurveyLink, SurveyLinks
from notification_service.application.ports import Invitation

KEEP = """
INSERT INTO survey_invitation AS standing (survey_id, profile_id, version, is_open, expires_at, nonce)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[], $5::timestamptz[], $6::bytea[])
  AS given (survey_id, profile_id, version, is_open, expires_at, nonce) ORDER BY survey_id
ON CONFLICT (survey_id) DO NOTHING
"""
CLOSE = """
UPDATE survey_invitation AS standing SET is_open = false, version = given.version
FROM unnest($1::uuid[], $2::int[]) AS given (survey_id, version)
WHERE standing.survey_id = given.survey_id AND standing.version < given.version
"""


async def keep_invitations(connection: asyncpg.Connection[Any], surveys: Sequence[SurveyChangedV1]) -> None:
    """Keep what was issued, and close what is over."""
    issued = [one for one in surveys if one.state == "issued" and one.nonce and one.expires_at]
    await connection.execute(
        KEEP,
        [one.survey_id for one in issued],
        [one.profile_id for one in issued],
        [one.version for one in issued],
        [True for _ in issued],
        [one.expires_at for one in issued],
        [bytes.fromhex(one.nonce or "") for one in issued],
    )
    over = [one for one in surveys if one.state != "issued"]
    await connection.execute(CLOSE, [one.survey_id for one in over], [one.version for one in over])


class Links:
    """Makes links of surveys below the address of the gateway."""

    def __init__(self, keyring: Keyring, url: str) -> None:
        self._links = SurveyLinks(keyring)
        self._url = url

    def link(self, invitation: Invitation) -> str:
        """Return the link, for the customer alone."""
        told = SurveyLink(invitation.survey_id, invitation.expires_at, invitation.nonce)
        return f"{self._url}{PATH}{self._links.token(told)}"
