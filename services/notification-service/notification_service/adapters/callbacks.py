"""Notices as signed callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from guanxi_kit.outward import AddressRefused, NoAnswer, OutwardClient
from guanxi_kit.webhooks import sign
from notification_service.application.notice_ports import Callback
from notification_service.application.ports import Delivery

# Answers that may be another one later; any other answer below 500 is final.
_PASSING = frozenset((408, 425, 429))


class SignedCallbacks:
    """The `CallbackSender` port: signed as Standard Webhooks are, with an id that stays the same."""

    def __init__(self, client: OutwardClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def deliver(self, callbacks: Sequence[Callback]) -> Sequence[Delivery]:
        """Send each, a few at once."""
        return await asyncio.gather(*map(self._send, callbacks))

    async def _send(self, callback: Callback) -> Delivery:
        target = callback.target
        headers = sign(target.secret, str(callback.notice_id), self._now(), callback.body)
        headers["content-type"] = "application/json"
        try:
            answer = await self._client.send("POST", target.address, headers, callback.body)
        except AddressRefused:
            return Delivery("refused", "private_address")
        except NoAnswer as error:
            return Delivery("deferred", f"webhook_{error}")
        if 200 <= answer.status < 300:
            return Delivery("accepted")
        final = answer.status < 500 and answer.status not in _PASSING
        return Delivery("refused" if final else "deferred", f"webhook_{answer.status}")
