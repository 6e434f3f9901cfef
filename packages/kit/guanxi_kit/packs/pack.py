"""An industry pack as its files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from guanxi_kit.packs.brief import BriefSettings
from guanxi_kit.packs.cases import CaseSettings
from guanxi_kit.packs.channels import ReadyChannel
from guanxi_kit.packs.classification import Lifecycle, Segment, Tag
from guanxi_kit.packs.clocks import ClockSettings
from guanxi_kit.packs.events import EventSettings
from guanxi_kit.packs.identifiers import IdentifierSettings
from guanxi_kit.packs.journeys import Journey
from guanxi_kit.packs.model import Labels, Locale, PackModel, Slug
from guanxi_kit.packs.moments import Moment
from guanxi_kit.packs.needs import NeedSettings
from guanxi_kit.packs.purposes import PurposeSettings
from guanxi_kit.packs.record import RecordSettings
from guanxi_kit.packs.scores import ScoreSettings
from guanxi_kit.packs.surveys import SurveySettings
from guanxi_kit.packs.tasks import TaskRule


class PackHead(PackModel):
    """Pack file `pack.yaml`: who the pack is."""

    name: Slug
    labels: Labels
    default_locale: Locale


@dataclass(frozen=True)
class Pack:
    """A checked industry pack.

    `templates` maps template name to locale to the file's text, `channels` the name of a ready-made channel to it.
    """

    name: str
    labels: Labels
    default_locale: str
    identifiers: IdentifierSettings
    events: EventSettings
    scores: ScoreSettings
    journeys: tuple[Journey, ...]
    purposes: PurposeSettings
    tags: tuple[Tag, ...]
    segments: tuple[Segment, ...]
    lifecycle: Lifecycle
    record: RecordSettings
    clocks: ClockSettings
    cases: CaseSettings
    moments: tuple[Moment, ...]
    surveys: SurveySettings
    needs: NeedSettings
    tasks: tuple[TaskRule, ...]
    brief: BriefSettings
    templates: Mapping[str, Mapping[str, str]]
    channels: Mapping[str, ReadyChannel]
