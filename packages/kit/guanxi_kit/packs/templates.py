"""Message templates: a front matter with the subject, then the body, both Liquid."""

from __future__ import annotations

from dataclasses import dataclass

_FENCE = "---"


@dataclass(frozen=True)
class Template:
    """Subject and body of a message, in Liquid. `body_line` is the body's first line in the file, from 1."""

    subject: str
    body: str
    body_line: int


def parse_template(text: str) -> Template:
    """Return the parts of a template file. Raises ValueError when the front matter lacks a subject."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != _FENCE:
        raise ValueError("must begin with a front matter between two lines of ---")
    try:
        end = next(number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE)
    except StopIteration:
        raise ValueError("the front matter is not closed by a line of ---") from None
    subject = ""
    for line in lines[1:end]:
        key, separator, value = line.partition(":")
        if not separator or key.strip() != "subject" or subject:
            raise ValueError(f"the front matter may hold one subject only, found {line[:60]!r}")
        subject = value.strip()
    body = "\n".join(lines[end + 1 :]).strip("\n")
    if not subject:
        raise ValueError("the front matter has no subject")
    if not body.strip():
        raise ValueError("the body is empty")
    return Template(subject, body + "\n", end + 2)
