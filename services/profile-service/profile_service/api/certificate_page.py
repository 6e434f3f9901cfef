"""A certificate as a page to read and print, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from guanxi_kit import pages

ZONE = ZoneInfo("Asia/Shanghai")
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Certificate of erasure",
        "interim": "Interim statement on an erasure",
        "request": "Request",
        "requested": "Requested",
        "completed": "Completed",
        "deadline": "Deadline",
        "issued": "Issued",
        "place": "Place",
        "state": "State",
        "since": "Since",
        "erased": "Erased",
        "ground": "Legal ground of what is kept",
        "until": "until",
        "suppressed": "Records of before that came later and were not taken in",
        "signature": "Signature",
        "pending": "pending",
        "sent": "told",
        "acknowledged": "acknowledged",
        "done": "erased",
        "retained": "retained",
        "failed": "failed",
    },
    "zh": {
        "title": "个人信息删除证明",
        "interim": "个人信息删除进度说明",
        "request": "请求编号",
        "requested": "申请时间",
        "completed": "完成时间",
        "deadline": "最迟完成时间",
        "issued": "出具时间",
        "place": "处理位置",
        "state": "状态",
        "since": "时间",
        "erased": "删除数量",
        "ground": "保留部分的法律依据",
        "until": "保留至",
        "suppressed": "删除之后到达、未被接收的此前记录",
        "signature": "签名",
        "pending": "待处理",
        "sent": "已通知",
        "acknowledged": "已确认",
        "done": "已删除",
        "retained": "依法保留",
        "failed": "失败",
    },
}


def render_certificate(document: Mapping[str, Any], language: str) -> str:
    """Return the page of a certificate, to be answered with `pages.HEADERS`; `language` is zh or en."""
    words = _WORDS[language]
    statement, signature = document["statement"], document["signature"]
    title = words["title"] if statement["complete"] else words["interim"]
    facts = [
        (words["request"], str(statement["request_id"])),
        (words["requested"], _time(statement["requested_at"])),
        (words["completed"], _time(statement["completed_at"])),
        (words["deadline"], _time(statement["deadline_at"])),
        (words["issued"], _time(statement["issued_at"])),
        (words["suppressed"], str(statement["suppressed"])),
        (words["signature"], f"{signature['algorithm']} {signature['value']}"),
    ]
    columns = [words[name] for name in ("place", "state", "since", "erased", "ground")]
    places = pages.table(words["place"], columns, (_row(place, words) for place in statement["places"]))
    return f"{pages.begin(language, title)}{pages.facts(facts)}<br>{places}{pages.END}"


def _row(place: Mapping[str, Any], words: Mapping[str, str]) -> tuple[str, ...]:
    ground = place["legal_ground"] or ""
    if place["retained_until"] is not None:
        ground += f" ({words['until']} {_time(place['retained_until'])})"
    erased = ", ".join(f"{name} {count}" for name, count in sorted(place["erased"].items()) if count)
    return place["place"], words[place["state"]], _time(place["at"]), erased, ground


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S %Z")
