"""Liquid templates of a pack, rendered strictly and within limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from liquid import BoundTemplate, Environment, FalsyStrictUndefined
from liquid.exceptions import LiquidError

from guanxi_kit.packs import parse_template
from notification_service.application.ports import Content, TemplateFailed


class _Limited(Environment):
    """Enough for a letter, too little to hurt."""

    context_depth_limit: ClassVar[int] = 10
    loop_iteration_limit: ClassVar[int | None] = 1_000
    local_namespace_limit: ClassVar[int | None] = 100_000
    output_stream_limit: ClassVar[int | None] = 100_000


class LiquidRenderer:
    """Renders templates by name in the customer's language.

    A template must say what holds when a trait is missing (`default`, `if`): printing a missing one is an error.
    """

    def __init__(self, templates: Mapping[str, Mapping[str, str]], default_locale: str) -> None:
        """Parse every template. Raises TemplateFailed naming the one that is not Liquid."""
        environment = _Limited(undefined=FalsyStrictUndefined, strict_filters=True)
        self._default_locale = default_locale
        self._templates = {
            name: {locale: _parse(environment, f"{name}.{locale}", text) for locale, text in locales.items()}
            for name, locales in templates.items()
        }

    def render(self, template: str, traits: Mapping[str, Any], survey_link: str | None = None) -> Content:
        """Return subject and body. Raises TemplateFailed with a code that holds no personal data."""
        known: dict[str, Any] = {"traits": traits}
        if survey_link is not None:
            known["survey"] = {"link": survey_link}
        return self._render(template, traits.get("locale"), known)

    def render_notice(self, template: str, locale: str, notice: Mapping[str, str]) -> Content:
        """Return subject and body of a notice to staff. Raises TemplateFailed."""
        return self._render(template, locale, {"notice": notice})

    def _render(self, template: str, wanted: object, known: Mapping[str, Any]) -> Content:
        locales = self._templates.get(template)
        if locales is None:
            raise TemplateFailed("unknown_template")
        subject, body = locales[self._locale(locales, wanted)]
        try:
            return Content(subject.render(known), body.render(known))
        except LiquidError as error:
            raise TemplateFailed(type(error).__name__) from None

    def _locale(self, locales: Mapping[str, object], wanted: object) -> str:
        """The language asked for, else its main language (`zh-Hant` -> `zh`), else the pack's default."""
        asked = wanted.replace("_", "-") if isinstance(wanted, str) else ""
        return next(
            (one for one in (asked, asked.split("-")[0].lower()) if one in locales), self._default_locale
        )


def _parse(environment: Environment, name: str, text: str) -> tuple[BoundTemplate, BoundTemplate]:
    parts = parse_template(text)
    try:
        return environment.from_string(parts.subject), environment.from_string(parts.body)
    except LiquidError as error:
        raise TemplateFailed(f"{name}: {error.message}") from error
