"""The blind index of what customers write: which words a touchpoint has, without a word in clear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

from guanxi_kit.crypto import Keyring
from interaction_service.application.message import JsonObject
from interaction_service.domain.words import fold, words_asked, words_of

MOST_WORDS = 1_000
"""Words of a touchpoint that can be found: of Chinese some 700 characters at least."""
MOST_ASKED = 16
"""Words of a question that the index is asked for; the others are looked for in the content alone."""
_HASH_BYTES = 4
_MARKS = re.compile("[、。，；！？]")
"""Of full width alone: those of half width stand in numbers and addresses."""


class Question:
    """What somebody searches for: parts between spaces or marks of Chinese, of which each must stand in the text."""

    def __init__(self, text: str) -> None:
        folded = fold(_MARKS.sub(" ", text))
        self.parts = tuple(folded.split())
        self.words = words_asked(folded, MOST_ASKED)

    def stands_in(self, text: str) -> bool:
        """Tell whether a folded text has all parts."""
        return all(part in text for part in self.parts)


class TextIndex:
    """Knows which properties hold free text, and what their words look like to the database.

    The key follows from the index key, which never rotates; the fragment's id is the salt, so that the same word
    looks different with every person.
    """

    def __init__(self, keyring: Keyring, searchable: Sequence[str]) -> None:
        self._key = keyring.derive("timeline.words")
        self._names = tuple(searchable)
        names = "|".join(re.escape(name) for name in searchable)
        # A name may be written with escapes, and then only decoding can tell.
        self._hint = re.compile(rf'"(?:{names})"|\\u'.encode()) if searchable else None

    def may_have_text(self, plain: bytes) -> bool:
        """Tell cheaply whether opened content may hold free text."""
        return self._hint is not None and self._hint.search(plain) is not None

    def words(self, profile_id: UUID, properties: JsonObject) -> list[int]:
        """Return the words of a touchpoint's free text as the database sees them; none where it has no text."""
        text = self.text(properties)
        return self._hashes(profile_id, words_of(text, MOST_WORDS)) if text else []

    def asked(self, profile_id: UUID, question: Question) -> list[int]:
        """Return the words that a touchpoint of this fragment must have."""
        return self._hashes(profile_id, question.words)

    def text(self, properties: JsonObject) -> str:
        """Return the free text of a touchpoint, folded, one line a property.

        Short ones stand first: a long letter must not push the words of its subject out of the index.
        """
        texts = (text for name in self._names if name in properties for text in _texts(properties[name]))
        return "\n".join(fold(text) for text in sorted(texts, key=len))

    def _hashes(self, profile_id: UUID, words: Sequence[str]) -> list[int]:
        keyed = blake2b(key=self._key, salt=profile_id.bytes, digest_size=_HASH_BYTES)
        hashes = []
        for word in words:
            digest = keyed.copy()
            digest.update(word.encode(errors="replace"))
            hashes.append(int.from_bytes(digest.digest(), "big", signed=True))
        return hashes


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))
