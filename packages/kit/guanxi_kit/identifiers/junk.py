"""Values that systems and people enter when they have none: they would join strangers into one customer."""

from __future__ import annotations

from collections.abc import Iterable

_WORDS = frozenset((
    "null", "nil", "none", "undefined", "unknown", "unidentified", "guest", "anonymous", "anon", "nan",
    "n/a", "na", "#n/a", "test", "testing", "tester", "[object object]", "<null>", "<nil>", "(null)",
    "(none)", "not set", "(not set)", "not provided", "not available", "missing", "empty", "true",
    "false", "default", "string", "xxx", "无", "没有", "未知", "未填", "空", "匿名", "游客", "访客", "测试",
    "暂无", "不详",
))  # fmt: skip
_MAIL_BOXES = frozenset((
    "null", "none", "undefined", "unknown", "noemail", "no-email", "no.email", "nomail", "noreply",
    "no-reply", "donotreply", "123", "xxx",
))  # fmt: skip
_MAIL_ADDRESSES = frozenset((
    "test@test.com", "test@test.cn", "email@email.com", "mail@mail.com", "a@a.com", "aa@aa.com",
    "abc@abc.com", "a@b.com",
))  # fmt: skip
_PHONE_DIGITS = frozenset((
    "13800138000", "13800138001", "1234567", "12345678", "123456789", "1234567890",
    "13812345678", "13912345678",
))  # fmt: skip


def fold_words(words: Iterable[str]) -> frozenset[str]:
    """Return `words` in the form in which `is_junk_text` compares them."""
    return frozenset(word.strip().casefold() for word in words)


def is_junk_text(text: str, more: frozenset[str]) -> bool:
    """Whether clean text identifies nobody: a filler word, nothing but zeros, no letter or digit at all."""
    folded = text.casefold()
    if folded in _WORDS or folded in more:
        return True
    bare = text.strip("0-.:_/ ")
    return not bare or not (bare[0].isalnum() or any(map(str.isalnum, bare)))


def is_junk_phone(national: str) -> bool:
    """Whether a national number (digits only) is a filler: digits all alike, an empty exchange, a sample."""
    return national in _PHONE_DIGITS or len(set(national)) == 1 or national[3:].strip("0") == ""


def is_junk_email(address: str) -> bool:
    """Whether an address in normal form is a filler or a mailbox that nobody reads."""
    return address in _MAIL_ADDRESSES or address.partition("@")[0] in _MAIL_BOXES
