"""Query: how complete the records of customers are, for those who count it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from guanxi_kit.masking import MASKED
from profile_service.application.read_customers import ViewRules
from profile_service.application.read_ports import CustomerReads
from profile_service.application.read_record import Gathered, RecordReading
from profile_service.application.read_traits import believed
from profile_service.domain.view import seen_between, total_purchases


class Completeness(NamedTuple):
    """Fields that a record requires, and of these filled and valid."""

    required: int
    filled: int


async def assess_records(
    customer_ids: Collection[UUID], reads: CustomerReads, rules: ViewRules, now: datetime
) -> dict[UUID, Completeness]:
    """Return how complete the records of customers are, as their views say; those that require nothing are absent."""
    required = [rule for rule in rules.declared.fields if rule.required_for]
    if not required:
        return {}
    declared = replace(rules.declared, fields=required)
    reading = RecordReading(reads, declared, rules.precedence, MASKED, now, lambda _: None)
    names = [rule.name for rule in required]
    found: dict[UUID, Completeness] = {}
    for customer_id in customer_ids:
        customer = await reads.customer(customer_id)
        if customer is None:
            continue
        fragments = list(customer.fragments)
        sums = await reads.activity(fragments)
        traits = await believed(fragments, reads, rules.precedence, names=names)
        known = Gathered(
            customer,
            await reads.identifiers(fragments),
            traits.get(customer.customer_id, {}),
            total_purchases(sums),
            seen_between(sums)[0],
        )
        record = await reading.read(known)
        if record.required:
            found[customer_id] = Completeness(record.required, record.filled)
    return found
