"""What an erasure does to each table of notification-service. A test holds this list against the tables there are."""

from __future__ import annotations

from guanxi_kit.erasure import PLUMBING, Rule, Statement, delete_by

_SENDS = "SELECT send_id FROM message WHERE profile_id = ANY($1::uuid[])"

RULES: tuple[Rule, ...] = (
    Rule(
        "decision",
        "why the person was (not) written to",
        (Statement(f"DELETE FROM decision WHERE send_id IN ({_SENDS})"),),  # noqa: S608
    ),
    Rule(
        "served_address",
        "hashes of the person's addresses",
        (Statement(f"DELETE FROM served_address WHERE send_id IN ({_SENDS})"),),  # noqa: S608
    ),
    Rule("message", "what the person was written", delete_by("message", "profile_id")),
    Rule("enrolment", "journeys of the person", delete_by("enrolment", "profile_id")),
    Rule("complaint", "that the person complained", delete_by("complaint", "profile_id")),
    Rule(
        "staff_notice",
        "that staff were told of the person, or of a case or task",
        delete_by("staff_notice", "profile_id"),
    ),
    Rule(
        "survey_invitation",
        "what the person was asked",
        delete_by("survey_invitation", "profile_id"),
    ),
    Rule("risk_alert", "that the person might be lost", delete_by("risk_alert", "customer_id")),
    Rule("membership", "who the person was", delete_by("membership", "profile_id")),
    *PLUMBING,
)
