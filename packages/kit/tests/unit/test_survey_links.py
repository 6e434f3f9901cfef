"""Links of surveys: made twice alike, and opened by nothing that was not made here."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from guanxi_kit.crypto import Keyring
from guanxi_kit.survey_links import TOKEN_CHARACTERS, NoLink, SurveyLink, SurveyLinks

LINK = SurveyLink(UUID(int=7), datetime(2026, 5, 20, 8, tzinfo=UTC), bytes(range(8)))


def test_a_token_says_what_it_was_made_of_also_after_a_rotation() -> None:
    keyring = Keyring.generate()
    token = SurveyLinks(keyring).token(LINK)
    rotated = keyring.with_new_key().promoted()
    assert SurveyLinks(rotated).token(LINK) == token
    assert SurveyLinks(rotated).read(token) == LINK
    assert len(token) == TOKEN_CHARACTERS


def test_whatever_is_changed_opens_nothing() -> None:
    links = SurveyLinks(Keyring.generate())
    token = links.token(LINK)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(NoLink):
            links.read(token[:place] + other + token[place + 1 :])
    for wrong in ("", "x", token[:-4], token + "AAAA", "\u00e9" * 60, "=" * 60):
        with pytest.raises(NoLink):
            links.read(wrong)
    with pytest.raises(NoLink):
        SurveyLinks(Keyring.generate()).read(token)
