"""Composition root: the only place that wires adapters to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from guanxi_contracts.catalog import (
    CASE_CHANGED_TOPIC,
    CUSTOMER_MERGED_TOPIC,
    PRIVACY_ERASURE_TOPIC,
    SURVEY_CHANGED_TOPIC,
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
from guanxi_kit.jobs import JobRunner
from guanxi_kit.jobs import api as jobs_api
from guanxi_kit.log.factory import open_consumer, open_producer
from guanxi_kit.log.starting import start_patiently
from guanxi_kit.operating import operators_jobs
from guanxi_kit.packs import load_pack
from guanxi_kit.sealing import KeyringUser
from guanxi_kit.sealing.api import open_keys
from guanxi_kit.sealing.api import router as keys_router
from scoring_service.adapters.pack_rules import rfm_rules
from scoring_service.adapters.review_loop import ReviewLoop
from scoring_service.adapters.review_unit import STREAM, review_units
from scoring_service.adapters.sealed_columns import SEALED_COLUMNS
from scoring_service.api import export, scores
from scoring_service.api.state import ApiState
from scoring_service.application.review import Review
from scoring_service.consumers import (
    case_changed,
    customer_merged,
    privacy_erasure,
    survey_changed,
    touchpoint_resolved,
)
from scoring_service.settings import SERVICE, ScoringSettings

JOBS = "scoring.jobs"
TOPICS = (
    PRIVACY_ERASURE_TOPIC.name,
    TOUCHPOINT_RESOLVED_TOPIC.name,
    CUSTOMER_MERGED_TOPIC.name,
    CASE_CHANGED_TOPIC.name,
    SURVEY_CHANGED_TOPIC.name,
)


def make_api(settings: ScoringSettings, clock: Clock | None = None) -> FastAPI:
    """Return the API application."""
    time = clock or SystemClock()
    rules = rfm_rules(load_pack(settings.pack_dir, settings.pack))
    keyring = Keyring.from_settings(settings)
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = await _open_database(settings)
        app.state.scoring = ApiState(database, rules, time)
        app.state.jobs = jobs_api.JobsState(database, time)
        app.state.dead_letters = DeadLettersState(database, keyring, time, dict.fromkeys(TOPICS, SERVICE))
        checks.append(Check("database", database.ping))
        try:
            async with (
                open_keys(keyring, database, time, SEALED_COLUMNS, checks) as app.state.keys,
                open_audit(settings, database, keyring, time) as app.state.audit,
            ):
                yield
        finally:
            await database.close()

    app = create_app("Guanxi scoring", settings, lifespan=lifespan, readiness=checks)
    app.state.verifier = TokenVerifier.from_settings(settings, clock)
    add_routes(
        app,
        scores.router,
        export.router,
        jobs_api.router,
        letters_router,
        keys_router,
        audit_router(scores.fragments_of),
    )
    return app


@asynccontextmanager
async def make_worker(settings: ScoringSettings, clock: Clock | None = None) -> AsyncIterator[WorkerProcess]:
    """Open what the worker needs and lend its parts: review and jobs, then the consumer whose relay serves all."""
    clock = clock or SystemClock()
    rules = rfm_rules(load_pack(settings.pack_dir, settings.pack))
    keyring = Keyring.from_settings(settings)
    async with AsyncExitStack() as opened:
        database = await _open_database(settings)
        opened.push_async_callback(database.close)
        producer = open_producer(settings)
        await start_patiently(producer)
        opened.push_async_callback(producer.stop)
        relay = Relay(database, producer, streams=[STREAM, JOBS])
        subscriptions = [
            privacy_erasure.subscription(rules),
            touchpoint_resolved.subscription(rules),
            customer_merged.subscription(rules),
            case_changed.subscription(rules),
            survey_changed.subscription(rules),
        ]
        worker = Worker(
            db=database,
            consumer=open_consumer(settings, SERVICE, TOPICS),
            relay=relay,
            subscriptions=subscriptions,
            clock=clock,
            keyring=keyring,
            batch=settings.scoring_batch,
        )
        review = Review(review_units(database, relay, clock), rules, clock)
        loop = ReviewLoop(review, poll_seconds=settings.review_poll_seconds)
        handlers = operators_jobs(database, keyring, SEALED_COLUMNS, subscriptions)
        jobs = JobRunner(database, relay, JOBS, handlers, clock)
        keys = KeyringUser(keyring, database, "worker", clock)
        anchors = AuditAnchors(database, keyring, clock, seconds=settings.audit_anchor_seconds)
        yield WorkerProcess(
            [keys, anchors, loop, jobs, worker], [Check("database", database.ping), keys.readiness]
        )


async def _open_database(settings: ScoringSettings) -> Database:
    pool = await open_pool(
        settings.database_dsn(), max=settings.database_pool, application_name=f"{SERVICE}-{settings.role}"
    )
    return Database(pool)
