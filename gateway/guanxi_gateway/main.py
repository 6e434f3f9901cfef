"""Composition root of the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from guanxi_contracts.catalog import CUSTOMER_CHANGED_TOPIC
from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.audit import audit_router
from guanxi_gateway.api.brief import brief_router
from guanxi_gateway.api.cases import cases_router
from guanxi_gateway.api.changes import changes_router
from guanxi_gateway.api.channels import channels_router
from guanxi_gateway.api.classification import (
    customer_classification_router,
    segments_router,
    tags_router,
)
from guanxi_gateway.api.consents import consents_router
from guanxi_gateway.api.contact_records import contact_records_router
from guanxi_gateway.api.cross_origin import CrossOrigin
from guanxi_gateway.api.customers import Services, customers_router
from guanxi_gateway.api.dead_letters import dead_letters_router
from guanxi_gateway.api.documents import DESCRIPTION, complete_document
from guanxi_gateway.api.duplicates import duplicates_router
from guanxi_gateway.api.exports import exports_router
from guanxi_gateway.api.figures import figures_router
from guanxi_gateway.api.hook_documents import describe_hooks
from guanxi_gateway.api.imports import imports_router
from guanxi_gateway.api.ingest import IngestLane
from guanxi_gateway.api.jobs import jobs_router
from guanxi_gateway.api.keys import keys_router
from guanxi_gateway.api.limits import AddressLimit, Allow, limited
from guanxi_gateway.api.merges import merges_router
from guanxi_gateway.api.needs import needs_router
from guanxi_gateway.api.privacy import privacy_router
from guanxi_gateway.api.records import records_router
from guanxi_gateway.api.refusals import refusals_router
from guanxi_gateway.api.reports import reports_router
from guanxi_gateway.api.reviews import quarantine_router, suggestions_router
from guanxi_gateway.api.simulations import simulations_router
from guanxi_gateway.api.surveys import surveys_router
from guanxi_gateway.api.tasks import my_day_router, tasks_router
from guanxi_gateway.api.timers import timers_router
from guanxi_gateway.api.uncertain import uncertain_router
from guanxi_gateway.application.brief import Brief
from guanxi_gateway.application.changes import Changes, StreamLimits
from guanxi_gateway.application.log_reading import ChangeTopic
from guanxi_gateway.application.rate_limits import Rate, RateLimiter
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.app import Check, NotReady, add_routes, create_app
from guanxi_kit.auth import TokenVerifier
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.log.factory import open_reader
from guanxi_kit.log.port import Reader
from guanxi_kit.packs import load_pack

_ROUTERS: tuple[Callable[[Services, Allow], APIRouter], ...] = (
    customers_router,
    records_router,
    cases_router,
    contact_records_router,
    tasks_router,
    my_day_router,
    needs_router,
    reports_router,
    surveys_router,
    figures_router,
    channels_router,
    jobs_router,
    dead_letters_router,
    timers_router,
    uncertain_router,
    keys_router,
    refusals_router,
    simulations_router,
    merges_router,
    suggestions_router,
    duplicates_router,
    quarantine_router,
    tags_router,
    segments_router,
    customer_classification_router,
    consents_router,
    audit_router,
    privacy_router,
)


def make_api(
    settings: GatewaySettings, *, clock: Clock | None = None, reader: Callable[[], Reader] | None = None
) -> FastAPI:
    """Return the gateway's application. `reader` opens readers of another event log than the settings name."""
    clock = clock or SystemClock()
    upstreams = _Upstreams(settings)
    topic = ChangeTopic(CUSTOMER_CHANGED_TOPIC.name, reader or (lambda: open_reader(settings)))
    changes = Changes(topic, _stream_limits(settings), clock.monotonic)
    limiter = _Limiters(settings, clock)
    brief = Brief(load_pack(settings.pack_dir, settings.pack).brief)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await upstreams.open(stack)
            await stack.enter_async_context(changes.running())
            yield

    async def change_feed() -> None:
        if not changes.following:
            raise NotReady("waiting for the event log")

    app = create_app(
        "Guanxi",
        settings,
        lifespan=lifespan,
        readiness=[Check("change_feed", change_feed)],
        body_limit=settings.ingest_max_bytes,
        body_limits={"/v1/imports": settings.import_max_bytes},
        description=DESCRIPTION,
    )
    app.state.verifier = TokenVerifier.from_settings(settings, clock)
    allow = limited(limiter.principal)
    add_routes(
        app,
        *(make_router(upstreams.services, allow) for make_router in _ROUTERS),
        brief_router(upstreams.services, allow, brief, clock.now),
        imports_router(upstreams.services.interaction, upstreams.ingest, allow),
        exports_router(upstreams.services, allow, clock.now),
        changes_router(changes, allow),
    )
    # Behind the edge that create_app put first, which answers the problems that these raise.
    app.user_middleware += [
        Middleware(AddressLimit, limiter=limiter.address),
        Middleware(IngestLane, interaction=upstreams.ingest, limiter=limiter.write_key),
    ]
    # Before the edge, so that a page may read problems, too.
    app.user_middleware.insert(
        0, Middleware(CrossOrigin, ingest=settings.ingest_origins, staff=settings.staff_origins)
    )
    describe_hooks(app)
    complete_document(app)
    return app


class _Upstreams:
    """The services: one pool for each to read from, and one for ingest, so that neither starves the other."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        timeout = settings.upstream_timeout
        self.services = Services(
            profile=self._upstream("profile-service", settings.profile_url, timeout),
            interaction=self._upstream("interaction-service", settings.interaction_url, timeout),
            scoring=self._upstream("scoring-service", settings.scoring_url, timeout),
            notification=self._upstream("notification-service", settings.notification_url, timeout),
        )
        self.ingest = self._upstream("interaction-service", settings.interaction_url, settings.ingest_timeout)

    async def open(self, stack: AsyncExitStack) -> None:
        """Open every pool until `stack` closes."""
        reads = self.services
        for upstream in (reads.profile, reads.interaction, reads.scoring, reads.notification, self.ingest):
            await stack.enter_async_context(upstream)

    def _upstream(self, service: str, url: str, timeout: float) -> Upstream:
        settings = self._settings
        return Upstream(
            service,
            url,
            timeout=timeout,
            connections=settings.upstream_connections,
            max_answer_bytes=settings.answer_max_bytes,
        )


class _Limiters:
    """A limiter for each kind of caller."""

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        def limiter(per_second: float) -> RateLimiter:
            burst = max(1, round(per_second * settings.rate_burst_seconds))
            return RateLimiter(Rate(per_second, burst), clock.monotonic)

        self.address = limiter(settings.address_rate)
        self.write_key = limiter(settings.write_key_rate)
        self.principal = limiter(settings.principal_rate)


def _stream_limits(settings: GatewaySettings) -> StreamLimits:
    return StreamLimits(
        held=settings.changes_held,
        clients=settings.changes_clients,
        catch_ups=settings.changes_catch_ups,
        heartbeat=settings.changes_heartbeat,
        send_timeout=settings.changes_send_timeout,
        recheck_token=settings.changes_recheck_token,
    )
