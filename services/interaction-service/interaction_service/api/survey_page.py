"""The page of a survey, for customers: plain HTML that works without script, on small screens and read aloud."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Literal, NamedTuple

from guanxi_kit.packs import Form
from guanxi_kit.packs.model import Labels
from guanxi_kit.pages import policy_of
from interaction_service.application.survey_answers import LONGEST_WORDS, NPS, WORDS, Fault, field_of
from interaction_service.domain.surveys import LEAST, MOST, MOST_NPS

Language = Literal["zh", "en"]
Notice = Literal["thanks", "improving", "answered", "over", "unknown"]

_STYLE = """
body{margin:0;font:1.05rem/1.6 system-ui,sans-serif;color:#1a1a1a;background:#fff}
main{max-width:40rem;margin:0 auto;padding:1rem}
fieldset{border:1px solid #767676;border-radius:.5rem;margin:0 0 1.2rem;padding:.6rem}
legend,.ask{font-weight:600}
.scale{display:flex;flex-wrap:wrap;gap:.4rem}
.scale label{display:inline-flex;align-items:center;gap:.3rem;min-height:2.8rem;min-width:2.8rem;padding:0 .3rem}
input[type=radio]{width:1.3rem;height:1.3rem;margin:0}
textarea{width:100%;box-sizing:border-box;font:inherit;padding:.5rem}
button{font:inherit;padding:.7rem 2rem;background:#0b57d0;color:#fff;border:0;border-radius:.5rem}
:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}
.fault{color:#a50e0e}
span.fault{display:block}
nav{text-align:right}
"""
POLICY = policy_of(_STYLE)
"""The content security policy of these pages."""

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "lang": "zh-CN",
        "other": "English",
        "low": "很不满意",
        "high": "非常满意",
        "unlikely": "完全不可能",
        "likely": "非常可能",
        "optional": "选填",
        "send": "提交",
        "faulty": "请补充以下内容：",
        "missing": "请选择一项",
        "wrong": "请从给出的选项中选择",
        "too_long": f"请不要超过 {LONGEST_WORDS} 字",
        "thanks": "感谢您的回答！",
        "thanks.text": "您的意见已经收到。",
        "improving": "感谢您的回答！",
        "improving.text": "很抱歉没有让您满意。我们已为此立项改进，编号 {number}，并会把进展告诉您。",
        "answered": "您已经回答过了，谢谢！",
        "answered.text": "每份调查只需回答一次，您之前的回答已经收到。",
        "over": "这份调查已经结束",
        "over.text": "感谢您的关注。如有任何意见，欢迎随时联系我们。",
        "unknown": "链接无效",
        "unknown.text": "请检查链接是否完整。",
    },
    "en": {
        "lang": "en",
        "other": "中文",
        "low": "very dissatisfied",
        "high": "very satisfied",
        "unlikely": "not at all likely",
        "likely": "extremely likely",
        "optional": "optional",
        "send": "Send",
        "faulty": "Please complete the following:",
        "missing": "Please choose one",
        "wrong": "Please choose one of those given",
        "too_long": f"Please write {LONGEST_WORDS} characters at most",
        "thanks": "Thank you for your answer!",
        "thanks.text": "We have received it.",
        "improving": "Thank you for your answer!",
        "improving.text": "We are sorry that you are not satisfied. We work on it under the number {number}, and will"
        " tell you how it goes.",
        "answered": "You have answered already, thank you!",
        "answered.text": "One answer is all we need, and we have received yours.",
        "over": "This survey is over",
        "over.text": "Thank you for your interest. If there is anything you want to tell us, do contact us.",
        "unknown": "This link does not work",
        "unknown.text": "Please check whether it is complete.",
    },
}


class _Filled(NamedTuple):
    """What the customer filled in so far, what is wrong with it, and in which words to tell."""

    given: Mapping[str, str]
    faults: Mapping[str, Fault]
    words: Mapping[str, str]


def form_page(form: Form, language: Language, given: Mapping[str, str], faults: Mapping[str, Fault]) -> str:
    """Return the page with the questions; with `faults` it says what is missing and keeps what was `given`."""
    words = _WORDS[language]
    filled = _Filled(given, faults, words)
    asked = [
        _scale(field_of(name), _in(one.labels, language), range(LEAST, MOST + 1), filled)
        for name, one in form.dimensions.items()
    ]
    if form.nps is not None:
        asked.append(_scale(NPS, _in(form.nps, language), range(MOST_NPS + 1), filled))
    named = {field_of(name): _in(one.labels, language) for name, one in form.dimensions.items()}
    named |= {WORDS: _in(form.words, language), NPS: _in(form.nps, language) if form.nps else ""}
    title = _in(form.labels, language)
    body = (
        f"<h1>{escape(title)}</h1>{_summary(filled, named)}"
        f'<form method="post">{"".join(asked)}{_free_text(named[WORDS], filled)}'
        f'<p><button type="submit">{words["send"]}</button></p></form>'
    )
    return _page(title, body, language)


def notice_page(notice: Notice, language: Language, number: str = "") -> str:
    """Return a page that tells the customer something; `number` is that of the improvement."""
    words = _WORDS[language]
    text = words[f"{notice}.text"].format(number=number)
    return _page(words[notice], f"<h1>{words[notice]}</h1><p>{escape(text)}</p>", language)


def _page(title: str, body: str, language: Language) -> str:
    words, other = _WORDS[language], "en" if language == "zh" else "zh"
    switch = f'<a href="?lang={other}" lang="{other}" hreflang="{other}">{words["other"]}</a>'
    return (
        f'<!doctype html><html lang="{words["lang"]}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main><nav>{switch}</nav>{body}</main></body></html>"
    )


def _summary(filled: _Filled, named: Mapping[str, str]) -> str:
    if not filled.faults:
        return ""
    items = "".join(f'<li><a href="#{field}">{escape(named[field])}</a></li>' for field in filled.faults)
    return f'<div role="alert" class="fault"><p>{filled.words["faulty"]}</p><ul>{items}</ul></div>'


def _scale(field: str, label: str, numbers: range, filled: _Filled) -> str:
    words = filled.words
    low, high = (words["unlikely"], words["likely"]) if field == NPS else (words["low"], words["high"])
    fault = _fault(field, filled)
    described = f"{field}_scale {field}_fault" if fault else f"{field}_scale"
    radios = "".join(
        f'<label><input type="radio" name="{field}" value="{number}" required'
        f"{' checked' if filled.given.get(field) == str(number) else ''}>{number}</label>"
        for number in numbers
    )
    return (
        f'<fieldset id="{field}" aria-describedby="{described}"><legend>{escape(label)}</legend>{fault}'
        f'<small id="{field}_scale">{numbers[0]} = {low}, {numbers[-1]} = {high}</small>'
        f'<div class="scale">{radios}</div></fieldset>'
    )


def _free_text(label: str, filled: _Filled) -> str:
    fault = _fault(WORDS, filled)
    described = f' aria-describedby="{WORDS}_fault"' if fault else ""
    return (
        f'<p><label class="ask" for="{WORDS}">{escape(label)}</label> <small>({filled.words["optional"]})</small>'
        f'{fault}<textarea id="{WORDS}" name="{WORDS}" rows="5" maxlength="{LONGEST_WORDS}"{described}>'
        f"\n{escape(filled.given.get(WORDS, ''))}</textarea></p>"
    )


def _fault(field: str, filled: _Filled) -> str:
    if field not in filled.faults:
        return ""
    return f'<span id="{field}_fault" class="fault">{filled.words[filled.faults[field]]}</span>'


def _in(labels: Labels, language: Language) -> str:
    return labels.zh if language == "zh" else labels.en
