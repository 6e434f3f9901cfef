"""What an erasure does to each table of scoring-service. A test holds this list against the tables there are."""

from __future__ import annotations

from guanxi_kit.erasure import PLUMBING, Rule, delete_by, kept

RULES: tuple[Rule, ...] = (
    Rule("feature", "figures of the person", delete_by("feature", "profile_id")),
    Rule("case_standing", "cases of the person", delete_by("case_standing", "profile_id")),
    Rule("customer_score", "goes with the last figures, so that the counts of the tiers stay exact"),
    *kept("counts and cuts over everybody", "tier_count", "rfm_cut", "review_schedule"),
    *PLUMBING,
)
