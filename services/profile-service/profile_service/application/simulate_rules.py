"""What other identity rules would change: merges that they would refuse, and refused links that they would allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from profile_service.domain.decisions import TOO_MANY_VALUES, UNDONE
from profile_service.domain.identity import IdentityRules
from profile_service.domain.rule_replay import Fragments, HeldIdentifier, PastMerge, Replay, refused_merges

SAMPLE = 50
"""Examples kept of each kind."""


class Structure(NamedTuple):
    """A customer: the identifiers of its fragments, and the merges that hold it together, oldest first."""

    fragments: Fragments
    merges: Sequence[PastMerge]


class RefusedLink(NamedTuple):
    """A link that was refused, between the fragments that own its two identifiers today.

    `through` is the type of the strongest identifier, which `identifier` was seen with. `home` and `owner` are None
    where nobody owns the identifier; of one in quarantine `owner` is whose it was.
    """

    identifier: HeldIdentifier
    through: str
    reason: str
    home: UUID | None
    owner: UUID | None
    quarantined: bool
    last_at: datetime


class Page(NamedTuple):
    """Where a page of customers ends (None behind all), how many it has, and which of them are of several fragments."""

    last: UUID | None
    size: int
    joined: Sequence[UUID]


class RuleReads(Protocol):
    """Pages of customers and of refused links, with what decides about them."""

    async def customers(self, after: UUID | None, limit: int) -> Page: ...

    async def structures(self, customers: Collection[UUID]) -> Mapping[UUID, Structure]: ...
    async def refusals(
        self, after: tuple[bytes, bytes] | None, limit: int
    ) -> tuple[Sequence[RefusedLink], tuple[bytes, bytes] | None]:
        """Return the next refused links, and the place of the last one; None behind the last page."""
        ...

    async def customers_of(self, profile_ids: Collection[UUID]) -> Mapping[UUID, UUID]: ...


@dataclass(slots=True)
class Report:
    """Counts, and a sample of each kind; no personal values."""

    merges_checked: int = 0
    would_be_refused: Counter[str] = field(default_factory=Counter)
    links_checked: int = 0
    would_merge: int = 0
    would_attach: int = 0
    one_already: int = 0
    gone: int = 0
    still_refused: Counter[str] = field(default_factory=Counter)
    refused_sample: list[dict[str, Any]] = field(default_factory=list)
    merged_sample: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Report:
        """Go on with what `document` returned."""
        report = cls(**document)
        report.would_be_refused = Counter(report.would_be_refused)
        report.still_refused = Counter(report.still_refused)
        return report


async def weigh_merges(
    rules: IdentityRules, reads: RuleReads, after: UUID | None, limit: int, report: Report
) -> tuple[UUID | None, int]:
    """Weigh the merges of the next customers; return the last of them, None behind all, and how many they were."""
    page = await reads.customers(after, limit)
    for customer_id, structure in (await reads.structures(page.joined)).items():
        report.merges_checked += len(structure.merges)
        for merge, objection in refused_merges(rules, structure.fragments, structure.merges):
            report.would_be_refused[objection.reason] += 1
            if len(report.refused_sample) < SAMPLE:
                report.refused_sample.append(
                    {
                        "customer_id": str(customer_id),
                        "merge_id": str(merge.merge_id),
                        "identifier_type": merge.identifier and merge.identifier.type,
                        "reason": objection.reason,
                        "rule_type": objection.rule_type or None,
                    }
                )
    return page.last, page.size


async def weigh_refusals(
    rules: IdentityRules, reads: RuleReads, after: tuple[bytes, bytes] | None, limit: int, report: Report
) -> tuple[tuple[bytes, bytes] | None, int]:
    """Weigh the next refused links; return the place of the last of them, None behind all, and how many they were."""
    links, last = await reads.refusals(after, limit)
    ends = {end for link in links for end in (link.home, link.owner) if end is not None}
    customer_of = await reads.customers_of(ends)
    structures = await reads.structures(set(customer_of.values()))
    for link in links:
        report.links_checked += 1
        home, owner = (end and customer_of.get(end) for end in (link.home, link.owner))
        if link.home is None or home is None:
            report.gone += 1
        elif home == owner:
            report.one_already += 1
        elif link.reason == UNDONE:
            report.still_refused[UNDONE] += 1
        else:
            customers = [home] if owner is None else [home, owner]
            replay = _together(rules, link, [structures[customer_id] for customer_id in customers])
            _weigh(replay, link, link.home, customers, report)
    return last, len(links)


def _together(rules: IdentityRules, link: RefusedLink, parts: Sequence[Structure]) -> Replay:
    """Customers as they stand today, to be weighed against each other; what the refusal shut away is there again."""
    fragments = {profile_id: held for part in parts for profile_id, held in part.fragments.items()}
    if link.quarantined and link.owner in fragments:
        fragments[link.owner] = [*fragments[link.owner], link.identifier]
    replay = Replay(rules, fragments)
    for part in parts:
        for merge in part.merges:
            replay.join((merge.home_profile_id, merge.owner_profile_id), merge.merged_at)
    return replay


def _weigh(replay: Replay, link: RefusedLink, home: UUID, customers: Sequence[UUID], report: Report) -> None:
    if link.owner is None or len(customers) == 1:
        if replay.has_room(home, link.identifier.type, link.last_at, through=link.through):
            report.would_attach += 1
        else:
            report.still_refused[TOO_MANY_VALUES] += 1
        return
    objection = replay.objection((home, link.owner), link.identifier, link.last_at)
    if objection is not None:
        report.still_refused[objection.reason] += 1
        return
    report.would_merge += 1
    if len(report.merged_sample) < SAMPLE:
        report.merged_sample.append(
            {
                "customer_ids": [str(customer_id) for customer_id in customers],
                "identifier_type": link.identifier.type,
                "refused_by": link.reason,
                "in_quarantine": link.quarantined,
            }
        )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Counter) else value
