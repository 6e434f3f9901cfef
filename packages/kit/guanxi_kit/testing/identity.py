"""A signing key for tests, with the verifier that trusts it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from guanxi_kit.auth import TokenVerifier, generate_signing_key, mint_token, public_jwks
from guanxi_kit.clock import Clock, SystemClock
from guanxi_kit.roles import Role


class StaffIdentity:
    """Mints tokens of any role and verifies them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.signing_key: dict[str, Any] = generate_signing_key()
        self.jwks: dict[str, Any] = public_jwks(self.signing_key)
        self.verifier = TokenVerifier(self.jwks, clock=self._clock)

    def token(
        self, role: Role = "admin", subject: str = "staff-1", ttl: timedelta = timedelta(hours=1)
    ) -> str:
        """Return a token of `role`, valid from the clock's now for `ttl`."""
        return mint_token(self.signing_key, subject, role, ttl, self._clock)

    def headers(self, role: Role = "admin") -> dict[str, str]:
        """Return the request headers of a caller in `role`."""
        return {"authorization": f"Bearer {self.token(role)}"}

    def write_jwks(self, path: Path) -> Path:
        """Write the public keys to `path`, for processes that read GUANXI_JWKS_FILE, and return it."""
        path.write_bytes(msgspec.json.encode(self.jwks))
        return path
