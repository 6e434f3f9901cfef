"""Identity rules as an industry pack declares them."""

from __future__ import annotations

from guanxi_kit.packs import IdentifierSettings, Pack
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule


def identity_rules(pack: Pack) -> IdentityRules:
    """Return the rules of a pack."""
    return rules_of(pack.identifiers)


def rules_of(settings: IdentifierSettings) -> IdentityRules:
    """Return the rules that these settings declare."""
    rate = settings.merges_per_customer
    return IdentityRules(
        types={
            name: TypeRule(declared.limit, declared.may_link, declared.window, declared.must_verify)
            for name, declared in settings.types.items()
        },
        fragments_per_customer=settings.fragments_per_customer,
        merges_per_customer=None if rate is None else MergeRate(rate.limit, rate.window),
    )
