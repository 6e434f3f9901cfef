"""The page of a survey: every field has its label, nothing comes from elsewhere, whatever was filled in is text."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack
from interaction_service.api.survey_page import POLICY, Language, form_page, notice_page
from interaction_service.application.survey_answers import AnswerFaulty, read_answer

FORMS = load_pack(Path(__file__).parents[4] / "packs", "services").surveys.forms
EMPTY = frozenset(("meta", "input", "br"))


class Page(HTMLParser):
    """Reads a page and refuses what is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.style = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs), tuple(self.open)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], tuple[str, ...]]]:
        return [(attrs, path) for name, attrs, path in self.tags if name == tag]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_field_is_labelled_and_nothing_is_fetched(name: str, language: Language) -> None:
    form = FORMS[name]
    filled = {"words": "</textarea><script>x</script>", "nps": '9" onclick="x'}
    with pytest.raises(AnswerFaulty) as faulty:
        read_answer(form, filled)
    for page in (
        Page(form_page(form, language, {}, {})),
        Page(form_page(form, language, filled, faulty.value.faults)),
        Page(notice_page("improving", language, "S20260520-0001")),
    ):
        tags = {tag for tag, _, _ in page.tags}
        assert not tags & {"script", "img", "link", "iframe", "object"}
        assert not [
            attrs
            for _, attrs, _ in page.tags
            if any(key.startswith("on") or key in ("src", "style") for key in attrs)
        ]
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in POLICY
        ((root, _),) = page.all("html")
        assert root["lang"] == ("zh-CN" if language == "zh" else "en")
        labelled = {attrs["for"] for attrs, _ in page.all("label") if "for" in attrs}
        ids = {attrs["id"] for _, attrs, _ in page.tags if "id" in attrs}
        for attrs, path in page.all("input"):
            assert path[-1] == "label"
            assert "fieldset" in path
            assert "required" in attrs
        for attrs, _ in page.all("textarea"):
            assert attrs["id"] in labelled
        assert len(page.all("fieldset")) == len(page.all("legend"))
        described = {
            each for _, attrs, _ in page.tags for each in (attrs.get("aria-describedby") or "").split()
        }
        assert len([each for each in described if each.endswith("_scale")]) == len(page.all("fieldset"))
        targets = {
            (attrs["href"] or "")[1:] for attrs, _ in page.all("a") if (attrs["href"] or "")[:1] == "#"
        }
        assert described | targets <= ids


def test_the_end_of_a_line_counts_once_as_in_the_browser() -> None:
    given = {"nps": "9", "words": "\r\n".join("词" * 2_000) + "\r\n"}
    assert len(read_answer(FORMS["nps"], given).words) == 3_999
    with pytest.raises(AnswerFaulty):
        read_answer(FORMS["nps"], given | {"words": "词" * 4_001})
