"""Values that systems and people enter when they have none: they would join strangers into one customer."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = frozenset((
    "null", "nil", "none", "undefined", "unknown", "unidentified", "guest", "anonymous", "anon", "nan",
    "n/a", "na", "#n/a", "\\n", "test", "testing", "tester", "[object object]", "<null>", "<nil>", "(null)",
    "(none)", "not set", "(not set)", "not provided", "not available", "missing", "empty", "true",
    "false", "default", "string", "xxx", "无", "没有", "未知", "未填", "空", "匿名", "游客", "访客", "测试",
    "暂无", "不详",
))  # fmt: skip
_MAIL_BOXES = frozenset((
    "null", "none", "undefined", "unknown", "noemail", "no-email", "no.email", "nomail", "noreply",
    "no-reply", "donotreply", "123", "xxx", "test", "testing", "tester", "test1", "test123", "guest",
    "anonymous", "example", "sample", "dummy", "fake",
))  # fmt: skip
_MAIL_ADDRESSES = frozenset((
    "test@test.com", "test@test.cn", "email@email.com", "mail@mail.com", "a@a.com", "aa@aa.com",
    "abc@abc.com", "a@b.com", "aaa@aaa.com", "asdf@asdf.com", "qwe@qwe.com", "1@1.com", "x@x.com",
    "111@qq.com", "123456@qq.com",
))  # fmt: skip
_PHONE_DIGITS = frozenset((
    "13800138000", "13800138001", "1234567", "12345678", "123456789", "1234567890",
    "13812345678", "13912345678", "13888888888", "18888888888", "13999999999", "13911111111",
))  # fmt: skip

_ROUNDED = re.compile(r"-?\d(?:\.\d+)?[Ee]\+\d{2,3}")


def is_rounded(text: str) -> bool:
    """Whether clean text is a long number as a spreadsheet shows it, 6.2E+15: all that begin alike look alike."""
    return "+" in text and _ROUNDED.fullmatch(text) is not None


def junk_words(more: Iterable[str]) -> frozenset[str]:
    """Return the built-in filler words and `more`, in the form in which `is_junk_text` compares them."""
    return _WORDS.union(word.strip().casefold() for word in more)


def is_junk_text(text: str, words: frozenset[str]) -> bool:
    """Whether clean text identifies nobody: one of `words`, nothing but zeros, no letter or digit at all."""
    if text.casefold() in words:
        return True
    first = text[1:2] if text.startswith("+") else text[:1]
    if first != "0" and first.isalnum():
        return False
    bare = text.strip("0-.:_/ ")
    return not (bare and (bare[0].isalnum() or any(map(str.isalnum, bare))))


def is_junk_phone(e164: str) -> bool:
    """Whether a number is a filler: digits all alike, nothing but zeros after the exchange, a known sample."""
    # Without the country code where it is known; elsewhere all digits are looked at.
    national = e164[3:] if e164.startswith("+86") else e164[2:] if e164.startswith("+1") else e164[1:]
    if national in _PHONE_DIGITS or national == national[0] * len(national):
        return True
    return national.endswith("000000") and not national[3:].strip("0")


def is_junk_email(address: str) -> bool:
    """Whether an address in normal form is a filler or a mailbox that nobody reads."""
    return address in _MAIL_ADDRESSES or address.partition("@")[0] in _MAIL_BOXES
