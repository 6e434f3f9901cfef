"""Dry runs: what a sample of a channel's payload would come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from guanxi_contracts.touchpoint import Purchase, TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from interaction_service.application.hooks import Hook
from interaction_service.application.intake import Intake
from interaction_service.application.signatures import BadSignature, HookRequest
from interaction_service.application.submission import Submission


class TrialTouchpoint(msgspec.Struct):
    """A touchpoint that would come, with the content it would carry under seal."""

    kind: str
    name: str | None
    occurred_at: datetime
    message_id: str
    identifiers: list[Any]
    purchase: dict[str, Any] | None
    properties: Any = None
    traits: Any = None


class TrialRefusal(msgspec.Struct):
    """A message that would be refused, by its item's place."""

    item: int
    message_id: str | None
    field: str
    reason: str


class TrialOutcome(msgspec.Struct):
    """What a sample would come to."""

    signature: str
    signature_reason: str | None
    items: int
    ignored: int
    touchpoints: list[TrialTouchpoint]
    refused: list[TrialRefusal]


async def try_sample(hook: Hook, sample: HookRequest, intake: Intake, keyring: Keyring) -> TrialOutcome:
    """Return what a sample would come to; one whose signature fails is read as it stands. Raises Malformed."""
    body, signature, reason = sample.body, "not_checked", None
    if hook.verifier is not None:
        try:
            body, signature = hook.verifier.open(sample), "held"
        except BadSignature as error:
            signature, reason = "failed", str(error)
    items = hook.items(body, sample.query)
    mapped = await hook.messages(items)
    channel = replace(hook.channel, channel_id="dry-run")
    submission = Submission(messages=mapped.messages, by_any_identifier=True)
    prepared = await intake.prepare(channel, submission)
    return TrialOutcome(
        signature=signature,
        signature_reason=reason,
        items=len(items),
        ignored=mapped.ignored,
        touchpoints=[_opened(each, keyring) for each in prepared.touchpoints],
        refused=[
            TrialRefusal(mapped.places[one.index], one.message_id, one.field, one.reason)
            for one in prepared.refused
        ],
    )


def _opened(touchpoint: TouchpointReceivedV1, keyring: Keyring) -> TrialTouchpoint:
    content = msgspec.json.decode(keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    return TrialTouchpoint(
        kind=touchpoint.kind,
        name=touchpoint.name,
        occurred_at=touchpoint.occurred_at,
        message_id=content["message_id"],
        identifiers=content["identifiers"],
        purchase=_figures(touchpoint.purchase),
        properties=content.get("properties"),
        traits=content.get("traits"),
    )


def _figures(purchase: Purchase | None) -> dict[str, Any] | None:
    if purchase is None:
        return None
    return {name: getattr(purchase, name) for name in ("amount_minor", "currency", "quantity")}
