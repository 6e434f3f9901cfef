"""What a customer writes about a case: an e-mail that names it is an answer of the customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from interaction_service.application.case_commands import Act
from interaction_service.application.case_desk import CaseDesk

NUMBER = "case_number"
TEXT = "text"
LONGEST_TEXT = 4_000
# A number is no secret: only who the case is of may say something about it. What is said of a case that is linked to
# another is heard where that one is worked on.
_CASE = """
SELECT coalesce(duplicate_of, case_id) FROM case_file AS file
LEFT JOIN membership AS owner ON owner.profile_id = file.profile_id
LEFT JOIN membership AS writer ON writer.profile_id = $2
WHERE number = $1 AND (file.profile_id = $2 OR owner.customer_id = writer.customer_id)
"""


async def answer_by_mail(
    connection: asyncpg.Connection[Any], desk: CaseDesk, event: TouchpointResolvedV1, said: dict[str, Any]
) -> bool:
    """Record a mail with its case; False when it names none of the customer's."""
    number, text = said.get(NUMBER), said.get(TEXT)
    case_id: UUID | None = None
    if isinstance(number, str):
        case_id = await connection.fetchval(_CASE, number, event.profile_id)
    if case_id is None:
        return False
    touchpoint = event.touchpoint
    words = text[:LONGEST_TEXT] if isinstance(text, str) else ""
    answer = Act(
        case_id=case_id,
        verb="answered",
        actor=touchpoint.channel,
        said={"text": words or "-"},
        key=touchpoint.touchpoint_id.hex,
    )
    await desk.act(answer)
    return True
