"""Who is calling and what they may: JSON Web Tokens signed by a known key, which name a role."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.errors import Problem
from guanxi_kit.jwks import JwksFile, JwksUnavailable, JwksUrl, KeySource, StaticKeys
from guanxi_kit.roles import ROLE_PERMISSIONS, Permission, Role
from guanxi_kit.settings import ServiceSettings, SettingsError

_ROLES: Mapping[str, Role] = {role: role for role in ROLE_PERMISSIONS}
ALGORITHMS = ("Ed25519", "EdDSA", "ES256")
_BEARER = HTTPBearer(scheme_name="bearerAuth", bearerFormat="JWT", auto_error=False)
_MAX_TOKEN_CHARACTERS = 8192
_CACHE_SIZE = 2048
_CACHE_SECONDS = 60


class InvalidToken(Exception):
    """The token is not one of ours, not for us, or not valid now; the message says which, without its content."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    subject: str
    role: Role
    permissions: frozenset[Permission]


class TokenVerifier:
    """Verifies tokens against keys, issuer, audience and time. What was verified is remembered for a minute at most."""

    def __init__(
        self,
        keys: KeySource | Mapping[str, Any],
        issuer: str = "guanxi",
        audience: str = "guanxi",
        clock: Clock | None = None,
        *,
        leeway_seconds: int = 5,
    ) -> None:
        """Take a source of keys or a JWKS document; `leeway_seconds` is allowed for clocks that differ."""
        self._keys: KeySource = StaticKeys(keys) if isinstance(keys, Mapping) else keys
        self._clock = clock or SystemClock()
        self._leeway = leeway_seconds
        self._claims = jwt.JWTClaimsRegistry(
            now=self._seconds,
            leeway=leeway_seconds,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._verified: OrderedDict[bytes, tuple[int, Principal]] = OrderedDict()
        self._generation = -1

    @classmethod
    def from_settings(cls, settings: ServiceSettings, clock: Clock | None = None) -> TokenVerifier:
        """Verify by GUANXI_JWKS_FILE or GUANXI_JWKS_URL. Raises SettingsError when neither is set."""
        clock = clock or SystemClock()
        if settings.jwks_file is not None:
            return cls(JwksFile(settings.jwks_file), settings.issuer, settings.audience, clock)
        if settings.jwks_url is not None:
            return cls(JwksUrl(settings.jwks_url, clock), settings.issuer, settings.audience, clock)
        raise SettingsError("GUANXI_JWKS_FILE: is not set (nor is GUANXI_JWKS_URL)")

    async def authenticate(self, token: str) -> Principal:
        """Return the caller, fetching the keys when they are old or the token names a key not yet known.

        Raises InvalidToken, JwksUnavailable.
        """
        await self._keys.refresh()
        try:
            return self.verify(token)
        except InvalidToken:
            if not await self._keys.refresh(force=True):
                raise
            return self.verify(token)

    def verify(self, token: str) -> Principal:
        """Return the caller by the keys at hand. Raises InvalidToken."""
        if len(token) > _MAX_TOKEN_CHARACTERS:
            raise InvalidToken("the token is too long")
        if self._generation != self._keys.generation:
            self._verified.clear()
            self._generation = self._keys.generation
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        cached = self._verified.get(digest)
        now = self._seconds()
        if cached is not None and now < cached[0]:
            return cached[1]
        principal, expires = self._verify(token)
        self._verified[digest] = (min(expires + self._leeway, now + _CACHE_SECONDS), principal)
        self._verified.move_to_end(digest)
        while len(self._verified) > _CACHE_SIZE:
            self._verified.popitem(last=False)
        return principal

    def _verify(self, token: str) -> tuple[Principal, int]:
        try:
            claims = jwt.decode(token, self._keys.current(), algorithms=list(ALGORITHMS)).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken(_reason(error)) from None
        named, subject = claims.get("role"), claims["sub"]
        role = _ROLES.get(named) if isinstance(named, str) else None
        if role is None or not isinstance(subject, str):
            raise InvalidToken("the token names no role known here")
        return Principal(subject, role, ROLE_PERMISSIONS[role]), int(claims["exp"])

    def _seconds(self) -> int:
        return int(self._clock.now().timestamp())


def _reason(error: Exception) -> str:
    return f"the token is not valid ({getattr(error, 'error', None) or type(error).__name__})"


def _challenge(detail: str, error: str | None = None) -> Problem:
    challenge = 'Bearer realm="guanxi"' + (f', error="{error}"' if error else "")
    return Problem(401, detail=detail, headers={"WWW-Authenticate": challenge})


async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Principal:
    """FastAPI dependency: the caller of any role. `app.state.verifier` must hold a TokenVerifier."""
    if credentials is None:
        raise _challenge("A bearer token is needed.")
    verifier: TokenVerifier = request.app.state.verifier
    try:
        principal = await verifier.authenticate(credentials.credentials)
    except InvalidToken as error:
        raise _challenge(f"{str(error)[0].upper()}{str(error)[1:]}.", "invalid_token") from None
    except JwksUnavailable:
        raise Problem(
            503, detail="The keys that verify tokens cannot be reached.", headers={"Retry-After": "5"}
        ) from None
    request.state.principal = principal
    return principal


def require(permission: Permission) -> Callable[..., Awaitable[Principal]]:
    """Return a FastAPI dependency that gives the Principal: 401 without a valid token, 403 without `permission`."""

    # As a scope it stands in the OpenAPI document, too.
    async def authorise(
        principal: Principal = Security(authenticate, scopes=[permission]),  # noqa: B008
    ) -> Principal:
        if permission not in principal.permissions:
            raise Problem(
                403,
                detail=f"This needs the permission {permission}.",
                headers={
                    "WWW-Authenticate": f'Bearer realm="guanxi", error="insufficient_scope", scope="{permission}"'
                },
            )
        return principal

    return authorise


def generate_signing_key() -> dict[str, Any]:
    """Return a new private Ed25519 JWK with a key id."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"}, private=True, auto_kid=True)
    return dict(key.as_dict(private=True))


def public_jwks(*private_jwks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JWKS document with the public halves of signing keys."""
    keys = [OKPKey.import_key(dict(jwk)) for jwk in private_jwks]
    return dict(KeySet(list(keys)).as_dict(private=False))


def mint_token(
    private_jwk: Mapping[str, Any],
    subject: str,
    role: Role,
    ttl: timedelta = timedelta(hours=1),
    clock: Clock | None = None,
    *,
    issuer: str = "guanxi",
    audience: str = "guanxi",
) -> str:
    """Return a signed token for `subject` in `role`, valid from now for `ttl`."""
    now: datetime = (clock or SystemClock()).now().astimezone(UTC)
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "role": role,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + ttl).timestamp()),
    }
    key = OKPKey.import_key(dict(private_jwk))
    header = {"alg": "Ed25519", "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])
