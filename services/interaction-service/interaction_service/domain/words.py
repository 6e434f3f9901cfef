"""Cuts text into the words that a search compares: without a dictionary, in any script."""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 64
# Scripts that put no space between words: Han, kana, hangul.
_UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"([{_UNSPACED}]+)|[^\W_{_UNSPACED}]+")


def fold(text: str) -> str:
    """Return text in the form in which it is compared: NFKC, without the difference of cases."""
    return unicodedata.normalize("NFKC", text).casefold()


def words_of(folded: str, most: int) -> list[str]:
    """Return at most `most` different words: words and pairs of neighbours first, then single characters.

    Of an unspaced run every pair of neighbours is a word, so that any part of it can be found, and every character.
    """
    found: dict[str, None] = {}
    singles: dict[str, None] = {}
    for run in _RUN.finditer(folded):
        part = run[0]
        if run[1] is None:
            found[part[:LONGEST_WORD]] = None
        else:
            found.update(dict.fromkeys(_pairs(part)))
            singles.update(dict.fromkeys(part))
        if len(found) >= most:
            break
    return [*found, *(single for single in singles if single not in found)][:most]


def words_asked(folded: str, most: int) -> list[str]:
    """Return at most `most` words that every text must have in which what is asked for stands."""
    asked: dict[str, None] = {}
    for run in _RUN.finditer(folded):
        part = run[0]
        asked.update(dict.fromkeys(_pairs(part) if run[1] and len(part) > 1 else [part[:LONGEST_WORD]]))
    return list(asked)[:most]


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
