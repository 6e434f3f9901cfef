"""What staff see of personal values: masked, or clear for who may and says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    "shown",
]


class Shown:
    """How one request is shown personal values; this one masks."""

    def identifier(self, identifier_type: str, value: str) -> str:
        """Return an identifier as it is shown."""
        return mask_identifier(identifier_type, value)

    def trait(self, name: str, value: Any) -> Any:
        """Return a person's trait as it is shown."""
        return mask_trait(name, value)

    def of(self, kind: str) -> Shown:
        """Return how values of a kind of customer are shown: the name of an enterprise is nobody's personal value."""
        return _ENTERPRISE if kind == "enterprise" else self

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """Return a person's traits as they are shown."""
        return {self.content(name): self.trait(name, value) for name, value in traits.items()}

    def content(self, value: Any) -> Any:
        """Return other content as it is shown."""
        return mask_content(value)


class _Enterprise(Shown):
    def of(self, kind: str) -> Shown:
        return self if kind == "enterprise" else MASKED

    def trait(self, name: str, value: Any) -> Any:
        return mask_content(value, name)


class _Clear(Shown):
    def of(self, kind: str) -> Shown:
        return self

    def identifier(self, identifier_type: str, value: str) -> str:
        return value

    def trait(self, name: str, value: Any) -> Any:
        return value

    def content(self, value: Any) -> Any:
        return value


_ENTERPRISE = _Enterprise()
MASKED = Shown()
CLEAR: Shown = _Clear()


def shown(*, clear: bool) -> Shown:
    """Return how values are shown to a request."""
    return CLEAR if clear else MASKED
