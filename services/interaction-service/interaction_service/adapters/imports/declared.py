"""What a pack declares, as far as it says what the columns of a file are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guanxi_kit.packs import Pack
from interaction_service.application.identification import ENTERPRISE
from interaction_service.domain.imports.targets import Declared


def declared_of(pack: Pack) -> Declared:
    """Return what suggests a mapping."""
    fields = {name: one for name, one in pack.record.fields.items() if one.derived is None}
    purchase = pack.events.purchases[0] if pack.events.purchases else None
    plain = Declared()
    return Declared(
        traits={name: (one.labels.zh, one.labels.en) for name, one in fields.items()},
        dates=frozenset(name for name, one in fields.items() if one.type == "date"),
        numbers=frozenset(name for name, one in fields.items() if one.type == "number"),
        identifiers=frozenset(pack.identifiers.types) - {ENTERPRISE},
        purchase=None if purchase is None else purchase.name,
        amount=plain.amount if purchase is None else _property(purchase.amount, plain.amount),
        quantity=plain.quantity if purchase is None else _property(purchase.quantity, plain.quantity),
        currency=plain.currency if purchase is None else _property(purchase.currency, plain.currency),
    )


def namespaced_of(pack: Pack) -> Mapping[str, bool]:
    """Return the types of identifiers of persons, True for those that mean something only in their namespace."""
    return {name: one.namespaced for name, one in pack.identifiers.types.items() if name != ENTERPRISE}


def _property(paths: Sequence[str], otherwise: str) -> str:
    """Return the first path that is one property, which a cell can become."""
    return next((path for path in paths if path.isidentifier()), otherwise)
