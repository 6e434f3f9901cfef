"""What the demo asks the platform, over the gateway's public interface."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from guanxi_kit.http import HttpClient


class Platform:
    """Reads of the gateway with a token that may look up customers and see totals."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def stats(self) -> dict[str, int]:
        """Totals: customers, touchpoints and so on."""
        return dict(await self._get("/v1/stats"))

    async def tiers(self) -> dict[str, int]:
        """Customers by RFM tier."""
        return dict((await self._get("/v1/tiers"))["tiers"])

    async def find(self, user_id: str) -> list[str]:
        """Ids of the customers known by a user id (none or one)."""
        found = await self._get(f"/v1/customers?user_id={quote(user_id, safe='')}")
        return [item["customer_id"] for item in found["items"]]

    async def view(self, customer_id: str) -> dict[str, Any]:
        """A customer's unified view."""
        return dict(await self._get(f"/v1/customers/{customer_id}"))

    async def _get(self, path: str) -> Any:
        response = await self._client.get(path)
        response.raise_for_status()
        return response.json()
