"""What staff see of personal values: masked, or clear for who may and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from guanxi_kit.masking.content import mask_content, mask_identifier, mask_trait
from guanxi_kit.masking.formats import (
    MASK,
    mask_address,
    mask_date,
    mask_email,
    mask_name,
    mask_number,
    mask_phone,
)

__all__ = [
    "CLEAR",
    "MASK",
    "MASKED",
    "MaskedType",
    "Shown",
    "mask_address",
    "mask_content",
    "mask_date",
    "mask_email",
    "mask_identifier",
    "mask_name",
    "mask_number",
    "mask_phone",
    "mask_trait",
]

MaskedType = Literal["phone", "email", "date"]


@dataclass(frozen=True, slots=True)
class Shown:
    """How one request is shown personal values.

    `clear`: as they are. Otherwise masked, `names` of people excepted for whoever serves them. `declared` are traits
    that a pack declares to be a phone number, an e-mail address or a date of a person, whatever they are called. The
    name of an `enterprise` is nobody's personal value.
    """

    clear: bool = False
    names: bool = False
    declared: Mapping[str, MaskedType] = field(default_factory=dict)
    enterprise: bool = False

    def of(self, kind: str) -> Shown:
        """Return how values of a kind of customer are shown."""
        return replace(self, enterprise=kind == "enterprise")

    def declaring(self, declared: Mapping[str, MaskedType]) -> Shown:
        """Return how values are shown where these traits are declared."""
        return replace(self, declared=declared)

    def identifier(self, identifier_type: str, value: str) -> str:
        """Return an identifier as it is shown."""
        return value if self.clear else mask_identifier(identifier_type, value)

    def trait(self, name: str, value: Any) -> Any:
        """Return a customer's trait as it is shown."""
        if self.clear:
            return value
        declared = self.declared.get(name)
        if declared is not None and isinstance(value, str):
            return _DECLARED[declared](value)
        if self.enterprise:
            return mask_content(value, name, names=not self.names)
        return mask_trait(name, value, names=not self.names)

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """Return a customer's traits as they are shown."""
        return {self.content(name): self.trait(name, value) for name, value in traits.items()}

    def content(self, value: Any) -> Any:
        """Return other content as it is shown."""
        return value if self.clear else mask_content(value, names=not self.names)


_DECLARED: Mapping[MaskedType, Callable[[str], str]] = {
    "phone": mask_phone,
    "email": mask_email,
    "date": mask_date,
}
MASKED = Shown()
CLEAR = Shown(clear=True)
