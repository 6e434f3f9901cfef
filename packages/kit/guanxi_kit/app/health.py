"""Liveness, readiness and metrics, the only paths that need no token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from guanxi_kit.logging import get_logger
from guanxi_kit.telemetry import METRICS

_log = get_logger("guanxi.health")


class NotReady(Exception):
    """The process cannot serve yet; the message says what it waits for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness: `probe` returns when it holds, raises when not, within `timeout` seconds.

    An `advisory` one is shown and logged, but a process whose only fault it is still serves.
    """

    name: str
    probe: Callable[[], Awaitable[object]]
    timeout: float = 2.0
    advisory: bool = False


async def _outcome(check: Check) -> tuple[str, BaseException | None]:
    try:
        async with asyncio.timeout(check.timeout):
            await check.probe()
    except TimeoutError as error:
        return "timeout", error
    except NotReady as error:
        return str(error), error
    except Exception as error:
        return "failed", error
    return "ok", None


class Readiness:
    """Runs the checks and logs a change of their outcome once, not once a probe."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = checks
        self._last: dict[str, str] = {}

    async def probe(self) -> dict[str, str]:
        """Return the outcome of each check by name: `ok`, `failed`, `timeout`, or what it waits for."""
        outcomes = await asyncio.gather(*(_outcome(check) for check in self.checks))
        found = {check.name: outcome for check, (outcome, _) in zip(self.checks, outcomes, strict=True)}
        for (name, outcome), (_, error) in zip(found.items(), outcomes, strict=True):
            if self._last.get(name, "ok") != outcome:
                _log.warning("readiness changed", check=name, outcome=outcome, exc_info=error)
        self._last = found
        return found

    def holds(self, outcomes: Mapping[str, str]) -> bool:
        """Tell whether a process with these outcomes can serve."""
        return all(outcomes.get(check.name) == "ok" for check in self.checks if not check.advisory)


def _json(content: object, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def install_health(app: FastAPI, readiness: Readiness) -> None:
    """Add /healthz (the process runs), /readyz (it can serve: 200 or 503, each check named) and /metrics."""

    async def healthz() -> Response:
        return _json({"status": "ok"}, 200)

    async def readyz() -> Response:
        if app.state.stopping.is_set():
            return _json({"status": "stopping", "checks": {}}, 503)
        checks = await readiness.probe()
        ready = readiness.holds(checks)
        return _json({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    async def metrics() -> Response:
        return Response(generate_latest(METRICS.registry), media_type=CONTENT_TYPE_LATEST)

    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)
