"""Composition root: the only place that wires adapters to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from guanxi_contracts.catalog import (
    CASE_CHANGED_TOPIC,
    CUSTOMER_MERGED_TOPIC,
    PRIVACY_ERASURE_TOPIC,
    SCORE_CHANGED_TOPIC,
    SURVEY_CHANGED_TOPIC,
    TASK_CHANGED_TOPIC,
    TOUCHPOINT_RESOLVED_TOPIC,
)
from guanxi_kit.app import Check, WorkerProcess, add_routes, create_app
from guanxi_kit.audit import AuditAnchors, audit_router, open_audit
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.consumer import Relay, Worker
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.dead_letters.api import DeadLettersState
from guanxi_kit.dead_letters.api import router as letters_router
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.jobs import JobRunner
from guanxi_kit.jobs import api as jobs_api
from guanxi_kit.log.factory import open_consumer, open_producer
from guanxi_kit.log.starting import start_patiently
from guanxi_kit.operating import operators_jobs
from guanxi_kit.outward import OutwardClient
from guanxi_kit.packs import Pack, load_pack
from guanxi_kit.sealing import KeyringUser
from guanxi_kit.sealing.api import open_keys
from guanxi_kit.sealing.api import router as keys_router
from guanxi_kit.settings import SettingsError
from notification_service.adapters.callbacks import SignedCallbacks
from notification_service.adapters.contacts import ProfileContacts
from notification_service.adapters.dispatch_loop import DispatchLoop
from notification_service.adapters.dispatch_unit import STREAM, dispatch_units
from notification_service.adapters.invitation_store import Links
from notification_service.adapters.mailbox import MailboxProvider
from notification_service.adapters.mime import Sender
from notification_service.adapters.notice_store import notice_stores
from notification_service.adapters.pack_journeys import (
    invitations_of,
    journeys_of,
    promoting_nothing,
    purposes_of,
)
from notification_service.adapters.sealed_columns import SEALED_COLUMNS
from notification_service.adapters.smtp import SmtpProvider, parse_smtp_url
from notification_service.adapters.staff_directory import StaffDirectory, read_directory
from notification_service.adapters.templates import LiquidRenderer
from notification_service.api import export, messages, uncertain
from notification_service.application.dispatch import Dispatcher, OpenUnit
from notification_service.application.notices import NoticeDispatcher, NoticeWays
from notification_service.application.ports import Contacts, EmailProvider, TemplateFailed
from notification_service.consumers import (
    case_changed,
    customer_merged,
    privacy_erasure,
    score_changed,
    survey_changed,
    task_changed,
    touchpoint_resolved,
)
from notification_service.domain.messages import RetryPolicy
from notification_service.settings import SERVICE, NotificationSettings

JOBS = "notification.jobs"
TOPICS = (
    PRIVACY_ERASURE_TOPIC.name,
    CASE_CHANGED_TOPIC.name,
    TASK_CHANGED_TOPIC.name,
    SCORE_CHANGED_TOPIC.name,
    SURVEY_CHANGED_TOPIC.name,
    TOUCHPOINT_RESOLVED_TOPIC.name,
    CUSTOMER_MERGED_TOPIC.name,
)
ADDRESS_INDEX = "notification.email"


def make_api(settings: NotificationSettings, clock: Clock | None = None) -> FastAPI:
    """Return the API application."""
    time = clock or SystemClock()
    keyring = Keyring.from_settings(settings)
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = await _open_database(settings)
        app.state.database = database
        app.state.jobs = jobs_api.JobsState(database, time)
        app.state.dead_letters = DeadLettersState(database, keyring, time, dict.fromkeys(TOPICS, SERVICE))
        app.state.uncertain = uncertain.UncertainDesk(database, time, settings.message_id_domain)
        checks.append(Check("database", database.ping))
        try:
            async with (
                open_keys(keyring, database, time, SEALED_COLUMNS, checks) as app.state.keys,
                open_audit(settings, database, keyring, time) as app.state.audit,
            ):
                yield
        finally:
            await database.close()

    app = create_app("Guanxi notification", settings, lifespan=lifespan, readiness=checks)
    app.state.verifier = TokenVerifier.from_settings(settings, clock)
    add_routes(
        app,
        messages.router,
        uncertain.router,
        export.router,
        jobs_api.router,
        letters_router,
        keys_router,
        audit_router(messages.fragments_of),
    )
    return app


@asynccontextmanager
async def make_worker(
    settings: NotificationSettings, clock: Clock | None = None
) -> AsyncIterator[WorkerProcess]:
    """Open what the worker needs and lend its parts: dispatch and jobs, then the consumer whose relay serves all."""
    clock = clock or SystemClock()
    pack = load_pack(settings.pack_dir, settings.pack)
    keyring = Keyring.from_settings(settings)
    directory = read_directory(settings.staff_file, allow_private=settings.allow_private_callbacks)
    async with AsyncExitStack() as opened:
        contacts = ProfileContacts(await opened.enter_async_context(_profile_client(settings)))
        database = await _open_database(settings)
        opened.push_async_callback(database.close)
        producer = open_producer(settings)
        await start_patiently(producer)
        opened.push_async_callback(producer.stop)
        relay = Relay(database, producer, streams=[STREAM, JOBS])
        dispatcher = _dispatcher(
            settings, dispatch_units(database, relay, clock), contacts, pack, keyring, clock=clock
        )
        loop = DispatchLoop(dispatcher, poll_seconds=settings.dispatch_poll_seconds)
        notices = DispatchLoop(
            _notices(settings, database, directory, pack, clock), poll_seconds=settings.dispatch_poll_seconds
        )
        subscriptions = [
            privacy_erasure.subscription(),
            touchpoint_resolved.subscription(journeys_of(pack)),
            customer_merged.subscription(),
            case_changed.subscription(directory),
            task_changed.subscription(directory),
            score_changed.subscription(pack, directory),
            survey_changed.subscription(invitations_of(pack)),
        ]
        worker = Worker(
            db=database,
            consumer=open_consumer(settings, SERVICE, TOPICS),
            relay=relay,
            subscriptions=subscriptions,
            clock=clock,
            keyring=keyring,
            batch=settings.notification_batch,
        )
        handlers = operators_jobs(database, keyring, SEALED_COLUMNS, subscriptions)
        jobs = JobRunner(database, relay, JOBS, handlers, clock)
        keys = KeyringUser(keyring, database, "worker", clock)
        anchors = AuditAnchors(database, keyring, clock, seconds=settings.audit_anchor_seconds)
        yield WorkerProcess(
            [keys, anchors, loop, notices, jobs, worker], [Check("database", database.ping), keys.readiness]
        )


def _dispatcher(
    settings: NotificationSettings,
    open_unit: OpenUnit,
    contacts: Contacts,
    pack: Pack,
    keyring: Keyring,
    *,
    clock: Clock,
) -> Dispatcher:
    return Dispatcher(
        open_unit=open_unit,
        contacts=contacts,
        purposes=purposes_of(pack),
        renderer=make_renderer(pack),
        provider=make_provider(settings, clock),
        hash_address=lambda address: keyring.blind(ADDRESS_INDEX, address.strip().lower()),
        policy=RetryPolicy(),
        clock=clock,
        batch=settings.dispatch_batch,
        lease=timedelta(seconds=settings.lease_seconds),
        promoting_nothing=promoting_nothing(pack),
        survey_link=Links(keyring, settings.survey_url).link,
    )


def _notices(
    settings: NotificationSettings, database: Database, directory: StaffDirectory, pack: Pack, clock: Clock
) -> NoticeDispatcher:
    ways = NoticeWays(
        directory=directory,
        renderer=make_renderer(pack),
        email=make_provider(settings, clock),
        callbacks=SignedCallbacks(OutwardClient(allow_private=settings.allow_private_callbacks), clock.now),
        case_url=settings.case_url,
        task_url=settings.task_url,
        customer_url=settings.customer_url,
    )
    return NoticeDispatcher(
        notice_stores(database),
        ways,
        RetryPolicy(),
        clock,
        batch=settings.dispatch_batch,
        lease=timedelta(seconds=settings.lease_seconds),
    )


def make_provider(settings: NotificationSettings, clock: Clock) -> EmailProvider:
    """Return the provider the settings name. Raises SettingsError when they name none."""
    sender = Sender(settings.mail_from, settings.message_id_domain, clock.now)
    if settings.smtp_url is None:
        if settings.mailbox_dir is None:
            raise SettingsError("GUANXI_SMTP_URL: is not set (nor is GUANXI_MAILBOX_DIR)")
        return MailboxProvider(settings.mailbox_dir, sender)
    try:
        server = parse_smtp_url(settings.smtp_url.get_secret_value())
    except ValueError as error:
        raise SettingsError(f"GUANXI_SMTP_URL: {error}") from None
    return SmtpProvider(server, sender, monotonic=clock.monotonic)


def make_renderer(pack: Pack) -> LiquidRenderer:
    """Return the renderer of the pack's templates. Raises SettingsError when one is not Liquid."""
    try:
        return LiquidRenderer(pack.templates, pack.default_locale)
    except TemplateFailed as error:
        raise SettingsError(f"pack {pack.name}, template {error}") from error


def _profile_client(settings: NotificationSettings) -> HttpClient:
    if settings.service_token is None:
        raise SettingsError("GUANXI_SERVICE_TOKEN: is not set")
    return make_client(settings.profile_url, token=settings.service_token.get_secret_value(), timeout=10.0)


async def _open_database(settings: NotificationSettings) -> Database:
    pool = await open_pool(
        settings.database_dsn(), max=settings.database_pool, application_name=f"{SERVICE}-{settings.role}"
    )
    return Database(pool)
