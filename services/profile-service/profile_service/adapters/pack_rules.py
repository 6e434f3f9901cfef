"""Rules as an industry pack declares them."""

from __future__ import annotations

from guanxi_kit.packs import IdentifierSettings, Pack
from profile_service.application.read_customers import ViewRules
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule
from profile_service.domain.precedence import Precedence


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


def view_rules(pack: Pack) -> ViewRules:
    """Return how a pack shows customers."""
    return ViewRules(pack.identifiers.rank, precedence(pack), pack.purposes)


def precedence(pack: Pack) -> Precedence:
    """Return whom a pack believes."""
    declared = pack.record.fields.items()
    return Precedence(
        pack.record.precedence,
        {name: field.precedence for name, field in declared if field.precedence is not None},
    )
