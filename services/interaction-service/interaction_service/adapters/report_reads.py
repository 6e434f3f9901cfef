"""Reading counts for reports: the days of the period, whatever there was before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import asyncpg

from interaction_service.application.reports import Counted

SUMS = """
SELECT measure, date_trunc($4, day::timestamp)::date AS since, a, b, c, sum(n)::bigint AS n FROM tally
WHERE measure = ANY($1::text[]) AND day >= $2 AND day < $3 GROUP BY 1, 2, 3, 4, 5
"""


async def read_counts(
    connection: asyncpg.Connection[Any],
    measures: Sequence[str],
    since: date,
    until: date,
    period: Literal["week", "month"],
) -> list[Counted]:
    """Return the counts of the days from `since` to before `until`, by week or month."""
    rows = await connection.fetch(SUMS, list(measures), since, until, period)
    return [Counted(*row) for row in rows]
