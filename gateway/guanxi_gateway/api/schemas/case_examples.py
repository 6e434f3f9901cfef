"""Examples of cases for the documentation of the API."""

from typing import Any

_CUSTOMER = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
_ID = "5b0e1d1c-8a3f-4a65-9d0e-0c1f5a7d2e44"
_OTHER = "9c2d1f60-1b7e-4d0c-8f0a-4b1d9c7e5a12"
STANDING: dict[str, Any] = {
    "case_id": _ID,
    "number": "S20240501-0001",
    "kind": "complaint",
    "priority": "normal",
    "category": "product",
    "cause": "defect",
    "state": "responded",
    "is_open": True,
    "owner": "agent-7",
    "team": "service",
    "source": "staff",
    "duplicate_of": None,
    "participants": [{"subject": "expert-1", "role": "expert"}],
    "opened_at": "2024-05-01T08:00:00Z",
    "closed_at": None,
    "cycle": 1,
    "version": 2,
    "next_due_at": "2024-05-02T08:40:00Z",
    "next_clock": "progress",
    "breached": [],
}
ITEM: dict[str, Any] = {
    **STANDING,
    "customer_id": _CUSTOMER,
    "profile_id": _CUSTOMER,
    "subject": "The kettle leaks",
    "description": "Call back: 138****5678",
}
CASE: dict[str, Any] = {
    **ITEM,
    "duplicates": [_OTHER],
    "clocks": [
        {
            "cycle": 1,
            "clock": "first_response",
            "run": 1,
            "state": "stopped",
            "started_at": "2024-05-01T08:00:00Z",
            "due_at": None,
            "breached_at": None,
            "stopped_at": "2024-05-01T08:40:00Z",
        }
    ],
    "alarms": [
        {
            "cycle": 1,
            "clock": "first_response",
            "run": 1,
            "level": "50",
            "due_at": "2024-05-01T09:00:00Z",
            "raised_at": "2024-05-01T08:30:00.080000Z",
            "recipients": ["agent-7"],
        }
    ],
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            "seq": 2,
            "kind": "responded",
            "at": "2024-05-01T08:40:00Z",
            "actor": "agent-7",
            "visible": True,
            "detail": {},
            "said": {"text": "We send you a new one today."},
        }
    ],
    "next_cursor": None,
}
_SHOWN = (
    "case_id",
    "kind",
    "category",
    "priority",
    "state",
    "owner",
    "team",
    "opened_at",
    "next_due_at",
    "next_clock",
    "breached",
    "number",
)
OF_CUSTOMER: dict[str, Any] = {"open": 1, "items": [{name: STANDING[name] for name in _SHOWN}], "changes": 2}
EXAMPLES: dict[str, dict[str, Any]] = {
    "CaseOpening": {
        "customer_id": _CUSTOMER,
        "kind": "complaint",
        "subject": "The kettle leaks",
        "description": "Call back: 13812345678",
    },
    "CaseText": {"text": "We send you a new one today."},
    "CaseConfirmation": {"text": "Works now, thanks."},
    "CaseAssignment": {"owner": "agent-7", "team": "product"},
    "CasePriority": {"priority": "urgent", "text": "No tea since Monday"},
    "CaseKindChange": {"kind": "complaint", "text": "It was no question"},
    "CaseCategory": {"category": "product", "cause": "defect"},
    "CaseSolution": {"text": "The new kettle was delivered.", "category": "product"},
    "CaseLink": {"case_id": _OTHER},
    "CaseParticipation": {"subject": "expert-1", "role": "expert"},
    "CaseAttachment": {
        "url": "https://files.example.com/kettle.jpg",
        "name": "the crack",
        "media_type": "image/jpeg",
    },
    "CaseStanding": STANDING,
    "Case": CASE,
    "CasePage": {"items": [ITEM], "next_cursor": None},
    "CaseHistory": HISTORY,
}
