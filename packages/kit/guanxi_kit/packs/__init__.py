"""Industry packs: reviewed configuration files, checked as a whole when they are loaded."""

from guanxi_kit.packs.brief import BriefSettings, Offer
from guanxi_kit.packs.calendars import WorkingTimes
from guanxi_kit.packs.cases import CaseSettings, Cause, OpeningEvent
from guanxi_kit.packs.clocks import ClockName, ClockSettings, Promise, Rung, Team
from guanxi_kit.packs.events import EventSettings, PurchaseEvent
from guanxi_kit.packs.identifiers import IdentifierSettings, IdentifierType, MergeRate
from guanxi_kit.packs.journeys import Journey, Send, Step, Trigger
from guanxi_kit.packs.loader import load_pack
from guanxi_kit.packs.model import Labels
from guanxi_kit.packs.moments import Moment
from guanxi_kit.packs.needs import NeedSettings
from guanxi_kit.packs.pack import Pack
from guanxi_kit.packs.problems import PackError, PackProblem
from guanxi_kit.packs.purposes import Purpose, PurposeSettings
from guanxi_kit.packs.record import RecordField, RecordSettings
from guanxi_kit.packs.scores import RfmSettings, ScoreSettings, Tier, TierRule
from guanxi_kit.packs.surveys import AfterCase, AfterEvent, Dimension, Form, SurveySettings
from guanxi_kit.packs.tasks import TaskRule
from guanxi_kit.packs.templates import Template, parse_template

__all__ = [
    "AfterCase",
    "AfterEvent",
    "BriefSettings",
    "CaseSettings",
    "Cause",
    "ClockName",
    "ClockSettings",
    "Dimension",
    "EventSettings",
    "Form",
    "IdentifierSettings",
    "IdentifierType",
    "Journey",
    "Labels",
    "MergeRate",
    "Moment",
    "NeedSettings",
    "Offer",
    "OpeningEvent",
    "Pack",
    "PackError",
    "PackProblem",
    "Promise",
    "PurchaseEvent",
    "Purpose",
    "PurposeSettings",
    "RecordField",
    "RecordSettings",
    "RfmSettings",
    "Rung",
    "ScoreSettings",
    "Send",
    "Step",
    "SurveySettings",
    "TaskRule",
    "Team",
    "Template",
    "Tier",
    "TierRule",
    "Trigger",
    "WorkingTimes",
    "load_pack",
    "parse_template",
]
