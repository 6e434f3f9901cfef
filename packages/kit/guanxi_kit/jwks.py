"""Where the keys that verify tokens come from: a document, a file, or an issuer's URL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from guanxi_kit.clock import Clock
from guanxi_kit.http import TransportError, make_client
from guanxi_kit.logging import get_logger

_FRESH_SECONDS = 300.0
_RETRY_SECONDS = 10.0
_log = get_logger("guanxi.auth")


class JwksUnavailable(Exception):
    """No keys are at hand and they cannot be had now."""


class KeySource(Protocol):
    """Gives the keys; `generation` rises whenever they may have changed."""

    generation: int

    def current(self) -> KeySet:
        """Return the keys at hand. Raises JwksUnavailable when there are none."""
        ...

    async def refresh(self, *, force: bool = False) -> bool:
        """Read the keys again when they are old, or when forced and not just tried. Tell whether they were read."""
        ...


def _key_set(document: Any) -> KeySet:
    try:
        return KeySet.import_key_set(document)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise JwksUnavailable("the JWKS document holds no usable keys") from error


class StaticKeys:
    """Keys that do not change."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.generation = 0
        self._keys = _key_set(document)

    def current(self) -> KeySet:
        """Return the keys."""
        return self._keys

    async def refresh(self, *, force: bool = False) -> bool:
        """Return False: there is nothing newer."""
        return False


class JwksFile:
    """Keys in a file that is read again when it was written anew, as a mounted secret is."""

    def __init__(self, path: Path) -> None:
        self.generation = 0
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: KeySet | None = None

    def current(self) -> KeySet:
        """Return the keys of the file as it is now. Raises JwksUnavailable when it never was readable."""
        self._read()
        if self._keys is None:
            raise JwksUnavailable(f"no keys in {self._path}")
        return self._keys

    async def refresh(self, *, force: bool = False) -> bool:
        """Read the file again if it changed, and tell whether it did."""
        return self._read()

    def _read(self) -> bool:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._stamp:
                return False
            self._keys = _key_set(json.loads(self._path.read_bytes()))
        except (OSError, ValueError, JwksUnavailable) as error:
            _log.warning("JWKS file not readable", reason=type(error).__name__)
            return False
        self._stamp = stamp
        self.generation += 1
        return True


class JwksUrl:
    """Keys published by an issuer, kept five minutes, and for as long as the issuer cannot be reached."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.generation = 0
        self._url = url
        self._clock = clock
        self._tried: float | None = None
        self._read_at: float | None = None
        self._keys: KeySet | None = None

    def current(self) -> KeySet:
        """Return the keys read last. Raises JwksUnavailable when none were."""
        if self._keys is None:
            raise JwksUnavailable("the issuer's keys were not read yet")
        return self._keys

    async def refresh(self, *, force: bool = False) -> bool:
        """Fetch the keys when older than five minutes or when forced, once in ten seconds at most."""
        now = self._clock.monotonic()
        old = self._read_at is None or now - self._read_at > _FRESH_SECONDS
        if not (old or force) or (self._tried is not None and now - self._tried < _RETRY_SECONDS):
            return False
        self._tried = now
        try:
            keys = await self._fetch()
        except (TransportError, ValueError, JwksUnavailable) as error:
            _log.warning("JWKS not fetched", reason=type(error).__name__)
            return False
        self._keys, self._read_at = keys, now
        self.generation += 1
        return True

    async def _fetch(self) -> KeySet:
        async with make_client(timeout=3.0, connections=1) as client:
            response = await client.get(self._url)
        if response.status_code != 200:
            raise JwksUnavailable(f"the issuer answered {response.status_code}")
        return _key_set(response.json())
