"""Signed calls to partners."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import urlencode, urlsplit

import msgspec

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import SealBroken
from guanxi_kit.outward import AddressRefused, NoAnswer, OutwardAnswer, OutwardClient
from guanxi_kit.webhooks import sign
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.application.advance_erasures import DueCall, PartnerAnswer
from profile_service.domain.erasure import DEADLINE, State

EVENT = "privacy.erasure.requested"
ANSWERS: frozenset[State] = frozenset(("acknowledged", "done", "retained", "failed"))
GROUND_CHARACTERS = 300
_BY_STATUS: dict[int, State] = {200: "done", 202: "acknowledged"}
_STATES: dict[str, State] = {state: state for state in get_args(State)}


class _Told(msgspec.Struct):
    state: str | None = None
    legal_ground: str | None = None


class SignedPartnerCalls:
    """The `Partners` port over HTTP. Neither identifiers nor addresses ever stand in a detail or a log."""

    def __init__(self, client: OutwardClient, seals: KeyringSeals, clock: Clock) -> None:
        self._client = client
        self._seals = seals
        self._clock = clock

    async def tell(self, call: DueCall) -> PartnerAnswer:
        """Post the request with the identifiers that the partner knows the person by."""
        if call.sealed_identifiers is None:
            return PartnerAnswer("failed", "the identifiers are gone")
        try:
            known_by = self._seals.open_known_by(call.request_id, call.partner_id, call.sealed_identifiers)
        except SealBroken:
            return PartnerAnswer("failed", "no key opens the identifiers")
        body = msgspec.json.encode(
            {
                "type": EVENT,
                "request_id": call.request_id,
                "partner_id": call.partner_id,
                "requested_at": call.requested_at,
                "deadline_at": call.requested_at + DEADLINE,
                "identifiers": known_by,
            }
        )
        answer = await self._send(call, "POST", call.url, body)
        if isinstance(answer, PartnerAnswer):
            return answer
        told = told_of(answer, _BY_STATUS.get(answer.status))
        if told.state is None and 200 <= answer.status < 300:
            return PartnerAnswer("sent", told.detail)
        return told

    async def ask(self, call: DueCall) -> PartnerAnswer:
        """Ask how far the partner is."""
        if call.status_url is None:
            return PartnerAnswer(None, "awaits the partner's receipt")
        joint = "&" if urlsplit(call.status_url).query else "?"
        url = f"{call.status_url}{joint}{urlencode({'request_id': str(call.request_id)})}"
        answer = await self._send(call, "GET", url, b"")
        return answer if isinstance(answer, PartnerAnswer) else told_of(answer, None)

    async def _send(self, call: DueCall, method: str, url: str, body: bytes) -> OutwardAnswer | PartnerAnswer:
        try:
            secret = self._seals.open_secret(call.partner_id, call.sealed_secret)
            headers: dict[str, Any] = sign(
                secret, f"{call.request_id}.{call.partner_id}", self._clock.now(), body
            )
            headers["content-type"] = "application/json"
            return await self._client.send(method, url, headers, body)
        except SealBroken:
            return PartnerAnswer(None, "no key opens the partner's secret")
        except AddressRefused as error:
            return PartnerAnswer(None, f"the partner's address {error}")
        except NoAnswer as error:
            return PartnerAnswer(None, f"no answer: {error}")


def told_of(answer: OutwardAnswer, otherwise: State | None) -> PartnerAnswer:
    """Return what an answer tells: the `state` in its body, else what its status means."""
    detail = f"status {answer.status}"
    try:
        told = msgspec.json.decode(answer.body, type=_Told) if answer.body else _Told()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = _Told()
    state = _STATES.get(told.state or "")
    if not 200 <= answer.status < 300 or state not in ANSWERS:
        return PartnerAnswer(otherwise, detail)
    ground = (told.legal_ground or "").strip()[:GROUND_CHARACTERS]
    if state == "retained" and not ground:
        return PartnerAnswer(None, f"{detail}, retained without a legal ground")
    return PartnerAnswer(state, detail, ground if state == "retained" else None)
