"""The rules of a pack applied to one raw identifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import msgspec

from guanxi_kit.identifiers.junk import is_junk_email, is_junk_phone, is_junk_text, is_rounded, junk_words
from guanxi_kit.identifiers.mail_address import NotEmailError, fast_email, slow_email
from guanxi_kit.identifiers.phone import NotPhoneError, fast_phone, slow_phone
from guanxi_kit.identifiers.text import NotTextError, clean_text
from guanxi_kit.packs.identifiers import IdentifierSettings, IdentifierType

_CACHED = 16_384


class Normalised(msgspec.Struct, frozen=True):
    """An identifier in its normal form; `namespace` is empty for types without one."""

    type: str
    namespace: str
    value: str


class Invalid(msgspec.Struct, frozen=True):
    """The value cannot be an identifier of this type. `reason` never repeats the value."""

    reason: str


class Junk(msgspec.Struct, frozen=True):
    """The value is well-formed and identifies nobody. `reason` never repeats the value."""

    reason: str


_PLACEHOLDER = Junk("is a placeholder that identifies nobody")
_ROUNDED = Junk("was rounded by a spreadsheet (1.39E+10): format its column as text")
_Normaliser = Callable[[str], str | Invalid]


class _Rule:
    __slots__ = ("is_filler", "junk", "namespaced", "normalise")

    def __init__(self, declared: IdentifierType, shared: tuple[str, ...], region: str) -> None:
        self.namespaced = declared.namespaced
        self.normalise: _Normaliser | None = None
        self.is_filler: Callable[[str], bool] | None = None
        if declared.normaliser == "phone":
            self.normalise, self.is_filler = _phone_normaliser(region), is_junk_phone
        elif declared.normaliser == "email":
            self.normalise, self.is_filler = _email_normaliser(), is_junk_email
        self.junk = junk_words(self._forms((*declared.junk, *shared)))

    def apply(self, text: str) -> str | Invalid | Junk:
        """Return the normal form of clean text that is no general placeholder."""
        if self.normalise is None:
            return text
        value = self.normalise(text)
        if not isinstance(value, str):
            return value
        filler = value in self.junk or (self.is_filler is not None and self.is_filler(value))
        return _PLACEHOLDER if filler else value

    def _forms(self, words: tuple[str, ...]) -> list[str]:
        forms = [clean_text(word) for word in words]
        if self.normalise:
            forms += [form for word in forms if isinstance(form := self.normalise(word), str)]
        return forms


class IdentifierRules:
    """Normalises identifiers as a pack's settings say. `default_region` (ISO 3166) reads local phone numbers.

    Raises guanxi_kit.identifiers.text.NotTextError when the pack's junk list holds something that is no text.
    """

    def __init__(self, settings: IdentifierSettings, default_region: str = "CN") -> None:
        self._rules = {
            name: _Rule(declared, settings.junk, default_region) for name, declared in settings.types.items()
        }

    def normalise(self, type: str, raw: object, namespace: object = "") -> Normalised | Invalid | Junk:
        """Return the normal form of `raw`, or why there is none. Never raises; a normal form maps to itself.

        A type without a namespace ignores `namespace`; a namespaced type is invalid without one.
        """
        rule = self._rules.get(type)
        if rule is None:
            return Invalid("is not an identifier type of this pack")
        try:
            text = clean_text("" if raw is None else raw)
            space = clean_text(namespace) if rule.namespaced else ""
        except NotTextError as error:
            return Invalid(str(error))
        if is_junk_text(text, rule.junk):
            return _PLACEHOLDER
        if is_rounded(text):
            return _ROUNDED
        if rule.namespaced and not space:
            return Invalid("needs a namespace")
        value = rule.apply(text)
        return Normalised(type, space, value) if isinstance(value, str) else value


def _phone_normaliser(region: str) -> _Normaliser:
    @lru_cache(maxsize=_CACHED)
    def decide(text: str) -> str | Invalid:
        try:
            value = slow_phone(text, region)
            stable = (fast_phone(value, region) or slow_phone(value, region)) == value
        except NotPhoneError as error:
            return Invalid(str(error))
        return value if stable else Invalid("is not a telephone number")

    return lambda text: fast_phone(text, region) or decide(text)


def _email_normaliser() -> _Normaliser:
    @lru_cache(maxsize=_CACHED)
    def decide(text: str) -> str | Invalid:
        try:
            value = clean_text(slow_email(text))
            stable = (fast_email(value) or slow_email(value)) == value
        except (NotEmailError, NotTextError) as error:
            return Invalid(str(error) or "is not an e-mail address")
        return value if stable else Invalid("is not an e-mail address")

    return lambda text: fast_email(text) or decide(text)
