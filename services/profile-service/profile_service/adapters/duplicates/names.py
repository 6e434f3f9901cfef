"""Names of people in Chinese characters and in Latin letters, brought to given and family name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from profile_service.adapters.duplicates.vocabulary import (
    COMPOUND,
    FAMILIES,
    FAMILY_READINGS,
    FREQUENT,
    PARTICLES,
    TITLES,
)

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NOT_HAN = re.compile(r"[^\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_]+")
_CHINESE_TITLES = re.compile(r"(先生|女士|小姐|太太|夫人|老师|师傅|同学)$")


class Name(NamedTuple):
    """Given and family name in Latin letters, and in Chinese characters where they were written so."""

    given: str | None = None
    family: str | None = None
    given_han: str | None = None
    family_han: str | None = None


def read_name(text: str) -> Name:
    """Split a full name. Chinese ones begin with the family name, Latin ones if a comma or pinyin says so."""
    han = _NOT_HAN.sub("", _CHINESE_TITLES.sub("", unicodedata.normalize("NFKC", text).strip()))
    if han:
        return _read_chinese(han)
    before, comma, after = text.partition(",")
    if comma and latin_words(after):
        return Name("".join(latin_words(after)[:1]), "".join(latin_words(before)) or None)
    return _read_latin(latin_words(text))


def read_parts(given: str, family: str) -> Name:
    """Take a name whose parts are told; either may be empty."""
    given_han, family_han = (_NOT_HAN.sub("", part) or None for part in (given, family))
    return Name(
        _romanised(given_han) if given_han else "".join(latin_words(given)) or None,
        _family_reading(family_han) if family_han else "".join(latin_words(family)) or None,
        given_han,
        family_han,
    )


def latin_words(text: str) -> list[str]:
    """Return the words of a text in lower case without accents, titles and punctuation."""
    bare = text.lower()
    if not bare.isascii():
        decomposed = unicodedata.normalize("NFKD", bare)
        bare = "".join(c for c in decomposed if not unicodedata.combining(c)).replace("’", "'")
    words = _WORD.findall(bare.replace("'", ""))
    return [word for word in words if word not in TITLES] or words


def romanise(text: str) -> str:
    """Return text with Chinese characters in pinyin, nothing between the syllables."""
    return _romanised(text) if _HAN.search(text) else text


def _read_chinese(han: str) -> Name:
    length = 2 if han[:2] in COMPOUND else 1
    if len(han) <= length or (length == 1 and han[0] not in FAMILIES and len(han) < 3):
        return Name(given=_romanised(han), given_han=han)
    family, given = han[:length], han[length:]
    return Name(_romanised(given), _family_reading(family), given, family)


def _read_latin(words: list[str]) -> Name:
    if len(words) < 2:
        return Name(given=words[0] if words else None)
    if all(word in _syllables() or _is_two_syllables(word) for word in words):
        if _begins_with_family(words):
            return Name("".join(words[1:]), words[0])
        return Name("".join(words[:-1]), words[-1])
    start = len(words) - 1
    while start > 1 and words[start - 1] in PARTICLES:
        start -= 1
    return Name(words[0], "".join(words[start:]))


def _begins_with_family(words: list[str]) -> bool:
    """Tell the order of a name in pinyin, where either end may be a family name, by which is the more frequent one."""
    first, last = words[0], words[-1]
    if first not in _family_readings():
        return False
    if last not in _family_readings():
        return True
    return len(words) > 2 and (first in FREQUENT or last not in FREQUENT)


@lru_cache(maxsize=65_536)
def _romanised(text: str) -> str:
    # Imported here: its dictionaries take longer to read than all else that a process begins with.
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(text, style=Style.NORMAL)).lower()


def _family_reading(han: str) -> str:
    return FAMILY_READINGS.get(han) or _romanised(han)


@lru_cache(maxsize=1)
def _syllables() -> frozenset[str]:
    """Every syllable of pinyin, without tones."""
    from pypinyin.constants import PINYIN_DICT

    return frozenset(_romanised(chr(code)) for code in PINYIN_DICT if 0x4E00 <= code < 0x9FA6)


@lru_cache(maxsize=65_536)
def _is_two_syllables(word: str) -> bool:
    return any(word[:cut] in _syllables() and word[cut:] in _syllables() for cut in range(1, len(word)))


@lru_cache(maxsize=1)
def _family_readings() -> frozenset[str]:
    return frozenset(_family_reading(character) for character in FAMILIES)
