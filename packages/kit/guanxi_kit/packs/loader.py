"""Reads a pack's folder and checks it as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from guanxi_kit.packs.brief import BriefSettings, find_brief_problems
from guanxi_kit.packs.cases import CaseSettings, find_case_problems
from guanxi_kit.packs.channels import ReadyChannel
from guanxi_kit.packs.classification import Lifecycle, Segments, Tags, find_rule_problems
from guanxi_kit.packs.clocks import ClockSettings, find_clock_problems
from guanxi_kit.packs.events import EventSettings
from guanxi_kit.packs.identifiers import IdentifierSettings
from guanxi_kit.packs.journeys import Journey, Send
from guanxi_kit.packs.located_yaml import FieldPath, LocatedYaml
from guanxi_kit.packs.moments import Moments, find_moment_problems
from guanxi_kit.packs.needs import NeedSettings
from guanxi_kit.packs.pack import Pack, PackHead
from guanxi_kit.packs.problems import PackError, PackProblem
from guanxi_kit.packs.purposes import PurposeSettings
from guanxi_kit.packs.reading import Reading, name_of, read_document, validated
from guanxi_kit.packs.record import RecordSettings
from guanxi_kit.packs.scores import ScoreSettings
from guanxi_kit.packs.surveys import SurveySettings, find_survey_problems
from guanxi_kit.packs.tasks import TaskRules, find_task_problems
from guanxi_kit.packs.templates import parse_template

_FOLDERS = ("templates", "channels")
_CHANNEL_FILE = re.compile(r"([a-z][a-z0-9_]{0,63})\.yaml")
_CHANNEL = TypeAdapter(ReadyChannel)
_TEMPLATE_FILE = re.compile(r"([a-z][a-z0-9_]{0,63})\.([a-z]{2}(?:-[A-Z]{2})?)\.liquid")
_FILES: Mapping[str, TypeAdapter[Any]] = {
    "pack": TypeAdapter(PackHead),
    "identifiers": TypeAdapter(IdentifierSettings),
    "events": TypeAdapter(EventSettings),
    "scores": TypeAdapter(ScoreSettings),
    "journeys": TypeAdapter(tuple[Journey, ...]),
    "purposes": TypeAdapter(PurposeSettings),
    "tags": TypeAdapter(Tags),
    "segments": TypeAdapter(Segments),
    "lifecycle": TypeAdapter(Lifecycle),
    "record": TypeAdapter(RecordSettings),
    "clocks": TypeAdapter(ClockSettings),
    "cases": TypeAdapter(CaseSettings),
    "moments": TypeAdapter(Moments),
    "surveys": TypeAdapter(SurveySettings),
    "needs": TypeAdapter(NeedSettings),
    "tasks": TypeAdapter(TaskRules),
    "brief": TypeAdapter(BriefSettings),
}
# What holds where a pack has no such file; the others are required.
_OPTIONAL: Mapping[str, Any] = {
    "purposes": {},
    "tags": [],
    "segments": [],
    "lifecycle": {},
    "record": {},
    "clocks": {},
    "cases": {},
    "moments": [],
    "surveys": {},
    "needs": {},
    "tasks": [],
    "brief": {},
}
# Of files whose parts must fit together: what yields path and reason of what does not.
_CHECKED: Mapping[str, Callable[[Any], Iterator[tuple[FieldPath, str]]]] = {
    "clocks": find_clock_problems,
    "cases": find_case_problems,
    "moments": find_moment_problems,
    "surveys": find_survey_problems,
}


def load_pack(directory: Path, name: str) -> Pack:
    """Return the pack in `directory/name`. Raises PackError with every mistake: file, line, field, reason."""
    reading = Reading(directory / name)
    if not reading.folder.is_dir():
        raise PackError([PackProblem(reading.folder, 1, name, "is not a folder with a pack")])
    _refuse_unknown_files(reading)
    for stem in _FILES:
        _read_part(reading, stem)
    _read_templates(reading)
    _read_channels(reading)
    _check_references(reading, name)
    _check_rules(reading)
    _check_record(reading)
    _check_parts(reading)
    _check_tasks(reading)
    _check_brief(reading)
    if reading.problems:
        raise PackError(reading.problems)
    head: PackHead = reading.parts["pack"]
    parts = {stem: part for stem, part in reading.parts.items() if stem != "pack"}
    return Pack(
        name=head.name,
        labels=head.labels,
        default_locale=head.default_locale,
        templates=reading.templates,
        channels=reading.channels,
        **parts,
    )


def _refuse_unknown_files(reading: Reading) -> None:
    for path in sorted(reading.folder.iterdir()):
        known = path.name in _FOLDERS or (path.suffix == ".yaml" and path.stem in _FILES)
        if not known and path.suffix in {".yaml", ".yml", ".liquid", ""} and not path.name.startswith("."):
            reading.report(path, 1, path.name, "is no part of a pack")


def _read_part(reading: Reading, stem: str) -> None:
    file = reading.folder / f"{stem}.yaml"
    document: LocatedYaml | None = LocatedYaml(_OPTIONAL.get(stem), {})
    if file.exists():
        document = read_document(reading, file, stem)
    elif stem not in _OPTIONAL:
        return reading.report(file, 1, stem, "the file is missing")
    if document is None:
        return None
    reading.documents[stem] = document
    part = validated(reading, file, stem, document, _FILES[stem])
    if part is not None:
        reading.parts[stem] = part
    return None


def _read_templates(reading: Reading) -> None:
    folder = reading.folder / "templates"
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _TEMPLATE_FILE.fullmatch(file.name)
        if match is None:
            reading.report(file, 1, f"templates.{file.name}", "must be named like welcome.zh.liquid")
            continue
        try:
            text = file.read_text(encoding="utf-8")
            parse_template(text)
        except (OSError, ValueError) as error:
            reading.report(file, 1, f"templates.{match[1]}.{match[2]}", str(error))
        else:
            reading.templates.setdefault(match[1], {})[match[2]] = text


def _read_channels(reading: Reading) -> None:
    folder = reading.folder / "channels"
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _CHANNEL_FILE.fullmatch(file.name)
        if match is None:
            reading.report(file, 1, f"channels.{file.name}", "must be named like pos_sale.yaml")
            continue
        stem = f"channels.{match[1]}"
        document = read_document(reading, file, stem)
        found = None if document is None else validated(reading, file, stem, document, _CHANNEL)
        if found is not None:
            reading.channels[match[1]] = found


def _check_references(reading: Reading, name: str) -> None:
    head: PackHead | None = reading.parts.get("pack")
    if head is None:
        return
    if head.name != name:
        line = reading.documents["pack"].line_of(("name",))
        reading.report(reading.folder / "pack.yaml", line, "pack.name", f"must be {name!r}, as its folder")
    seen: set[str] = set()
    for place, journey in enumerate(reading.parts.get("journeys", ())):
        if journey.id in seen:
            _report_journey(reading, (place, "id"), f"{journey.id} is declared more than once")
        seen.add(journey.id)
        surveys: SurveySettings | None = reading.parts.get("surveys")
        if journey.trigger.form is not None and surveys and journey.trigger.form not in surveys.forms:
            path: FieldPath = (place, "trigger", "form")
            _report_journey(reading, path, f"there is no form {journey.trigger.form!r}")
        for step, declared in enumerate(journey.steps):
            locales = reading.templates.get(declared.send.template)
            path = (place, "steps", step, "send", "template")
            if locales is None:
                _report_journey(reading, path, f"there is no template {declared.send.template!r}")
            elif head.default_locale not in locales:
                file = f"templates/{declared.send.template}.{head.default_locale}.liquid"
                _report_journey(reading, path, f"lacks the default locale: {file}")
            if fault := _purpose_fault(declared.send, reading.parts.get("purposes")):
                _report_journey(reading, (place, "steps", step, "send", "purpose"), fault)


def _purpose_fault(send: Send, purposes: PurposeSettings | None) -> str | None:
    """Say why nobody could be asked whether a message is welcome; a pack without purposes asks nobody."""
    if purposes is None or not purposes.root:
        return None
    if send.purpose is None:
        return "must say what the message is for: " + ", ".join(purposes.root)
    if send.purpose not in purposes.root:
        return f"there is no purpose {send.purpose!r}"
    if purposes.channel_of(send.purpose, send.channel) is None:
        return f"{send.purpose} has no channel {send.channel!r}"
    return None


def _check_rules(reading: Reading) -> None:
    parts = reading.parts
    record: RecordSettings | None = parts.get("record")
    traits = record.told if record else ()
    found = find_rule_problems(
        parts.get("tags", ()), parts.get("segments", ()), parts.get("lifecycle", Lifecycle()), traits
    )
    for stem, path, reason in found:
        line = reading.documents[stem].line_of(path)
        reading.report(reading.folder / f"{stem}.yaml", line, name_of(stem, path), reason)


def _check_record(reading: Reading) -> None:
    record: RecordSettings | None = reading.parts.get("record")
    identifiers: IdentifierSettings | None = reading.parts.get("identifiers")
    purposes: PurposeSettings | None = reading.parts.get("purposes")
    if record is None or identifiers is None or purposes is None:
        return

    def report(path: FieldPath, reason: str) -> None:
        line = reading.documents["record"].line_of(path)
        reading.report(reading.folder / "record.yaml", line, name_of("record", path), reason)

    for name, declared in record.fields.items():
        if declared.identifier is not None and declared.identifier not in identifiers.types:
            report(("fields", name, "identifier"), f"there is no identifier type {declared.identifier!r}")
        for place, purpose in enumerate(declared.purposes):
            if purposes.root and purpose not in purposes.root:
                report(("fields", name, "purposes", place), f"there is no purpose {purpose!r}")


def _check_parts(reading: Reading) -> None:
    for stem, find_problems in _CHECKED.items():
        part = reading.parts.get(stem)
        for path, reason in find_problems(part) if part else ():
            _report(reading, stem, path, reason)


def _check_tasks(reading: Reading) -> None:
    clocks: ClockSettings | None = reading.parts.get("clocks")
    for path, reason in find_task_problems(reading.parts.get("tasks", ()), clocks) if clocks else ():
        _report(reading, "tasks", path, reason)


def _check_brief(reading: Reading) -> None:
    brief: BriefSettings | None = reading.parts.get("brief")
    record: RecordSettings | None = reading.parts.get("record")
    for path, reason in find_brief_problems(brief, record.told) if brief and record else ():
        _report(reading, "brief", path, reason)


def _report(reading: Reading, stem: str, path: FieldPath, reason: str) -> None:
    line = reading.documents[stem].line_of(path)
    reading.report(reading.folder / f"{stem}.yaml", line, name_of(stem, path), reason)


def _report_journey(reading: Reading, path: FieldPath, reason: str) -> None:
    line = reading.documents["journeys"].line_of(path)
    reading.report(reading.folder / "journeys.yaml", line, name_of("journeys", path), reason)
