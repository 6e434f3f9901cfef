"""Examples of the documents of erasure."""

from __future__ import annotations

import json
from typing import Any

CUSTOMER_ID = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
REQUEST_ID = "3e1f6b0a-52d7-4c18-9f6e-8a0b7c5d4e21"
PARTNER_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_SUMMARY: dict[str, Any] = {
    "request_id": REQUEST_ID,
    "state": "open",
    "requested_at": "2024-05-01T08:00:00Z",
    "requested_by": "dpo-1",
    "reason": "asked by letter",
    "alarm_at": "2024-05-11T08:00:00Z",
    "deadline_at": "2024-05-16T08:00:00Z",
    "completed_at": None,
    "fragments": 2,
    "suppressed": 0,
    "legal_holds": [],
    "progress": {"done": 1, "sent": 3, "pending": 2, "retained": 2},
}
_PLACE: dict[str, Any] = {
    "place": "profile-service",
    "state": "done",
    "erased": {"identifier": 3, "trait_value": 4},
    "legal_ground": None,
    "retained_until": None,
}
_CERTIFICATE: dict[str, Any] = {
    "statement": {
        "request_id": REQUEST_ID,
        "state": "complete",
        "complete": True,
        "requested_at": "2024-05-01T08:00:00Z",
        "completed_at": "2024-05-09T08:00:05Z",
        "deadline_at": "2024-05-16T08:00:00Z",
        "issued_at": "2024-05-10T01:00:00Z",
        "suppressed": 0,
        "places": [{**_PLACE, "at": "2024-05-01T08:00:00Z"}],
    },
    "signature": {"algorithm": "HMAC-SHA256-128", "value": "7f1c0b5de2a94c6f8b3d21e05a9f4c77"},
}
_PARTNER: dict[str, Any] = {
    "partner_id": PARTNER_ID,
    "name": "mail-house",
    "url": "https://mail.example.com/erase",
    "status_url": None,
    "identifier_types": ["email"],
    "created_at": "2024-04-01T08:00:00Z",
    "created_by": "dpo-1",
    "disabled_at": None,
}
LEDGER_ENTRY: dict[str, Any] = {
    "request_id": REQUEST_ID,
    "requested_at": "2024-05-01T08:00:00Z",
    "customer_ids": [CUSTOMER_ID],
    "profile_ids": [CUSTOMER_ID],
    "tombstones": ["0f1e2d3c4b5a69788796a5b4c3d2e1f0"],
    "holds": [],
    "signature": "5f3c9a0be1d74286b0c5e9d8427f1a63",
}
LEDGER_LINE = json.dumps(LEDGER_ENTRY) + "\n"
EXAMPLES: dict[str, dict[str, Any]] = {
    "ErasureAsked": {
        "identifier": {"type": "email", "value": "ada@example.com"},
        "reason": "asked by letter",
        "legal_holds": [{"kind": "purchases", "ground": "E-Commerce Law, article 31: three years"}],
    },
    "Erasure": {
        **_SUMMARY,
        "places": [
            {
                **_PLACE,
                "updated_at": "2024-05-01T08:00:00Z",
                "detail": None,
                "attempts": 0,
                "next_attempt_at": None,
            }
        ],
    },
    "ErasurePage": {"items": [_SUMMARY], "next_cursor": None},
    "ErasureReceiptGiven": {"place": "partner:mail-house", "state": "done"},
    "ErasureCertificate": _CERTIFICATE,
    "CertificateVerdict": {"valid": True},
    "LedgerReplay": {"entries": [LEDGER_ENTRY]},
    "LedgerReplayed": {"replayed": 1, "erased_again": 1},
    "PartnerAsked": {
        "name": "mail-house",
        "url": "https://mail.example.com/erase",
        "secret": "whsec_c2VjcmV0IG9mIHRoZSBtYWlsIGhvdXNl",
        "identifier_types": ["email"],
    },
    "Partner": _PARTNER,
    "PartnerPage": {"items": [_PARTNER], "next_cursor": None},
    "PartnerReceipt": {"request_id": REQUEST_ID, "partner_id": PARTNER_ID, "state": "done"},
    "PartnerReceiptTaken": {"request_id": REQUEST_ID, "place": "partner:mail-house", "moved": True},
}
