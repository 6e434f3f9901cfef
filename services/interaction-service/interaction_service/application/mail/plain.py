"""The text of HTML, for people to read: no markup, no scripts, bounded."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BREAKS = frozenset(
    (
        "p",
        "div",
        "br",
        "tr",
        "li",
        "ul",
        "ol",
        "table",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "hr",
    )
)
_UNSEEN = frozenset(("script", "style", "head", "title", "template", "noscript"))
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LINES = re.compile(r" ?\n[ \n]*")


class _Text(HTMLParser):
    def __init__(self, most: int) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._left = most
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag in _BREAKS:
            self._add("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        elif tag in _BREAKS:
            self._add("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._add(_SPACES.sub(" ", data.replace("\n", " ")))

    def _add(self, text: str) -> None:
        if self._left > 0 and not (text == "\n" and self.parts[-1:] == ["\n"]):
            self.parts.append(text[: self._left])
            self._left -= len(text)


def text_of_html(html: str, most: int) -> str:
    """Return at most `most` characters of the text that a reader sees."""
    parser = _Text(most)
    parser.feed(html)
    parser.close()
    return tidy("".join(parser.parts))[:most]


def tidy(text: str) -> str:
    """Return a text without runs of spaces and empty lines, and without control characters."""
    plain = _SPACES.sub(" ", _CONTROLS.sub("", text))
    return _LINES.sub("\n", plain).strip()
