"""How cases stand, in PostgreSQL, each under the fragment that it is kept under."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from guanxi_contracts.case import CaseChangedV1
from profile_service.adapters.fragment_owners import FragmentOwners
from profile_service.domain.view import CasesView, CaseView

MOST_SHOWN = 50
_SHOWN = tuple(CaseView.__dataclass_fields__)

# A case that changes as it did before, or comes late, is none of those returned.
KEEP = """
WITH kept AS (
  INSERT INTO customer_case AS standing (case_id, profile_id, version, is_open, next_due_at, document)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[], $5::timestamptz[], $6::jsonb[])
  AS given (case_id, profile_id, version, is_open, next_due_at, document) ORDER BY case_id
  ON CONFLICT (case_id) DO UPDATE SET version = excluded.version, is_open = excluded.is_open,
    next_due_at = excluded.next_due_at, document = excluded.document
  WHERE excluded.version > standing.version
  RETURNING case_id, profile_id)
INSERT INTO case_tally AS standing (profile_id, changes)
SELECT profile_id, count(*) FROM kept GROUP BY profile_id ORDER BY profile_id
ON CONFLICT (profile_id) DO UPDATE SET changes = standing.changes + excluded.changes
RETURNING profile_id
"""
CASES = """
SELECT told.changes, shown.open, shown.document
FROM (SELECT sum(changes)::bigint AS changes FROM case_tally WHERE profile_id = ANY($1::uuid[])) AS told
LEFT JOIN LATERAL (
  SELECT count(*) OVER () AS open, next_due_at, case_id, document FROM customer_case
  WHERE profile_id = ANY($1::uuid[]) AND is_open ORDER BY next_due_at, case_id LIMIT $2
) AS shown ON told.changes > 0
"""


class PostgresCases(FragmentOwners):
    """Keeps cases within the transaction of one connection."""

    async def keep(self, cases: Sequence[CaseChangedV1]) -> set[UUID]:
        """Store cases that are newer than what is there; return the fragments whose cases changed. One row a case."""
        rows = await self._connection.fetch(
            KEEP,
            [case.case_id for case in cases],
            [case.profile_id for case in cases],
            [case.version for case in cases],
            [case.is_open for case in cases],
            [case.next_due_at for case in cases],
            [{name: getattr(case, name) for name in _SHOWN} for case in cases],
        )
        return {row[0] for row in rows}

    async def read(self, profile_ids: Collection[UUID]) -> CasesView | None:
        """Return the open cases of fragments; None where none was ever told."""
        rows = await self._connection.fetch(CASES, list(profile_ids), MOST_SHOWN)
        if rows[0]["changes"] is None:
            return None
        shown = [row["document"] for row in rows if row["document"] is not None]
        return CasesView(
            rows[0]["open"] or 0, [CaseView(**document) for document in shown], rows[0]["changes"]
        )
