"""Composition root: the only place that wires adapters to the application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from guanxi_contracts.catalog import SCORE_CHANGED_TOPIC, TOUCHPOINT_RECEIVED_TOPIC
from guanxi_kit.app import Check, WorkerProcess, create_app
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.consumer import Relay, Worker
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.identifiers import IdentifierRules
from guanxi_kit.log.factory import open_consumer, open_producer
from guanxi_kit.log.starting import start_patiently
from guanxi_kit.migrate import run_migrations
from guanxi_kit.packs import load_pack
from profile_service.adapters.pack_rules import identity_rules
from profile_service.api import contacts, customers, stats
from profile_service.api.state import ApiState
from profile_service.application.read_customers import LookUp
from profile_service.consumers import score_changed, touchpoint_received
from profile_service.settings import ProfileSettings

SERVICE = "profile-service"
SCHEMA = "profile"


def make_api(settings: ProfileSettings, clock: Clock | None = None) -> FastAPI:
    """Return the API application."""
    keyring = Keyring.from_settings(settings)
    identifiers = load_pack(settings.pack_dir, settings.pack).identifiers
    look_up = LookUp(IdentifierRules(identifiers, settings.default_region), keyring)
    checks: list[Check] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = await _open_database(settings)
        app.state.profile = ApiState(database, keyring, look_up, identifiers.rank)
        checks.append(Check("database", database.ping))
        try:
            yield
        finally:
            await database.close()

    app = create_app("Guanxi profile", settings, lifespan=lifespan, readiness=checks)
    app.state.verifier = TokenVerifier.from_settings(settings, clock)
    app.include_router(customers.make_router(identifiers.strongest_first))
    app.include_router(contacts.router)
    app.include_router(stats.router)
    return app


@asynccontextmanager
async def make_worker(settings: ProfileSettings, clock: Clock | None = None) -> AsyncIterator[WorkerProcess]:
    """Open what the worker needs and lend its parts."""
    clock = clock or SystemClock()
    keyring = Keyring.from_settings(settings)
    rules = identity_rules(load_pack(settings.pack_dir, settings.pack))
    database = await _open_database(settings)
    producer = open_producer(settings)
    await start_patiently(producer)
    worker = Worker(
        db=database,
        consumer=open_consumer(settings, SERVICE, [TOUCHPOINT_RECEIVED_TOPIC.name, SCORE_CHANGED_TOPIC.name]),
        relay=Relay(database, producer),
        subscriptions=[touchpoint_received.subscription(rules, keyring, clock), score_changed.subscription()],
        clock=clock,
        keyring=keyring,
        batch=settings.resolve_batch,
    )
    try:
        yield WorkerProcess([worker], [Check("database", database.ping)])
    finally:
        await producer.stop()
        await database.close()


async def migrate(settings: ProfileSettings) -> None:
    """Bring the schema up to date."""
    await run_migrations(settings, Path(__file__).parent / "migrations", SCHEMA)


async def _open_database(settings: ProfileSettings) -> Database:
    pool = await open_pool(
        settings.database_dsn(), max=settings.database_pool, application_name=f"{SERVICE}-{settings.role}"
    )
    return Database(pool)
