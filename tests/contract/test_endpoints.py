"""What holds of every endpoint: personal data is shown only with an access kept, and no request waits for a thread."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

import guanxi_gateway.main
import interaction_service.main
import notification_service.main
import profile_service.main
import scoring_service.main
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.audit import reading
from guanxi_kit.crypto import Keyring
from guanxi_kit.testing import StaffIdentity
from interaction_service.settings import InteractionSettings
from notification_service.settings import NotificationSettings
from profile_service.settings import ProfileSettings
from scoring_service.settings import ScoringSettings

PACKS = Path(__file__).parents[2] / "packs"
SERVICES: dict[str, tuple[Any, Any]] = {
    "profile": (profile_service.main, ProfileSettings),
    "interaction": (interaction_service.main, InteractionSettings),
    "scoring": (scoring_service.main, ScoringSettings),
    "notification": (notification_service.main, NotificationSettings),
}
OF_NOBODY = {
    "/healthz",
    "/readyz",
    "/metrics",
    # Counts over everybody.
    "/v1/reports/needs",
    "/v1/reports/issues",
    "/v1/reports/team",
    # A form without an answer, for whoever has the link.
    "/s/{token}",
    # Figures, jobs and keys; rules and their counts; names of fields.
    "/v1/stats",
    "/v1/tiers",
    "/v1/jobs",
    "/v1/jobs/{job_id}",
    "/v1/keys/status",
    "/v1/duplicates/runs/{job_id}",
    "/v1/tags",
    "/v1/tags/{name}",
    "/v1/segments",
    "/v1/segments/{name}",
    "/v1/undeclared-fields",
    # An id for an id, for who is about to write.
    "/v1/customers/{customer_id}/current",
    # How channels are read; secrets by name alone.
    "/v1/channels",
    "/v1/channels/{name}",
    "/v1/channels/{name}/mailbox",
    "/v1/channel-templates",
    # Why items were refused, without what they hold; names of events.
    "/v1/refusals",
    "/v1/event-names",
    # Which topics and faults dead letters are of, without what is in them.
    "/v1/dead-letters",
    "/v1/dead-letters/kinds",
    # When what failed was due, by ids of cases, tasks and surveys.
    "/v1/timers",
    "/v1/audit/verify",
    # Requests for erasure name nobody: they count what was removed, by place.
    "/v1/privacy/erasures",
    "/v1/privacy/erasures/{request_id}",
    "/v1/privacy/erasures/{request_id}/certificate",
    "/v1/privacy/ledger",
    "/v1/privacy/partners",
    # Names of columns, counts and progress of imports; what rows hold is in their preview and their refused rows.
    "/v1/imports",
    "/v1/imports/{import_id}",
}
SHOWN_ON_POST = {"/v1/contacts", "/v1/merges/simulate", "/v1/segments/preview"}


def calls(dependant: Any) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from calls(inner)


def is_audited(route: APIRoute) -> bool:
    return any(getattr(call, "__module__", "") == reading.__name__ for call in calls(route.dependant))


def routes_of(service: str, folder: Path) -> list[APIRoute]:
    main, settings = {**SERVICES, "gateway": (guanxi_gateway.main, GatewaySettings)}[service]
    upstream = dict.fromkeys((f"{name}_url" for name in SERVICES), "http://127.0.0.1:1")
    app: FastAPI = main.make_api(
        settings.load(
            service=f"{service}-service",
            keyring=Keyring.generate().to_json(),
            jwks_file=StaffIdentity().write_jwks(folder / "jwks.json"),
            pack_dir=PACKS,
            **(upstream if service == "gateway" else {}),
        )
    )
    found = [route for route in app.routes if isinstance(route, APIRoute)]
    assert len(found) > 8
    return found


@pytest.mark.parametrize("service", [*SERVICES, "gateway"])
def test_no_request_waits_for_a_thread(service: str, tmp_path: Path) -> None:
    """The framework gives whatever is no coroutine to one of 40 threads: two switches a request, and a queue."""
    threaded = {
        f"{route.path}: {call!r}"
        for route in routes_of(service, tmp_path)
        for call in calls(route.dependant)
        if not (iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__))
    }
    assert not threaded


@pytest.mark.parametrize("service", SERVICES)
def test_reads_of_persons_are_audited(service: str, tmp_path: Path) -> None:
    found = routes_of(service, tmp_path)
    reads = {route.path for route in found if "GET" in (route.methods or ())}
    audited = {route.path for route in found if is_audited(route)}
    assert reads - audited <= OF_NOBODY
    assert "/v1/audit" in audited
    assert not audited & OF_NOBODY
    posts = {route.path for route in found if "POST" in (route.methods or ())}
    assert posts & SHOWN_ON_POST <= audited
