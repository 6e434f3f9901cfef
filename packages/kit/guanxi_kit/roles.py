"""Roles, and what each of them may do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Role = Literal["agent", "team_lead", "marketer", "analyst", "dpo", "admin", "service"]
Permission = Literal[
    "customer.read",
    "customer.lookup",
    "timeline.read",
    "score.read",
    "message.read",
    "deadletter.read",
    "deadletter.write",
    "timer.read",
    "timer.write",
    "message.settle",
    "stats.read",
    "changes.read",
    "contact.read",
    "customer.write",
    "customer.clear",
    "merge.read",
    "merge.write",
    "rule.simulate",
    "tag.write",
    "segment.read",
    "segment.write",
    "consent.read",
    "consent.write",
    "privacy.read",
    "privacy.write",
    "audit.read",
    "key.rotate",
    "job.read",
    "job.write",
    "import.write",
    "case.read",
    "case.write",
    "task.read",
    "task.write",
    "team.read",
    "team.write",
    "survey.write",
    "need.write",
    "report.read",
    "channel.write",
    "refusal.read",
    "refusal.write",
]

_READ: tuple[Permission, ...] = (
    "customer.read",
    "customer.lookup",
    "timeline.read",
    "score.read",
    "message.read",
)
_AGENT: frozenset[Permission] = frozenset((
    *_READ, "changes.read", "customer.write", "customer.clear", "merge.read", "tag.write", "segment.read",
    "consent.read", "consent.write", "case.read", "case.write", "task.read", "task.write", "survey.write",
    "need.write",
))  # fmt: skip
_TEAM_LEAD: frozenset[Permission] = _AGENT | {
    "stats.read",
    "merge.write",
    "rule.simulate",
    "job.read",
    "refusal.read",
    "team.read",
    "team.write",
    "report.read",
}
_MARKETER: frozenset[Permission] = frozenset((
    "customer.read", "score.read", "message.read", "stats.read", "changes.read", "tag.write", "segment.read",
    "segment.write", "consent.read", "job.read", "report.read",
))  # fmt: skip
_DPO: frozenset[Permission] = frozenset((
    *_READ, "customer.clear", "merge.read", "consent.read", "consent.write", "privacy.read", "privacy.write",
    "audit.read", "job.read",
))  # fmt: skip
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        "agent": _AGENT,
        "team_lead": _TEAM_LEAD,
        "marketer": _MARKETER,
        "analyst": frozenset(
            ("score.read", "stats.read", "changes.read", "segment.read", "import.write", "report.read")
        ),
        "dpo": _DPO,
        "admin": frozenset(get_args(Permission)) - {"contact.read"},
        "service": frozenset(("contact.read", "customer.read")),
    }
)
"""What each role may do. `contact.read` gives addresses in clear and belongs to services alone."""
