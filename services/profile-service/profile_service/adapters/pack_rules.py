"""Identity rules as an industry pack declares them."""

from __future__ import annotations

from guanxi_kit.packs import Pack
from profile_service.domain.identity import IdentityRules, TypeRule


def identity_rules(pack: Pack) -> IdentityRules:
    """Return the rules of a pack."""
    settings = pack.identifiers
    return IdentityRules(
        types={
            name: TypeRule(declared.limit, declared.may_link) for name, declared in settings.types.items()
        },
        fragments_per_customer=settings.fragments_per_customer,
    )
