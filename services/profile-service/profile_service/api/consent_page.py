"""The proof of a customer's consents as a page for people, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Literal

import msgspec

from guanxi_kit import pages
from profile_service.application.read_consents import ConsentEntry, CurrentConsent

Language = Literal["zh", "en"]
_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "title": "同意记录证明",
        "customer": "客户编号",
        "made": "生成时间",
        "current": "当前状态",
        "ledger": "全部记录",
        "purpose": "用途",
        "channel": "渠道",
        "allowed": "是否允许",
        "because": "依据",
        "yes": "允许",
        "no": "不允许",
        "decision": "决定",
        "effective": "生效时间",
        "recorded": "记录时间",
        "by": "记录人",
        "source": "来源",
        "notice": "告知版本",
        "evidence": "证据",
        "granted": "同意",
        "denied": "拒绝",
        "withdrawn": "撤回",
        "unknown_allowed": "未表态，按用途默认允许",
        "unknown_denied": "未表态，视为不同意",
        "any": "不限",
        "id": "记录编号",
        "more": "还有更早的记录，见下一页游标",
    },
    "en": {
        "title": "Proof of consents",
        "customer": "Customer number",
        "made": "Made at",
        "current": "What holds now",
        "ledger": "All entries",
        "purpose": "Purpose",
        "channel": "Channel",
        "allowed": "Allowed",
        "because": "Because",
        "yes": "yes",
        "no": "no",
        "decision": "Decision",
        "effective": "Effective at",
        "recorded": "Recorded at",
        "by": "Recorded by",
        "source": "Source",
        "notice": "Notice shown",
        "evidence": "Evidence",
        "granted": "granted",
        "denied": "denied",
        "withdrawn": "withdrawn",
        "unknown_allowed": "nothing was said; the purpose is allowed by default",
        "unknown_denied": "nothing was said, which means no",
        "any": "any",
        "id": "Entry",
        "more": "There are earlier entries; go on with the cursor",
    },
}


def proof_page(
    customer_number: str,
    made_at: datetime,
    current: Sequence[CurrentConsent],
    entries: Sequence[ConsentEntry],
    *,
    language: Language,
    next_cursor: str | None,
) -> str:
    """Return the page, to be answered with `pages.HEADERS`."""
    words = _WORDS[language]
    labels = {each.purpose: each.labels.get(language, each.purpose) for each in current}
    now = pages.table(
        words["current"],
        [words[name] for name in ("purpose", "channel", "allowed", "because", "effective", "notice")],
        (_current_row(each, words, labels) for each in current),
    )
    heads = (
        "id",
        "purpose",
        "channel",
        "decision",
        "effective",
        "recorded",
        "by",
        "source",
        "notice",
        "evidence",
    )
    rows = (_entry_row(each, words, labels) for each in entries)
    ledger = pages.table(words["ledger"], [words[name] for name in heads], rows)
    more = f"<p>{escape(words['more'])}: <code>{escape(next_cursor)}</code></p>" if next_cursor else ""
    return (
        f"{pages.begin(language, words['title'])}<p>{escape(words['customer'])}: {escape(customer_number)}<br>"
        f"{escape(words['made'])}: {_time(made_at)}</p>"
        f"<h2>{escape(words['current'])}</h2>{now}<h2>{escape(words['ledger'])}</h2>{ledger}{more}{pages.END}"
    )


def _current_row(each: CurrentConsent, words: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    held = each.decision
    return [
        labels[each.purpose],
        words.get(each.channel, each.channel),
        words["yes"] if each.allowed else words["no"],
        words[each.reason],
        "" if held is None else _time(held.effective_at),
        "" if held is None else held.notice_version or "",
    ]


def _entry_row(each: ConsentEntry, words: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    return [
        str(each.event_id),
        labels.get(each.purpose, each.purpose),
        words.get(each.channel, each.channel),
        words[each.decision],
        _time(each.effective_at),
        _time(each.recorded_at),
        each.recorded_by,
        each.source,
        each.notice_version or "",
        _text(each.evidence),
    ]


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(evidence: Any) -> str:
    if evidence is None:
        return ""
    return evidence if isinstance(evidence, str) else msgspec.json.encode(evidence).decode()
