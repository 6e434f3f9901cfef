"""Composition root: the only place that wires adapters to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from guanxi_contracts.catalog import (
    CASE_CHANGED_TOPIC,
    CUSTOMER_MERGED_TOPIC,
    PRIVACY_ERASURE_TOPIC,
    TOUCHPOINT_RESOLVED_TOPIC,
)
from guanxi_kit.app import Check, WorkerProcess, add_routes, create_app
from guanxi_kit.audit import AuditAnchors, open_audit
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.consumer import Relay, Unit, Worker
from guanxi_kit.crypto import Keyring
from guanxi_kit.dead_letters.api import DeadLettersState
from guanxi_kit.jobs import JobHandler, JobRunner
from guanxi_kit.jobs.api import JobsState
from guanxi_kit.log.factory import open_consumer, open_producer
from guanxi_kit.log.port import Consumer, Producer
from guanxi_kit.log.starting import start_patiently
from guanxi_kit.operating import operators_jobs
from guanxi_kit.packs import Pack, load_pack
from guanxi_kit.sealing import KeyringUser
from guanxi_kit.sealing.api import open_keys
from guanxi_kit.timers import TimerHandler, TimerLoop
from guanxi_kit.timers.api import TimersState
from interaction_service.adapters import erase_timeline, index_timeline
from interaction_service.adapters.case_channels import ChannelCases
from interaction_service.adapters.case_links import CaseLinks
from interaction_service.adapters.case_store import TIMER as CASE_CLOCK
from interaction_service.adapters.case_work import CaseWork
from interaction_service.adapters.channels import ChannelDirectory
from interaction_service.adapters.clock_review import ClockReview
from interaction_service.adapters.contact_counts import ContactCounts
from interaction_service.adapters.event_names import NameFlush
from interaction_service.adapters.holiday_watch import HolidayWatch
from interaction_service.adapters.hook_directory import HookDirectory
from interaction_service.adapters.imports import job as import_job
from interaction_service.adapters.imports.sweeping import ImportSweeper
from interaction_service.adapters.mail.making import make_watch
from interaction_service.adapters.pack_case_rules import PackCaseRules
from interaction_service.adapters.pack_task_rules import PackTaskRules
from interaction_service.adapters.pack_teams import PackTeams
from interaction_service.adapters.person_exports import person_exports
from interaction_service.adapters.refusals import PostgresRefusals, RefusalSweep
from interaction_service.adapters.sealed_columns import SEALED_COLUMNS
from interaction_service.adapters.survey_store import TIMER as SURVEY
from interaction_service.adapters.survey_work import SurveyWork
from interaction_service.adapters.tallies import zone_of
from interaction_service.adapters.task_store import OVERDUE, REMINDER
from interaction_service.adapters.task_work import TaskWork
from interaction_service.adapters.timeline import MonthlyPartitions, PostgresTimelines, PostgresTimelineWriter
from interaction_service.adapters.touchpoint_log import EventLog
from interaction_service.adapters.working_calendars import make_calendars
from interaction_service.api.admission import Admission
from interaction_service.api.cases import CasesState
from interaction_service.api.channels import ChannelDesk
from interaction_service.api.commands import COMMANDS, Commands
from interaction_service.api.hooks import HookDoor, HookLane
from interaction_service.api.import_state import make_import_state
from interaction_service.api.ingest import Ingest, IngestLane
from interaction_service.api.ingest_openapi import describe_ingest
from interaction_service.api.needs import NeedsState
from interaction_service.api.refusals import RefusalDesk
from interaction_service.api.reports import ReportsState
from interaction_service.api.routers import all_routers
from interaction_service.api.surveys import SurveysState
from interaction_service.api.task_state import TasksState
from interaction_service.application.deadlines import Deadlines
from interaction_service.application.event_names import EventNames
from interaction_service.application.making import (
    make_identification,
    make_intake,
    make_noticing,
    make_read_timeline,
    make_staff_edits,
)
from interaction_service.application.recording import Recording
from interaction_service.application.refusals import Refusals
from interaction_service.application.replaying import Replay
from interaction_service.consumers import case_changed, customer_merged, privacy_erasure, touchpoint_resolved
from interaction_service.database import PLANNED_EACH_TIME, PLANNED_ONCE, open_database
from interaction_service.settings import SERVICE, InteractionSettings

JOBS = "interaction.jobs"
TIMERS = "interaction.timers"
READ_SECONDS = 20.0
"""How long the body of an ingest request may take to arrive."""
TOPICS = (
    PRIVACY_ERASURE_TOPIC.name,
    TOUCHPOINT_RESOLVED_TOPIC.name,
    CUSTOMER_MERGED_TOPIC.name,
    CASE_CHANGED_TOPIC.name,
)


def make_case_work(keyring: Keyring, pack: Pack) -> CaseWork:
    """Return what case desks are made of, by a pack's promises."""
    rules = PackCaseRules(pack.clocks, make_calendars(pack.clocks), pack.cases)
    return CaseWork(keyring, rules, SurveyWork(keyring, pack.surveys, zone_of(pack.clocks)))


