"""Every column of this service that holds sealed values; a key rotation seals them anew."""

from __future__ import annotations

from guanxi_kit.sealing import KIT_COLUMNS

SEALED_COLUMNS = (*KIT_COLUMNS,)
