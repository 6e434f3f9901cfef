"""What is known of an e-mail once it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Nature = Literal["personal", "automatic", "bounce"]
"""From a person, from a machine (RFC 3834: out of office, newsletters), or a report that a mail did not arrive."""


class Attachment(NamedTuple):
    """An attached file. Only what it is called and how large it is; `size` in bytes of what was read of it."""

    name: str
    media_type: str
    size: int


class Failure(NamedTuple):
    """A recipient whom a mail did not reach, by its report (RFC 3464); `status` such as 5.1.1."""

    address: str
    status: str

    @property
    def is_permanent(self) -> bool:
        """True when it is no use to write there again."""
        return self.status.startswith("5")


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail. Texts are cut at the bounds of `reading`; `is_cut` says that something was."""

    identity: str
    nature: Nature
    sender: str
    sender_name: str
    subject: str
    text: str
    in_reply_to: str
    case_number: str | None
    attachments: tuple[Attachment, ...]
    failures: tuple[Failure, ...]
    original_id: str
    is_cut: bool
