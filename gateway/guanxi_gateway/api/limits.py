"""Rate limits at the door: per network address, per write key, per signed-in principal."""

import base64
import binascii
import math
from collections.abc import Awaitable, Callable, Hashable
from typing import Annotated

from fastapi import Depends
from starlette.types import ASGIApp, Receive, Scope, Send

from guanxi_gateway.application.rate_limits import RateLimiter
from guanxi_gateway.metrics import RATE_LIMITED
from guanxi_kit.auth import Principal, require
from guanxi_kit.errors import Problem
from guanxi_kit.roles import Permission

_UNLIMITED = frozenset(("/healthz", "/readyz", "/metrics"))


def count(limiter: RateLimiter, name: str, key: Hashable) -> None:
    """Count one request. Raises the 429 problem that says when the next one may come."""
    wait = limiter.take(key)
    if wait > 0:
        RATE_LIMITED.labels(name).inc()
        raise Problem(
            429,
            detail=f"Too many requests of this {name}.",
            type="urn:guanxi:problem:rate-limit",
            headers={"Retry-After": str(math.ceil(wait))},
        )


class AddressLimit:
    """ASGI middleware that counts every request by the address of its connection, probes excepted."""

    def __init__(self, app: ASGIApp, *, limiter: RateLimiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection. Raises Problem."""
        if scope["type"] == "http" and scope["path"] not in _UNLIMITED:
            client = scope.get("client")
            count(self._limiter, "address", client[0] if client else None)
        await self._app(scope, receive, send)


def write_key_of(authorization: bytes) -> bytes | None:
    """Return the user name of a Basic Authorization header; None when there is none to be read."""
    scheme, _, credentials = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(credentials.strip()).partition(b":")[0]
    except (binascii.Error, ValueError):
        return None


Allow = Callable[[Permission], Callable[..., Awaitable[Principal]]]


def limited(limiter: RateLimiter) -> Allow:
    """Return `allow(permission)`: a FastAPI dependency that wants the permission, then counts by principal."""

    def allow(permission: Permission) -> Callable[..., Awaitable[Principal]]:
        # The annotation names `permission`, so annotations of this module are evaluated at once.
        async def admit(principal: Annotated[Principal, Depends(require(permission))]) -> Principal:
            count(limiter, "principal", principal.subject)
            return principal

        return admit

    return allow
