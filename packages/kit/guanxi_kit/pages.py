"""Pages for people to read and print: plain HTML with one style sheet, no script, that fit a phone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape

_SHEET = """
body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}
main{max-width:64rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
svg{max-width:100%;height:auto}
.wide{overflow-x:auto;margin:0 0 1rem}
.wide table{overflow-wrap:normal}
table{border-collapse:collapse}
th,td{border:1px solid #767676;padding:.3rem .6rem;text-align:left;vertical-align:top}
th{overflow-wrap:normal}
td.number{text-align:right}
:focus-visible{outline:3px solid #0b57d0}
@media print{
main{max-width:none;padding:0}
.wide{overflow:visible}
.wide th,.wide td{font-size:.7rem;padding:.2rem}
.wide th,.wide td:not(.number){overflow-wrap:anywhere}
.wide th[scope=row]{min-width:7rem}
h2{break-after:avoid}
svg,tr{break-inside:avoid}
}
"""
END = "</main></body></html>"


def policy_of(sheet: str) -> str:
    """Return the content security policy of a page with this style sheet in it: no script, no other style."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


HEADERS: Mapping[str, str] = {"Content-Security-Policy": policy_of(_SHEET)}
"""What a page is answered with, beside its media type."""


def begin(language: str, title: str) -> str:
    """Return the beginning of a page, up to and with its heading; END closes it. `language` is zh or en."""
    lang = "zh-CN" if language == "zh" else language
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_SHEET}</style></head><body><main><h1>{escape(title)}</h1>"
    )


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of any width; on a small screen it moves sideways by itself, also by the keyboard.

    The first cell of a row says what the row is about.
    """
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{_text(about)}</th>{"".join(map(_cell, cells))}</tr>' for about, *cells in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a table of names and what they are."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in pairs
    )
    return f"<table>{rows}</table>"


def _cell(value: object) -> str:
    is_number = isinstance(value, int | float) or (isinstance(value, str) and value.endswith("%"))
    of_number = ' class="number"' if is_number else ""
    return f"<td{of_number}>{_text(value)}</td>"


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))
