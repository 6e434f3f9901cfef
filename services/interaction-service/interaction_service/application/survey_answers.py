"""What a customer sends of a form: an answer, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from guanxi_kit.packs import Form
from interaction_service.domain.surveys import LEAST, MOST, MOST_NPS, Answer

NPS, WORDS = "nps", "words"
LONGEST_WORDS = 4_000
Fault = Literal["missing", "wrong", "too_long"]


class AnswerFaulty(Exception):
    """The answer is not complete; `faults` by field."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__(sorted(faults))
        self.faults = faults


def field_of(dimension: str) -> str:
    """Return the name of a dimension's field."""
    return f"csat_{dimension}"


def read_answer(form: Form, given: Mapping[str, str]) -> Answer:
    """Return the answer in the fields of a form. Raises AnswerFaulty."""
    faults: dict[str, Fault] = {}

    def number(field: str, least: int, most: int) -> int:
        text = given.get(field, "")
        if not text:
            faults[field] = "missing"
        elif not (text.isascii() and text.isdigit() and len(text) < 3 and least <= int(text) <= most):
            faults[field] = "wrong"
        else:
            return int(text)
        return least

    csat = {name: number(field_of(name), LEAST, MOST) for name in form.dimensions}
    nps = None if form.nps is None else number(NPS, 0, MOST_NPS)
    # A browser counts the end of a line as one character, and sends two.
    words = given.get(WORDS, "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(words) > LONGEST_WORDS:
        faults[WORDS] = "too_long"
    if faults:
        raise AnswerFaulty(faults)
    return Answer(csat, nps, words)
