"""Small pictures of reports as inline SVG: no script, no style of its own, readable in black and white."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, ROW, LABEL = 720, 26, 240
HEIGHT, LEFT, BOTTOM = 260, 40, 30
_COLOURS = ("#0b57d0", "#b3261e", "#146c2e", "#8a5000", "#6750a4", "#006874")
_DASHES = ("", "6 3", "2 3", "10 4 2 4", "1 4", "12 3")
MOST_LINES = len(_COLOURS)


class Line(NamedTuple):
    """A line of a plot: its name, and a value for each place on the axis."""

    name: str
    values: Sequence[float]


def bars(title: str, rows: Sequence[tuple[str, float, str]], *, full: float = 0) -> str:
    """Return horizontal bars: of each row its label, its value and how the value is written.

    `full` fills the width, or else the largest value.
    """
    most = full or max((value for _, value, _ in rows), default=0) or 1
    drawn = []
    for place, (label, value, written) in enumerate(rows):
        top, width = place * ROW, (WIDTH - LABEL - 80) * max(value, 0) / most
        drawn.append(
            f'<text x="{LABEL - 8}" y="{top + 17}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{LABEL}" y="{top + 4}" width="{width:.1f}" height="{ROW - 8}" fill="{_COLOURS[0]}"/>'
            f'<text x="{LABEL + width + 6:.1f}" y="{top + 17}">{escape(written)}</text>'
        )
    return _picture(title, "".join(drawn), ROW * max(len(rows), 1))


def lines(title: str, places: Sequence[str], drawn: Sequence[Line]) -> str:
    """Return lines over an axis of places, each in a colour and a dash of its own, with a legend below."""
    most = max((value for line in drawn for value in line.values), default=0) or 1
    step = (WIDTH - LEFT - 20) / max(len(places) - 1, 1)

    def at(place: int, value: float) -> str:
        return f"{LEFT + place * step:.1f},{HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 20) * value / most:.1f}"

    parts = [
        f'<path d="M{LEFT} 20V{HEIGHT - BOTTOM}H{WIDTH - 20}" fill="none" stroke="#444"/>',
        f'<text x="{LEFT - 6}" y="24" text-anchor="end">{most:g}</text>',
        f'<text x="{LEFT - 6}" y="{HEIGHT - BOTTOM}" text-anchor="end">0</text>',
    ]
    for place in sorted({0, len(places) // 2, len(places) - 1}) if places else ():
        x = LEFT + place * step
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(places[place])}</text>'
        )
    for number, line in enumerate(drawn[:MOST_LINES]):
        way = " ".join(at(place, value) for place, value in enumerate(line.values))
        stroke = f'stroke="{_COLOURS[number]}" stroke-width="2" stroke-dasharray="{_DASHES[number]}"'
        top = HEIGHT + 10 + number * 20
        parts += [
            f'<polyline points="{way}" fill="none" {stroke}/>',
            f'<path d="M{LEFT} {top}h40" {stroke}/>',
            f'<text x="{LEFT + 50}" y="{top + 5}">{escape(line.name)}</text>',
        ]
    return _picture(title, "".join(parts), HEIGHT + 10 + 20 * min(len(drawn), MOST_LINES))


def _picture(title: str, drawn: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="13"><title>{escape(title)}</title>{drawn}</svg>'
    )
