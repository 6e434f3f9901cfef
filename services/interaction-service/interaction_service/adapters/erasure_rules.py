"""What an erasure does to each table of interaction-service. A test holds this list against the tables there are."""

from __future__ import annotations

from guanxi_kit.erasure import PLUMBING, Rule, delete_by, kept

RULES: tuple[Rule, ...] = (
    Rule("membership", "who the person was", delete_by("membership", "profile_id")),
    Rule("touchpoint", "removed page by page by the job erase_timeline, however many there are"),
    *kept("what the law wants kept, sealed; no endpoint reads it", "held_record"),
    *kept("sources of touchpoints", "channel"),
    *PLUMBING,
)
