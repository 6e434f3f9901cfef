"""Links between cases after customers were parted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from guanxi_contracts.customer import CustomerMergedV1, CustomerSplitV1
from guanxi_kit.consumer import Received, Unit
from interaction_service.adapters.case_work import CaseWork
from interaction_service.application.case_commands import Act

PLATFORM = "platform"
"""Who takes a link away."""

_PARTED = """
SELECT linked.case_id FROM case_file AS linked
JOIN case_file AS main ON main.case_id = linked.duplicate_of
JOIN membership AS complaining ON complaining.profile_id = linked.profile_id
JOIN membership AS other ON other.profile_id = main.profile_id
WHERE complaining.customer_id <> other.customer_id AND {} = ANY($1::uuid[])
"""
# One index for each side: of the person's cases, and of the cases linked to them.
PARTED = f"""
{_PARTED.format("linked.profile_id")} UNION {_PARTED.format("main.profile_id")} ORDER BY case_id
"""


@dataclass(frozen=True)
class CaseLinks:
    """Takes away links between cases of customers who are two again: what was owed in one is owed there again."""

    work: CaseWork

    async def part(
        self, unit: Unit, received: Sequence[Received[CustomerMergedV1 | CustomerSplitV1]]
    ) -> None:
        """Look at what merges that were undone moved; the memberships are written already."""
        for each in received:
            if isinstance(each.event.data, CustomerSplitV1):
                moved = [member.profile_id for member in each.event.data.moved]
                desk = self.work.desk_on(unit.connection, partial(unit.outbox.add, each.cause), unit.now)
                for case_id in await self._parted(unit, moved):
                    await desk.act(Act(case_id, "unlinked", PLATFORM))

    async def _parted(self, unit: Unit, moved: Sequence[UUID]) -> list[UUID]:
        return [row["case_id"] for row in await unit.connection.fetch(PARTED, moved)]
