"""Whether a mended item still holds masked values: replayed, these would take the place of what they hide."""

from __future__ import annotations

from typing import Any

from guanxi_kit.masking import mask_content


def still_masked(before: Any, mended: Any) -> str | None:
    """Return the path of the first value of `mended` that is what staff were shown of `before`, masked; else None.

    The path of the item itself is empty.
    """
    return _first(before, mask_content(before), mended, "")


def _first(before: Any, masked: Any, mended: Any, path: str) -> str | None:
    if isinstance(before, dict) and isinstance(masked, dict) and isinstance(mended, dict):
        # Members are masked in their order, and so may be their names.
        shown = dict(zip(before, masked.values(), strict=False))
        names = [name for name in mended if name in before]
        parts = [(before[name], shown.get(name), mended[name], f"{path}.{name}") for name in names]
    elif isinstance(before, list) and isinstance(masked, list) and isinstance(mended, list):
        parts = [
            (*three, f"{path}.{place}")
            for place, three in enumerate(zip(before, masked, mended, strict=False))
        ]
    else:
        return path.removeprefix(".") if before != masked and mended == masked else None
    return next((found for part in parts if (found := _first(*part)) is not None), None)
