"""What customers were asked and answered, in PostgreSQL, each under the fragment that it is kept under."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from guanxi_contracts.survey import SurveyChangedV1
from profile_service.adapters.fragment_owners import FragmentOwners
from profile_service.domain.view import SatisfactionView

MOST_LOOKED_AT, MOST_OPEN = 50, 20

# A survey that was told before, or comes late, is none of those returned.
KEEP = """
WITH kept AS (
  INSERT INTO customer_survey AS standing (survey_id, profile_id, version, state, at, document)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::timestamptz[], $6::jsonb[])
  AS given (survey_id, profile_id, version, state, at, document) ORDER BY survey_id
  ON CONFLICT (survey_id) DO UPDATE SET version = excluded.version, state = excluded.state, at = excluded.at,
    document = excluded.document
  WHERE excluded.version > standing.version
  RETURNING survey_id, profile_id)
INSERT INTO survey_tally AS standing (profile_id, changes)
SELECT profile_id, count(*) FROM kept GROUP BY profile_id ORDER BY profile_id
ON CONFLICT (profile_id) DO UPDATE SET changes = standing.changes + excluded.changes
RETURNING profile_id
"""
READ = """
SELECT told.changes, shown.survey_id, shown.state, shown.at, shown.document
FROM (SELECT sum(changes)::bigint AS changes FROM survey_tally WHERE profile_id = ANY($1::uuid[])) AS told
LEFT JOIN LATERAL (
  (SELECT survey_id, state, at, document FROM customer_survey
   WHERE profile_id = ANY($1::uuid[]) AND state = 'answered' ORDER BY at DESC, survey_id LIMIT $2)
  UNION ALL
  (SELECT survey_id, state, at, document FROM customer_survey
   WHERE profile_id = ANY($1::uuid[]) AND state = 'issued' ORDER BY at DESC, survey_id LIMIT $3)
) AS shown ON told.changes > 0
"""


class PostgresSurveys(FragmentOwners):
    """Keeps surveys within the transaction of one connection."""

    async def keep(self, surveys: Sequence[SurveyChangedV1]) -> set[UUID]:
        """Store surveys newer than what is there; return the fragments whose surveys changed. One row a survey."""
        rows = await self._connection.fetch(
            KEEP,
            [survey.survey_id for survey in surveys],
            [survey.profile_id for survey in surveys],
            [survey.version for survey in surveys],
            [survey.state for survey in surveys],
            [survey.at for survey in surveys],
            [_document(survey) for survey in surveys],
        )
        return {row[0] for row in rows}

    async def read(self, profile_ids: Collection[UUID]) -> SatisfactionView | None:
        """Return what fragments answered last and are asked now; None where none was ever asked."""
        rows = await self._connection.fetch(READ, list(profile_ids), MOST_LOOKED_AT, MOST_OPEN)
        if rows[0]["changes"] is None:
            return None
        answered = [row for row in rows if row["state"] == "answered"]
        csat: dict[str, dict[str, Any]] = {}
        for row in answered:
            for name, score in row["document"]["csat"].items():
                csat.setdefault(name, {"score": score, "at": row["at"]})
        nps = [
            {"score": row["document"]["nps"], "at": row["at"]}
            for row in answered
            if row["document"]["nps"] is not None
        ]
        invitations = [
            {
                "survey_id": row["survey_id"],
                "form": row["document"]["form"],
                "issued_at": row["at"],
                "expires_at": row["document"]["expires_at"],
            }
            for row in rows
            if row["state"] == "issued"
        ]
        return SatisfactionView(csat, nps[0] if nps else None, invitations, rows[0]["changes"])


def _document(survey: SurveyChangedV1) -> dict[str, Any]:
    return {
        "form": survey.form,
        "csat": survey.csat,
        "nps": survey.nps,
        "expires_at": survey.expires_at,
        "case_id": survey.case_id,
    }