def make_task_work(keyring: Keyring, pack: Pack) -> TaskWork:
    """Return what desks of tasks and contacts are made of, by a pack's teams."""
    return TaskWork(keyring, PackTeams(pack.clocks))


def make_api(
    settings: InteractionSettings,
    clock: Clock | None = None,
    producer: Callable[[InteractionSettings], Producer] = open_producer,
) -> FastAPI:
    """Return the API application."""
    time = clock or SystemClock()
    pack = load_pack(settings.pack_dir, settings.pack)
    keyring = Keyring.from_settings(settings)
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database, pages = [
            await open_database(settings, **plans) for plans in (PLANNED_EACH_TIME, PLANNED_ONCE)
        ]
        log = producer(settings)
        await start_patiently(log)
        channels = ChannelDirectory(database, time)
        touchpoints = EventLog(log, timeout=settings.append_seconds)
        names = EventNames(time)
        intake = make_intake(touchpoints, keyring, pack, settings.default_region, time, names=names)
        hooks = HookDirectory(database, keyring, time)
        app.state.ingest = Ingest(
            intake,
            channels,
            Refusals(
                PostgresRefusals(database),
                keyring,
                make_identification(keyring, pack, settings.default_region),
                time,
            ),
            Admission(requests=settings.ingest_requests, bytes_held=settings.ingest_bytes),
            Deadlines(READ_SECONDS),
        )
        app.state.imports = make_import_state(settings, pack, database=database, keyring=keyring, clock=time)
        app.state.hooks = HookDoor(app.state.ingest, hooks, time)
        ready, private = dict(pack.channels), settings.allow_private_mailboxes
        app.state.channels = ChannelDesk(database, keyring, time, hooks, intake, ready, private)
        app.state.refusals = RefusalDesk(database, keyring, time, Replay(intake, hooks))
        app.state.staff_edits = make_staff_edits(touchpoints, keyring, pack, settings.default_region, time)
        app.state.timelines = PostgresTimelines(database, pages)
        app.state.timeline = make_read_timeline(app.state.timelines, keyring, pack)
        app.state.moment_labels = {moment.name: moment.labels for moment in pack.moments}
        app.state.jobs, app.state.timers = JobsState(database, time), TimersState(database, time)
        app.state.dead_letters = DeadLettersState(database, keyring, time, dict.fromkeys(TOPICS, SERVICE))
        relay = Relay(database, log, streams=[COMMANDS, JOBS])
        await relay.start()
        commands, case_work = Commands(database, relay, time), make_case_work(keyring, pack)
        app.state.cases = CasesState(commands, case_work)
        app.state.tasks = TasksState(commands, make_task_work(keyring, pack))
        app.state.needs = NeedsState(commands, keyring, pack.needs, case_work.surveys.zone)
        app.state.reports = ReportsState(database, time, pack, case_work.surveys.zone)
        app.state.surveys = SurveysState(commands, case_work.surveys, case_work)
        app.state.exports = person_exports(database, keyring)
        # Not the database itself: ingest goes on without it, and a timeline request says by itself that it cannot.
        checks.append(Check("channels", channels.check))
        try:
            async with (
                open_keys(keyring, database, time, SEALED_COLUMNS, checks) as app.state.keys,
                open_audit(settings, database, keyring, time) as app.state.audit,
                NameFlush(database, names),
            ):
                yield
        finally:
            await relay.stop()
            await log.stop()
            await pages.close()
            await database.close()

    app = create_app(
        "Guanxi interaction",
        settings,
        lifespan=lifespan,
        readiness=checks,
        body_limits={"/v1/imports": settings.import_max_bytes},
    )
    app.state.verifier = TokenVerifier.from_settings(settings, time)
    add_routes(app, *all_routers())
    # Inside the edge, which counts and answers problems, but before routing and the framework's other layers.
    app.user_middleware += [Middleware(IngestLane), Middleware(HookLane)]
    describe_ingest(app)
    return app


