"""What takes messages, edits and rows in, made for a pack."""

from __future__ import annotations

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.fields import FieldRules
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.packs import Pack
from interaction_service.application.event_names import EventNames
from interaction_service.application.event_rules import EventRules
from interaction_service.application.identification import REMEMBERED, REMEMBERED_OF_FILES, Identification
from interaction_service.application.imports.prepare_rows import PrepareRows
from interaction_service.application.intake import Intake
from interaction_service.application.key_moments import KeyMoments
from interaction_service.application.noticing import Noticing
from interaction_service.application.ports import MomentNames, Timelines, TouchpointLog
from interaction_service.application.preparation import Preparation
from interaction_service.application.purchasing import Purchasing
from interaction_service.application.staff_edits import StaffEdits
from interaction_service.application.text_index import TextIndex
from interaction_service.application.timeline import ReadTimeline


def make_intake(
    log: TouchpointLog,
    keyring: Keyring,
    pack: Pack,
    region: str,
    clock: Clock,
    *,
    names: EventNames | None = None,
) -> Intake:
    """Return the intake for a pack; `region` reads local phone numbers, `names` counts unknown events."""
    return Intake(
        log=log,
        preparation=_preparation(keyring, pack, make_identification(keyring, pack, region)),
        names=EventNames(clock) if names is None else names,
        clock=clock,
    )


def make_staff_edits(
    log: TouchpointLog, keyring: Keyring, pack: Pack, region: str, clock: Clock
) -> StaffEdits:
    """Return what takes in the edits of staff; `region` reads local phone numbers."""
    return StaffEdits(
        log=log,
        keyring=keyring,
        identification=make_identification(keyring, pack, region),
        fields=FieldRules(pack.record, region),
        clock=clock,
    )


def make_prepare_rows(keyring: Keyring, pack: Pack, region: str) -> PrepareRows:
    """Return what makes touchpoints of rows of files; `region` reads local phone numbers."""
    identification = make_identification(keyring, pack, region, remembered=REMEMBERED_OF_FILES)
    return PrepareRows(_preparation(keyring, pack, identification), identification, keyring)


def _preparation(keyring: Keyring, pack: Pack, identification: Identification) -> Preparation:
    return Preparation(
        keyring=keyring,
        identification=identification,
        purchasing=Purchasing(pack.events),
        events=EventRules(pack.events),
    )


def make_noticing(keyring: Keyring, pack: Pack) -> Noticing:
    """Return what looks into touchpoints for the indexes of the timeline."""
    return Noticing(keyring, TextIndex(keyring, pack.events.searchable), KeyMoments(pack.moments))


def make_read_timeline(timelines: Timelines, keyring: Keyring, pack: Pack) -> ReadTimeline:
    """Return what reads timelines with the moments of a pack, and masks what it declares to be personal."""
    names = MomentNames(
        [moment.name for moment in pack.moments], [moment.name for moment in pack.moments if moment.first]
    )
    texts = TextIndex(keyring, pack.events.searchable)
    return ReadTimeline(timelines, keyring, texts, names, pack.record.masked)


def make_identification(
    keyring: Keyring, pack: Pack, region: str, *, remembered: int = REMEMBERED
) -> Identification:
    """Return what finds identifiers by a pack's rules."""
    return Identification(
        IdentifierRules(pack.identifiers, region),
        pack.identifiers.rank,
        keyring,
        enterprises=pack.record.has_enterprises,
        remembered=remembered,
    )
