"""What a touchpoint says, as rules of a pack see it."""

from __future__ import annotations

from typing import Any

import msgspec

from guanxi_contracts.touchpoint import TouchpointResolvedV1
from guanxi_kit.crypto import Keyring, SealBroken
from interaction_service.application.content import OpenedContent, decode_content


def content_of(keyring: Keyring, event: TouchpointResolvedV1) -> OpenedContent:
    """Return what a touchpoint holds under seal; nothing when no key of this installation opens it."""
    touchpoint = event.touchpoint
    try:
        return decode_content(keyring.open(touchpoint.sealed, touchpoint.touchpoint_id.bytes))
    except (SealBroken, msgspec.MsgspecError):
        return OpenedContent()


def properties_of(keyring: Keyring, event: TouchpointResolvedV1) -> dict[str, Any]:
    """Return the properties of a touchpoint; none when no key of this installation opens them."""
    return content_of(keyring, event).properties or {}


def facts_of(event: TouchpointResolvedV1, properties: dict[str, Any]) -> dict[str, Any]:
    """Return what `TOUCHPOINT_FACTS` names."""
    touchpoint = event.touchpoint
    return {
        "event": touchpoint.name,
        "kind": touchpoint.kind,
        "channel": touchpoint.channel,
        "purchase": touchpoint.purchase,
        "properties": properties,
    }
