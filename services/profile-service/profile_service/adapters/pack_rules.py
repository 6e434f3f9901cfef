"""Rules as an industry pack declares them."""

from __future__ import annotations

from guanxi_kit.fields import FieldRules
from guanxi_kit.identifiers.told import traits_asked_for
from guanxi_kit.packs import IdentifierSettings, Pack
from profile_service.application.keep_record import RecordRules
from profile_service.application.read_customers import ViewRules
from profile_service.application.read_record import Declared
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule
from profile_service.domain.precedence import Precedence
from profile_service.domain.record import FieldRule


def identity_rules(pack: Pack) -> IdentityRules:
    """Return the rules of a pack."""
    return rules_of(pack.identifiers)


def rules_of(settings: IdentifierSettings) -> IdentityRules:
    """Return the rules that these settings declare."""
    rate = settings.merges_per_customer
    return IdentityRules(
        types={
            name: TypeRule(
                declared.limit, declared.may_link, declared.window, declared.must_verify, declared.weak
            )
            for name, declared in settings.types.items()
        },
        fragments_per_customer=settings.fragments_per_customer,
        merges_per_customer=None if rate is None else MergeRate(rate.limit, rate.window),
    )


def view_rules(pack: Pack, region: str) -> ViewRules:
    """Return how a pack shows customers; `region` reads local phone numbers."""
    fields = [
        FieldRule(
            name, field.class_, field.type, frozenset(field.required_for), field.identifier, field.derived
        )
        for name, field in pack.record.fields.items()
    ]
    asked_for = traits_asked_for(pack.identifiers.types)
    declared = Declared(fields, FieldRules(pack.record, region).fault, asked_for)
    return ViewRules(pack.identifiers.rank, precedence(pack), pack.purposes, declared)


def record_rules(pack: Pack) -> RecordRules:
    """Return what a pack says of records.

    A field is covered by its own purposes, or by a purpose that names it. What is told to identify somebody is asked
    for by the identifier types.
    """
    fields = pack.record.fields
    if not fields:
        return RecordRules()
    named = pack.purposes.covered_fields
    return RecordRules(
        covered=frozenset(name for name, field in fields.items() if field.purposes or name in named)
        | traits_asked_for(pack.identifiers.types),
        shown=frozenset(field.identifier for field in fields.values() if field.identifier is not None),
        declared=frozenset(fields),
    )


def precedence(pack: Pack) -> Precedence:
    """Return whom a pack believes."""
    declared = pack.record.fields.items()
    return Precedence(
        pack.record.precedence,
        {name: field.precedence for name, field in declared if field.precedence is not None},
    )
