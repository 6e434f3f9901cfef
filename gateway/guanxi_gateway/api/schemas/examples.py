"""Examples of the API's documents; a test holds them against the schemas."""

from __future__ import annotations

from typing import Any

from guanxi_gateway.api.schemas import (
    audit,
    brief,
    case_examples,
    channels,
    classification,
    consents,
    contact_records,
    dead_letters,
    duplicates,
    imports,
    jobs,
    keys,
    mailboxes,
    merges,
    needs,
    privacy_examples,
    record,
    refusals,
    reports,
    reviews,
    segments,
    simulations,
    surveys,
    tasks,
    timers,
    traits,
    uncertain,
)

CUSTOMER_ID = "018f3a52-8c00-7d1e-b0a4-5f2e6c9d1b37"
RISK: dict[str, Any] = {
    "score": 15,
    "level": "low",
    "reasons": [
        {
            "code": "silence",
            "figures": {"count": 1, "points": 15, "last_on": "2024-03-20", "usual_days": 14.0, "times": 2},
            "words": {
                "zh": "来访间隔超过平时的 2 倍（平时 14 天，上次 2024-03-20）",
                "en": "visit interval more than doubled (usually 14 days, last on 2024-03-20)",
            },
        }
    ],
}
CUSTOMER: dict[str, Any] = {
    "customer_id": CUSTOMER_ID,
    "customer_number": "C20240501001",
    "redirected_from": None,
    "created_at": "2024-05-01T07:58:12.310000Z",
    "first_seen_at": "2024-05-01T07:58:12Z",
    "last_seen_at": "2024-05-01T08:00:00Z",
    "touchpoints": 12,
    "purchases": {
        "count": 1,
        "amount_minor": 4250,
        "currency": "CNY",
        "first_at": "2024-05-01T08:00:00Z",
        "last_at": "2024-05-01T08:00:00Z",
        "by_currency": [{"currency": "CNY", "count": 1, "amount_minor": 4250}],
    },
    "channels": {"web": 11, "store": 1},
    "identifiers": [{"type": "email", "value": "a***@example.com", "first_seen_at": "2024-05-01T07:58:12Z"}],
    "traits": {
        "name": {
            "value": "A**",
            "occurred_at": "2024-05-01T07:58:12Z",
            "channel": "web",
            "source": "channel",
            "because": "only",
        }
    },
    "record": record.RECORD,
    "scores": {
        "rfm": {
            "tier": "potential",
            "previous_tier": None,
            "recency": 5,
            "frequency": 1,
            "monetary": 2,
            "purchases": 1,
            "amount_minor": 4250,
            "last_purchase_at": "2024-05-01T08:00:00Z",
            "revision": 1,
            "computed_at": "2024-05-01T08:00:00.080000Z",
            "reasons": [{"code": "recent_purchase", "figures": {"days": 0}}],
        },
        "risk": RISK,
    },
    "tags": classification.TAGS_OF_CUSTOMER,
    "segments": classification.SEGMENTS_OF_CUSTOMER,
    "lifecycle": classification.LIFECYCLE_OF_CUSTOMER,
    "consents": {
        "marketing": {
            "email": {"allowed": True, "reason": "granted", "effective_at": "2024-05-01T08:00:00Z"},
            "sms": {"allowed": False, "reason": "unknown_denied", "effective_at": None},
        }
    },
    "fragments": [CUSTOMER_ID],
    "version": 12,
    "cases": case_examples.OF_CUSTOMER,
    "tasks": tasks.OF_CUSTOMER,
    "satisfaction": surveys.OF_CUSTOMER,
}
FOUND: dict[str, Any] = {
    "items": [{"customer_id": CUSTOMER_ID, "customer_number": "C20240501001"}],
    "next_cursor": None,
}
SCORES: dict[str, Any] = {
    "customer_id": CUSTOMER_ID,
    "redirected_from": None,
    "rfm": {
        "tier": "potential",
        "recency": 5,
        "frequency": 1,
        "monetary": 2,
        "touchpoints": 12,
        "purchases": 1,
        "amount_minor": 4250,
        "currency": "CNY",
        "first_purchase_at": "2024-05-01T08:00:00Z",
        "last_purchase_at": "2024-05-01T08:00:00Z",
        "revision": 1,
        "computed_at": "2024-05-01T08:00:00.080000Z",
        "reasons": [{"code": "recent_purchase", "figures": {"days": 0}}],
    },
    "risk": RISK,
}
TIERS: dict[str, Any] = {
    "tiers": {"high_value": 120, "potential": 310, "ordinary": 480, "dormant": 90},
    "customers": 1000,
}
STATS: dict[str, Any] = {"customers": 23570, "fragments": 23570, "touchpoints": 69659, "merges": 0}
TIMELINE: dict[str, Any] = {
    "items": [
        {
            "touchpoint_id": "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2",
            "profile_id": CUSTOMER_ID,
            "channel": "web",
            "kind": "track",
            "name": "Order Completed",
            "occurred_at": "2024-05-01T08:00:00Z",
            "received_at": "2024-05-01T08:00:00.040000Z",
            "purchase": {"amount_minor": 4250, "currency": "CNY", "quantity": 1},
            "moments": ["first_purchase"],
            "content": {
                "properties": {"order_id": "A-1", "revenue": 42.5, "currency": "CNY"},
                "traits": {},
                "group": {},
                "category": None,
                "page": None,
                "actor": None,
            },
        }
    ],
    "next_cursor": None,
    "looked_back_to": None,
}
MOMENTS: dict[str, Any] = {
    "items": [
        {
            "moment": "first_purchase",
            "labels": {"zh": "首次购买", "en": "First purchase"},
            "first_at": "2024-05-01T08:00:00Z",
            "first_touchpoint_id": "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2",
            "last_at": "2024-05-01T08:00:00Z",
            "last_touchpoint_id": "4f0c2b7e-9d13-4a5c-8a27-61c0b4e9f8d2",
        }
    ]
}
MESSAGES: dict[str, Any] = {
    "customer_id": CUSTOMER_ID,
    "redirected_from": None,
    "items": [
        {
            "send_id": "7b1e0f52-64d8-5f0e-9a77-0d2f8c1b6e43",
            "journey": "welcome",
            "step": 0,
            "channel": "email",
            "template": "welcome",
            "profile_id": CUSTOMER_ID,
            "state": "sent",
            "reason": None,
            "provider": "mailbox",
            "attempts": 1,
            "planned_at": "2024-05-01T08:00:00.210000Z",
            "changed_at": "2024-05-01T08:00:00.900000Z",
            "sent_at": "2024-05-01T08:00:00.900000Z",
            "decisions": [
                {
                    "code": "enrolled",
                    "times": 1,
                    "first_at": "2024-05-01T08:00:00.210000Z",
                    "last_at": "2024-05-01T08:00:00.210000Z",
                    "detail": {"purchases": 1},
                }
            ],
        }
    ],
    "next_cursor": None,
}
IDENTIFY: dict[str, Any] = {
    "userId": "ada",
    "messageId": "web-0001",
    "traits": {"name": "Ada", "email": "ada@example.com", "phone": "+44 7700 900123"},
    "timestamp": "2024-05-01T07:58:12Z",
    "sentAt": "2024-05-01T07:58:12Z",
}
TRACK: dict[str, Any] = {
    "userId": "ada",
    "messageId": "web-0002",
    "event": "Order Completed",
    "properties": {"order_id": "A-1", "revenue": 42.5, "currency": "CNY"},
    "timestamp": "2024-05-01T08:00:00Z",
    "sentAt": "2024-05-01T08:00:00Z",
}
PAGE: dict[str, Any] = {
    "anonymousId": "b8e1f6c4-6f0f-4d5f-9f57-0c1f2f3a4b5c",
    "messageId": "web-0003",
    "name": "Pricing",
    "properties": {"url": "https://www.example.com/pricing"},
}
SCREEN: dict[str, Any] = {"userId": "ada", "messageId": "app-0001", "name": "Basket"}
GROUP: dict[str, Any] = {
    "userId": "ada",
    "messageId": "web-0004",
    "groupId": "engines",
    "traits": {"name": "Analytical Engines Ltd"},
}
ALIAS: dict[str, Any] = {
    "userId": "ada",
    "previousId": "b8e1f6c4-6f0f-4d5f-9f57-0c1f2f3a4b5c",
    "messageId": "web-0005",
}
BATCH: dict[str, Any] = {"batch": [{"type": "identify", **IDENTIFY}, {"type": "track", **TRACK}]}
ACCEPTED: dict[str, Any] = {
    "success": True,
    "accepted": 1,
    "refused": [{"index": 1, "message_id": "web-0006", "field": "event", "reason": "is missing"}],
}
CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "pos-7-4711",
    "source": "https://pos.example.com/store/7",
    "type": "Order Completed",
    "time": "2026-05-20T08:00:00Z",
    "userid": "u-1",
    "data": {"revenue": 58.5, "currency": "CNY"},
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "CustomerView": {**CUSTOMER, "last_interactions": TIMELINE["items"]},
    "FoundCustomers": FOUND,
    "CustomerBrief": brief.example(CUSTOMER, TIMELINE["items"][0]),
    "CustomerScores": SCORES,
    "TimelinePage": TIMELINE,
    "CustomerMoments": MOMENTS,
    "MessagePage": MESSAGES,
    "Tiers": TIERS,
    "Stats": STATS,
    "Identify": IDENTIFY,
    "Track": TRACK,
    "Page": PAGE,
    "Screen": SCREEN,
    "Group": GROUP,
    "Alias": ALIAS,
    "Batch": BATCH,
    "Accepted": ACCEPTED,
    "CloudEvent": CLOUD_EVENT,
    **channels.EXAMPLES,
    **classification.EXAMPLES,
    **duplicates.EXAMPLES,
    **audit.EXAMPLES,
    **case_examples.EXAMPLES,
    **consents.EXAMPLES,
    **contact_records.EXAMPLES,
    **dead_letters.EXAMPLES,
    **tasks.EXAMPLES,
    **timers.EXAMPLES,
    **uncertain.EXAMPLES,
    **imports.EXAMPLES,
    **jobs.EXAMPLES,
    **keys.EXAMPLES,
    **mailboxes.EXAMPLES,
    **merges.EXAMPLES,
    **needs.EXAMPLES,
    **privacy_examples.EXAMPLES,
    **record.EXAMPLES,
    **reviews.EXAMPLES,
    **segments.EXAMPLES,
    **surveys.EXAMPLES,
    **traits.EXAMPLES,
    **refusals.EXAMPLES,
    **reports.EXAMPLES,
    **simulations.EXAMPLES,
}
"""By the name of the schema."""
