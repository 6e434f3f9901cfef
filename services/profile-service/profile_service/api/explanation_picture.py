"""Why a customer is one, as a small SVG: fragments in boxes, merges as lines from the oldest on.

Its only words are the names of identifier types, in Chinese or in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID
from xml.sax.saxutils import escape

from profile_service.application.explain_customer import ExplainedFragment, Explanation, JournalEntry

MOST_FRAGMENTS = 40
SHOWN_IDENTIFIERS = 3
WIDTH, GAP, MARGIN = 210, 150, 12
LINE, ROW_GAP = 15, 20
CHARACTERS = 30
Language = Literal["en", "zh"]
CHINESE = {
    "member_number": "会员号",
    "user_id": "用户号",
    "wechat_unionid": "微信 unionid",
    "wechat_openid": "微信 openid",
    "wecom_external_id": "企业微信客户",
    "phone": "手机号",
    "email": "邮箱",
    "third_party_account": "第三方账号",
    "device_id": "设备号",
    "anonymous_id": "匿名号",
    "enterprise_account": "企业账号",
}
SYMBOLS = {"manual": "✎", "suggestion": "≈ ✎"}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STYLE = (
    "text{font:11px ui-sans-serif,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;fill:#1a202c}"
    ".f{fill:#f7fafc;stroke:#a0aec0}.root{stroke:#2b6cb0;stroke-width:2}"
    ".m{stroke:#a0aec0;fill:none}.on{stroke:#dd6b20;stroke-width:2}"
    ".id{font-family:ui-monospace,monospace;fill:#4a5568}.t{fill:#2b6cb0}.why{font-size:10px;text-anchor:end;paint-order:stroke;stroke:#fff;stroke-width:3px}"
)


@dataclass(slots=True)
class _Node:
    fragment: ExplainedFragment
    depth: int
    came_by: JournalEntry | None
    children: list[_Node] = field(default_factory=list)
    middle: float = 0.0

    @property
    def lines(self) -> int:
        held = len(self.fragment.identifiers)
        return 1 + min(held, SHOWN_IDENTIFIERS) + (held > SHOWN_IDENTIFIERS)

    @property
    def height(self) -> int:
        return self.lines * LINE + 10

    @property
    def left(self) -> int:
        return MARGIN + self.depth * (WIDTH + GAP)


def draw(explanation: Explanation, language: Language = "en") -> str:
    """Return the picture. With a path asked for it shows that chain alone, else the tree from the customer's oldest
    fragment, of at most MOST_FRAGMENTS fragments."""
    root, marked, hidden = _plant(explanation)
    height = _place(root, MARGIN) + MARGIN
    nodes = list(_walk(root))
    width = max(node.left for node in nodes) + WIDTH + MARGIN
    body = "".join(_line(parent, child, marked, language) for parent in nodes for child in parent.children)
    body += "".join(_box(node, explanation.customer_id, language) for node in nodes)
    if hidden:
        body += f'<text x="{MARGIN}" y="{height + 4:.0f}">+ {hidden}</text>'
        height += LINE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}"'
        f' viewBox="0 0 {width} {height:.0f}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>'
    )


def _plant(explanation: Explanation) -> tuple[_Node, set[UUID], int]:
    """Return the tree to draw, the merges to mark, and how many fragments are left out."""
    by_id = {fragment.profile_id: fragment for fragment in explanation.fragments}
    merges = {merge.merge_id: merge for merge in explanation.merges}
    if explanation.path:
        return _chain(explanation, by_id, merges), {step.merge_id for step in explanation.path}, 0
    tied: dict[UUID, list[tuple[UUID, JournalEntry]]] = {profile_id: [] for profile_id in by_id}
    for merge in explanation.merges:
        tied[merge.home_profile_id].append((merge.owner_profile_id, merge))
        tied[merge.owner_profile_id].append((merge.home_profile_id, merge))
    root = _Node(by_id[explanation.customer_id], 0, None)
    planted = {explanation.customer_id}
    waiting = [root]
    for node in waiting:
        for there, merge in tied[node.fragment.profile_id]:
            if there not in planted and len(planted) < MOST_FRAGMENTS:
                planted.add(there)
                node.children.append(_Node(by_id[there], node.depth + 1, merge))
        waiting += node.children
    return root, set(), len(by_id) - len(planted)


def _chain(
    explanation: Explanation, by_id: dict[UUID, ExplainedFragment], merges: dict[UUID, JournalEntry]
) -> _Node:
    path = explanation.path or ()
    root = node = _Node(by_id[path[0].from_profile_id], 0, None)
    for step in path:
        following = _Node(by_id[step.to_profile_id], node.depth + 1, merges[step.merge_id])
        node.children.append(following)
        node = following
    return root


def _walk(node: _Node) -> Iterator[_Node]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting += here.children


def _place(root: _Node, top: float) -> float:
    """Give every box its height on the page, a parent in the middle of its children; return the bottom."""
    order = list(_walk(root))
    bottom = top
    for node in order:
        if not node.children:
            node.middle = bottom + node.height / 2
            bottom += node.height + ROW_GAP
    for node in reversed(order):
        if node.children:
            places = [child.middle for child in node.children]
            node.middle = max(sum(places) / len(places), top + node.height / 2)
    return max(bottom - ROW_GAP, *(node.middle + node.height / 2 for node in order))


def _line(parent: _Node, child: _Node, marked: set[UUID], language: Language) -> str:
    merge = child.came_by
    assert merge is not None
    start, end = parent.left + WIDTH, child.left
    bend = (start + end) / 2
    kind = "m on" if merge.merge_id in marked else "m"
    path = (
        f"M{start} {parent.middle:.1f}C{bend:.0f} {parent.middle:.1f} {bend:.0f} {child.middle:.1f}"
        f" {end} {child.middle:.1f}"
    )
    texts = "".join(
        f'<text class="why" x="{end - 6}" y="{child.middle + (-5, 11, 22)[place]:.1f}">{_text(label, 24)}</text>'
        for place, label in enumerate(_reasons(merge, language))
    )
    return f'<path class="{kind}" d="{path}"/>{texts}'


def _name(identifier_type: str, language: Language) -> str:
    if language == "zh":
        return CHINESE.get(identifier_type, identifier_type)
    return identifier_type.replace("_", " ")


def _reasons(merge: JournalEntry, language: Language) -> list[str]:
    """Which identifier met which, and the day."""
    day = f"{merge.merged_at:%Y-%m-%d}"
    if merge.identifier is None:
        return [f"{SYMBOLS.get(merge.rule, '')} {day}"]
    met = [_name(each.type, language) for each in (merge.strongest, merge.identifier) if each]
    return [" + ".join(met), merge.identifier.value or "", day]


def _box(node: _Node, customer_id: UUID, language: Language) -> str:
    fragment = node.fragment
    top = node.middle - node.height / 2
    kind = "f root" if fragment.profile_id == customer_id else "f"
    parts = [
        f'<rect class="{kind}" x="{node.left}" y="{top:.1f}" width="{WIDTH}" height="{node.height}" rx="5"/>',
        _row(node, 0, f'<tspan class="id">{str(fragment.profile_id)[-12:]}</tspan>'),
    ]
    for place, held in enumerate(fragment.identifiers[:SHOWN_IDENTIFIERS], 1):
        name = _name(held.type, language)
        room = max(CHARACTERS - len(name), 6)
        parts.append(
            _row(node, place, f'<tspan class="t">{_text(name, 20)}</tspan> {_text(held.value, room)}')
        )
    if len(fragment.identifiers) > SHOWN_IDENTIFIERS:
        parts.append(_row(node, SHOWN_IDENTIFIERS + 1, f"+ {len(fragment.identifiers) - SHOWN_IDENTIFIERS}"))
    return "".join(parts)


def _row(node: _Node, place: int, content: str) -> str:
    y = node.middle - node.height / 2 + LINE * (place + 1)
    return f'<text x="{node.left + 8}" y="{y:.1f}">{content}</text>'


def _text(value: str, most: int) -> str:
    printable = _UNPRINTABLE.sub("·", value)
    return escape(printable if len(printable) <= most else f"{printable[: most - 1]}…")
