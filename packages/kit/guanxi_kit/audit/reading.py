"""FastAPI dependencies of endpoints that show somebody's data: who may, masked or clear, and that it is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import StringConstraints

from guanxi_kit.audit.access import Access
from guanxi_kit.audit.trail import AuditTrail
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.errors import FieldError, Problem, route_of
from guanxi_kit.http import REQUEST_ID
from guanxi_kit.masking import Shown
from guanxi_kit.roles import Permission
from guanxi_kit.settings import ServiceSettings

LEAST_REASON = 10
MOST_REASON = 500
StatedReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=LEAST_REASON, max_length=MOST_REASON)
]
"""Why somebody decides something, in the body of a request; the audit keeps it."""


@dataclass(frozen=True)
class AccessAudit:
    """What the audit of an API process works with; the application keeps it as `app.state.audit`."""

    service: str
    trail: AuditTrail
    database: Database
    keyring: Keyring


@asynccontextmanager
async def open_audit(
    settings: ServiceSettings, database: Database, keyring: Keyring, clock: Clock
) -> AsyncIterator[AccessAudit]:
    """Open the trail of this process on a connection of its own, so that no request that waits for it can block it."""
    pool = await open_pool(
        settings.database_dsn(), max=1, application_name=f"{settings.service}-{settings.role}-audit"
    )
    writing = Database(pool)
    trail = AuditTrail(writing, keyring, clock)
    try:
        yield AccessAudit(settings.service, trail, database, keyring)
    finally:
        await trail.close()
        await writing.close()


@dataclass
class Reading:
    """One request to read somebody's data. Nothing may be shown before `of`, or else `kept`, has returned."""

    trail: AuditTrail
    principal: Principal
    action: str
    fields: str
    clear: bool = False
    reason: str | None = None
    _keeping: asyncio.Task[None] | None = None

    @property
    def shown(self) -> Shown:
        """How values are shown: clear as asked for; masked, but to who may see them clear names are shown at once."""
        return Shown(clear=self.clear, names="customer.clear" in self.principal.permissions)

    async def of(self, people: Iterable[UUID], *, look_up: bytes | None = None, detail: str = "") -> None:
        """Keep that the data of these fragments is shown.

        `look_up` is the keyed hash of a value asked for, `detail` narrows what was read and holds no value.
        """
        await self.trail.keep(self._access(people, look_up, detail))

    def begin(self, people: Iterable[UUID]) -> None:
        """Begin to keep that the data of these fragments will be shown, while it is still being read."""
        self._keeping = asyncio.create_task(self.trail.keep(self._access(people)), name="access-kept")

    async def kept(self) -> None:
        """Return once what `begin` began is durable."""
        if self._keeping is not None:
            await self._keeping

    def _access(self, people: Iterable[UUID], look_up: bytes | None = None, detail: str = "") -> Access:
        return Access(
            subject=self.principal.subject,
            role=self.principal.role,
            action=self.action,
            fields=self.fields,
            people=tuple(people),
            clear=self.clear,
            reason=self.reason,
            look_up=look_up,
            detail=detail,
            request_id=REQUEST_ID.get() or "",
        )


def masked(permission: Permission, fields: str) -> Any:
    """Return a dependency that gives the Reading of `fields`, masked: 401 and 403 as `require`."""

    async def begin(
        request: Request, principal: Annotated[Principal, Depends(require(permission))]
    ) -> Reading:
        return _reading(request, principal, fields)

    return Depends(begin)


def maskable(permission: Permission, fields: str) -> Any:
    """Return a dependency as `masked`, with clear values for who may see them and says why.

    `clear=true` needs the permission customer.clear (else 403) and a `reason` of 10 characters or more (else 400).
    """

    async def begin(
        request: Request,
        principal: Annotated[Principal, Depends(require(permission))],
        *,
        clear: Annotated[bool, Query(description="Show values unmasked; needs `reason`.")] = False,
        reason: Annotated[
            str | None, Query(max_length=MOST_REASON, description="Why they have to be seen unmasked.")
        ] = None,
    ) -> Reading:
        if not clear:
            return _reading(request, principal, fields)
        await require("customer.clear")(principal)
        return _reading(request, principal, fields, _stated(reason))

    return Depends(begin)


def cleared(permission: Permission, fields: str) -> Any:
    """Return a dependency that gives the Reading of `fields` that are always shown clear: 400 without a `reason`."""

    async def begin(
        request: Request,
        principal: Annotated[Principal, Depends(require(permission))],
        reason: Annotated[
            str | None, Query(max_length=MOST_REASON, description="Why they have to be seen.")
        ] = None,
    ) -> Reading:
        return _reading(request, principal, fields, _stated(reason))

    return Depends(begin)


def reading_for(request: Request, principal: Principal, fields: str, reason: str) -> Reading:
    """Return the Reading of `fields` that somebody who may removes or sees for a reason in the request's body."""
    return _reading(request, principal, fields, reason)


def _stated(reason: str | None) -> str:
    """Return a reason that says something. Raises Problem."""
    stated = (reason or "").strip()
    if len(stated) < LEAST_REASON:
        raise Problem(
            400,
            detail="Clear values are shown for a stated reason only.",
            errors=[FieldError("reason", f"must say why, in {LEAST_REASON} characters or more")],
        )
    return stated


def _reading(request: Request, principal: Principal, fields: str, reason: str | None = None) -> Reading:
    audit: AccessAudit = request.app.state.audit
    action = f"{request.method} {route_of(request.scope)}"
    return Reading(audit.trail, principal, action, fields, reason is not None, reason)


Fragments = Callable[[Request, UUID], Awaitable[Iterable[UUID]]]
"""Gives the fragments of the customer that an id belongs to now."""
