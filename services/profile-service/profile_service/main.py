"""Composition root: the only place that wires adapters to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from guanxi_contracts.catalog import (
    CASE_CHANGED_TOPIC,
    CUSTOMER_CHANGED_TOPIC,
    PRIVACY_ERASURE_TOPIC,
    PRIVACY_RECEIPT_TOPIC,
    SCORE_CHANGED_TOPIC,
    SURVEY_CHANGED_TOPIC,
    TASK_CHANGED_TOPIC,
    TOUCHPOINT_RECEIVED_TOPIC,
)
from guanxi_kit.app import Check, WorkerProcess, add_routes, create_app
from guanxi_kit.audit import AuditAnchors, audit_router, open_audit
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.consumer import Relay, Worker
from guanxi_kit.consumer.publishing import publishing
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.dead_letters.api import DeadLettersState
from guanxi_kit.dead_letters.api import router as letters_router
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.jobs import JobHandler, JobRunner
from guanxi_kit.jobs import api as jobs_api
from guanxi_kit.log.factory import open_admin, open_consumer, open_producer, open_reader
from guanxi_kit.log.starting import start_patiently
from guanxi_kit.operating import operators_jobs
from guanxi_kit.outward import OutwardClient
from guanxi_kit.packs import load_pack
from guanxi_kit.rules.engine import DatalogicRules
from guanxi_kit.sealing import KeyringUser
from guanxi_kit.sealing.api import open_keys
from guanxi_kit.sealing.api import router as keys_router
from profile_service.adapters import classification_clock, erasure_desk, rule_simulation_job
from profile_service.adapters.classification_clock import ClassificationClock
from profile_service.adapters.classifying import Classifying
from profile_service.adapters.consent_import_job import IMPORT_CONSENTS, ConsentImport
from profile_service.adapters.consenting import Consenting
from profile_service.adapters.duplicates.people_reads import Reader
from profile_service.adapters.duplicates.search_job import DuplicateSearch, SearchSettings
from profile_service.adapters.duplicates.watch import DuplicateWatch
from profile_service.adapters.erasure_desk import erasure_units
from profile_service.adapters.erasure_loop import ErasureLoop, LoggedNotices
from profile_service.adapters.erasure_seals import KeyringSeals
from profile_service.adapters.log_topics import LogTopics
from profile_service.adapters.pack_rules import identity_rules, precedence, record_rules, view_rules
from profile_service.adapters.partner_calls import SignedPartnerCalls
from profile_service.adapters.reevaluation_job import Reevaluation
from profile_service.adapters.rule_simulation_job import RuleSimulation
from profile_service.adapters.rule_store import RulesInForce
from profile_service.adapters.sealed_columns import SEALED_COLUMNS
from profile_service.api import (
    certificates,
    consent_import,
    consent_proof,
    consents,
    contacts,
    customer_tags,
    customers,
    duplicates,
    erasures,
    explanations,
    export,
    ledger,
    merges,
    partners,
    quarantine,
    records,
    segments,
    simulations,
    stats,
    suggestions,
    tags,
    traits,
)
from profile_service.api.state import COMMANDS, ApiState
from profile_service.application.advance_erasures import AdvanceErasures
from profile_service.application.duplicates.search import SEARCH
from profile_service.application.erase_customer import TOPICS as ERASED_TOPICS
from profile_service.application.manage_rules import REEVALUATE
from profile_service.application.read_customers import LookUp
from profile_service.consumers import (
    case_changed,
    customer_changed,
    privacy_erasure,
    privacy_receipt,
    score_changed,
    survey_changed,
    task_changed,
    touchpoint_received,
)
from profile_service.domain.erasure import topic_place
from profile_service.settings import SERVICE, ProfileSettings

CLASSIFIER = f"{SERVICE}.classification"
JOBS = "profile.jobs"
TOPICS = (
    PRIVACY_ERASURE_TOPIC.name,
    PRIVACY_RECEIPT_TOPIC.name,
    TOUCHPOINT_RECEIVED_TOPIC.name,
    SCORE_CHANGED_TOPIC.name,
    CASE_CHANGED_TOPIC.name,
    SURVEY_CHANGED_TOPIC.name,
    TASK_CHANGED_TOPIC.name,
)
GROUPS = {**dict.fromkeys(TOPICS, SERVICE), CUSTOMER_CHANGED_TOPIC.name: CLASSIFIER}


def make_api(settings: ProfileSettings, clock: Clock | None = None) -> FastAPI:
    """Return the API application."""
    clock = clock or SystemClock()
    keyring = Keyring.from_settings(settings)
    pack = load_pack(settings.pack_dir, settings.pack)
    rules = IdentifierRules(pack.identifiers, settings.default_region)
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            database = await _open_database(settings)
            opened.push_async_callback(database.close)
            producer = open_producer(settings)
            relay = Relay(database, producer, streams=[COMMANDS, JOBS])
            app.state.profile = ApiState(
                database=database,
                keyring=keyring,
                look_up=LookUp(rules, keyring),
                rank=pack.identifiers.rank,
                view=view_rules(pack, settings.default_region),
                pack=pack,
                identifier_rules=rules,
                relay=relay,
                clock=clock,
                classifying=Classifying(RulesInForce(DatalogicRules()), keyring, precedence(pack)),
                backups=settings.backups,
                allow_private_callbacks=settings.allow_private_callbacks,
            )
            app.state.jobs = jobs_api.JobsState(database, clock)
            app.state.dead_letters = DeadLettersState(database, keyring, clock, GROUPS)
            app.state.audit = await opened.enter_async_context(open_audit(settings, database, keyring, clock))
            app.state.keys = await opened.enter_async_context(
                open_keys(keyring, database, clock, SEALED_COLUMNS, checks)
            )
            checks.append(Check("database", database.ping))
            # Reads are served while the log is away; what commands publish waits in the outbox.
            async with publishing(producer, relay):
                yield

    app = create_app("Guanxi profile", settings, lifespan=lifespan, readiness=checks)
    app.state.verifier = TokenVerifier.from_settings(settings, clock)
    parts = (
        traits, customer_tags, tags, segments, records, contacts, stats, simulations, merges, explanations,
        suggestions, duplicates, quarantine, erasures, partners, consents, consent_import, consent_proof,
        certificates, ledger, export,
    )  # fmt: skip
    add_routes(
        app,
        customers.make_router(pack.identifiers.strongest_first),
        *(part.router for part in parts),
        jobs_api.router,
        letters_router,
        keys_router,
        audit_router(customers.fragments_of),
    )
    return app


@asynccontextmanager
async def make_worker(settings: ProfileSettings, clock: Clock | None = None) -> AsyncIterator[WorkerProcess]:
    """Open what the worker needs and lend its parts: the jobs, then the consumer whose relay serves both."""
    clock = clock or SystemClock()
    keyring = Keyring.from_settings(settings)
    pack = load_pack(settings.pack_dir, settings.pack)
    rules, shown = identity_rules(pack), view_rules(pack, settings.default_region)
    async with AsyncExitStack() as opened:
        database = await _open_database(settings)
        opened.push_async_callback(database.close)
        relay = await _open_relay(
            settings,
            database,
            opened,
            streams=[COMMANDS, JOBS, classification_clock.STREAM, erasure_desk.STREAM],
        )
        subscriptions = [
            privacy_erasure.subscription(keyring, settings.backups),
            privacy_receipt.subscription(),
            touchpoint_received.subscription(
                rules, keyring, clock, pack.purposes, record_rules(pack), view=shown
            ),
            score_changed.subscription(),
            *(told.subscription() for told in (case_changed, survey_changed, task_changed)),
        ]
        worker = Worker(
            db=database,
            consumer=open_consumer(settings, SERVICE, TOPICS),
            relay=relay,
            subscriptions=subscriptions,
            clock=clock,
            keyring=keyring,
            batch=settings.resolve_batch,
        )
        classifying = Classifying(RulesInForce(DatalogicRules()), keyring, precedence(pack))
        changes = customer_changed.subscription(classifying)
        classifier = Worker(
            db=database,
            consumer=open_consumer(settings, CLASSIFIER, [CUSTOMER_CHANGED_TOPIC.name]),
            relay=await _open_relay(settings, database, opened, streams=[]),
            subscriptions=[changes],
            clock=clock,
            keyring=keyring,
            batch=settings.classify_batch,
            name="classification",
        )
        passing_time = ClassificationClock(database, relay, classifying, clock=clock, pack=pack)
        # The kinds of jobs that this service carries out; each handler stands in application/jobs or beside its part.
        handlers: dict[str, JobHandler] = {
            REEVALUATE: Reevaluation(database, classifying, clock),
            **operators_jobs(database, keyring, SEALED_COLUMNS, [*subscriptions, changes]),
            rule_simulation_job.KIND: RuleSimulation(database, rules),
            IMPORT_CONSENTS: ConsentImport(Consenting(pack.purposes, keyring), keyring),
            SEARCH: DuplicateSearch(database, keyring, _search_settings(settings)),
        }
        jobs = JobRunner(database, relay, JOBS, handlers, clock)
        reader = Reader(keyring, precedence(pack), IdentifierRules(pack.identifiers, settings.default_region))
        watch = DuplicateWatch(database, reader, clock)
        anchors = AuditAnchors(database, keyring, clock, seconds=settings.audit_anchor_seconds)
        erasing = _erasure_loop(settings, database, relay, keyring, clock=clock)
        keys = KeyringUser(keyring, database, "worker", clock)
        yield WorkerProcess(
            [keys, anchors, erasing, jobs, passing_time, watch, classifier, worker],
            [Check("database", database.ping), keys.readiness],
        )


def _erasure_loop(
    settings: ProfileSettings, database: Database, relay: Relay, keyring: Keyring, *, clock: Clock
) -> ErasureLoop:
    client = OutwardClient(allow_private=settings.allow_private_callbacks)
    places = [topic_place(topic.name) for topic in ERASED_TOPICS]
    advance = AdvanceErasures(
        erasure_units(database, relay, keyring, clock, places),
        SignedPartnerCalls(client, KeyringSeals(keyring), clock),
        LogTopics(partial(open_reader, settings), partial(open_admin, settings)),
        LoggedNotices(),
        clock,
    )
    return ErasureLoop(advance, poll_seconds=settings.erasure_poll_seconds)


def _search_settings(settings: ProfileSettings) -> SearchSettings:
    return SearchSettings(
        settings.database_dsn(),
        str(settings.pack_dir),
        settings.pack,
        settings.default_region,
        settings.duplicate_threads,
        settings.duplicate_memory_mb,
    )


async def _open_relay(
    settings: ProfileSettings, database: Database, opened: AsyncExitStack, *, streams: Sequence[str]
) -> Relay:
    """Return a relay that is not started yet; of its streams it publishes what any kind of process left behind."""
    producer = open_producer(settings)
    await start_patiently(producer)
    opened.push_async_callback(producer.stop)
    return Relay(database, producer, streams=streams)


async def _open_database(settings: ProfileSettings) -> Database:
    name = f"{SERVICE}-{settings.role}"
    return Database(
        await open_pool(settings.database_dsn(), max=settings.database_pool, application_name=name)
    )