@asynccontextmanager
async def make_worker(
    settings: InteractionSettings,
    clock: Clock | None = None,
    producer: Callable[[InteractionSettings], Producer] = open_producer,
    consumer: Callable[[InteractionSettings], Consumer] | None = None,
) -> AsyncIterator[WorkerProcess]:
    """Open what the worker needs and lend its parts: the jobs, then the consumer whose relay serves both."""
    time = clock or SystemClock()
    database = await open_database(settings)
    log = producer(settings)
    await start_patiently(log)
    keyring = Keyring.from_settings(settings)
    pack = load_pack(settings.pack_dir, settings.pack)
    noticing = make_noticing(keyring, pack)
    recording = Recording(MonthlyPartitions(database), noticing)
    touchpoints = EventLog(log, timeout=settings.append_seconds)
    import_rows = import_job.ImportRows(
        database, keyring, touchpoints, time, pack=pack, region=settings.default_region
    )
    calendars = make_calendars(pack.clocks)
    case_work = make_case_work(keyring, pack)
    task_work = make_task_work(keyring, pack)
    task_rules = PackTaskRules(task_work, pack, calendars)
    contacts = ContactCounts(keyring, case_work.surveys.zone)
    follow_ups = [
        ChannelCases(case_work, pack.cases).open,
        case_work.surveys.plan,
        task_rules.of_touchpoints,
        contacts.count,
    ]
    relay = Relay(database, log, streams=[JOBS, COMMANDS, TIMERS])
    subscriptions = [
        privacy_erasure.subscription(),
        touchpoint_resolved.subscription(recording, _writer, follow_ups),
        customer_merged.subscription(recording, _writer, CaseLinks(case_work).part),
        case_changed.subscription(task_rules.of_cases),
    ]
    worker = Worker(
        db=database,
        consumer=consumer(settings) if consumer else open_consumer(settings, SERVICE, TOPICS),
        relay=relay,
        subscriptions=subscriptions,
        clock=time,
        keyring=keyring,
        batch=settings.timeline_batch,
    )
    handlers: dict[str, JobHandler] = {
        erase_timeline.KIND: erase_timeline.EraseTimeline(keyring),
        index_timeline.KIND: index_timeline.IndexTimeline(database, noticing),
        import_job.KIND: import_rows,
        **operators_jobs(database, keyring, SEALED_COLUMNS, subscriptions),
    }
    jobs = JobRunner(database, relay, JOBS, handlers, time, rests={import_job.KIND: import_job.REST})
    due: dict[str, TimerHandler] = {
        CASE_CLOCK: case_work,
        SURVEY: case_work.surveys,
        REMINDER: task_work,
        OVERDUE: task_work,
    }
    timers = TimerLoop(database, relay, TIMERS, due, time)
    keys = KeyringUser(keyring, database, "worker", time)
    anchors = AuditAnchors(database, keyring, time, seconds=settings.audit_anchor_seconds)
    mail = make_watch(settings, pack, database=database, log=touchpoints, keyring=keyring, clock=time)
    sweeper = ImportSweeper(database, time)
    try:
        holidays = HolidayWatch(calendars, time)
        clocks = ClockReview(database, relay, TIMERS, case_work, time)
        yield WorkerProcess(
            [
                keys,
                anchors,
                RefusalSweep(database, time),
                holidays,
                sweeper,
                mail,
                clocks,
                timers,
                jobs,
                worker,
            ],
            [Check("database", database.ping), keys.readiness],
        )
    finally:
        await import_rows.close()
        await log.stop()
        await database.close()


def _writer(unit: Unit) -> PostgresTimelineWriter:
    return PostgresTimelineWriter(unit.connection)
