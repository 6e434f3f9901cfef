"""Requests to the gateway with the operator's token, and their failures in words."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import typer
from rich.console import Console

DEV_ENV = Path(".guanxi/dev.env")
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(message: str) -> NoReturn:
    """Say what is wrong on standard error and exit with 1."""
    err.print(f"[red]{message}[/red]", soft_wrap=True)
    raise typer.Exit(1)


class Gateway:
    """The platform at GUANXI_URL with GUANXI_TOKEN; a local platform is found by its .guanxi/dev.env."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=timeout, trust_env=False
        )
        weakref.finalize(self, self._client.close)

    @classmethod
    def from_environment(cls) -> Gateway:
        """Find the platform. Exits with a sentence when there is none."""
        local = _dev_env()
        url = os.environ.get("GUANXI_URL") or local.get("GUANXI_URL")
        token = os.environ.get("GUANXI_TOKEN") or local.get("GUANXI_ADMIN_TOKEN")
        if not url or not token:
            fail("Set GUANXI_URL and GUANXI_TOKEN, or work in the folder of a platform started by make run.")
        return cls(url, token)

    def get(self, *path: object, **query: Any) -> Any:
        """Return the JSON answer to a read."""
        return self.send("GET", *path, query=query).json()

    def post(self, *path: object, body: Any = None, **query: Any) -> Any:
        """Return the JSON answer to a change, None when it has no content."""
        answer = self.send("POST", *path, body=body, query=query)
        return answer.json() if answer.content else None

    def send(
        self,
        method: str,
        *path: object,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        content: bytes | Iterator[bytes] | None = None,
        content_type: str = "application/octet-stream",
    ) -> httpx.Response:
        """Send a request to /v1/<path>, with `body` as JSON or `content` as it is.

        Exits with the reason when the platform refuses or cannot be reached.
        """
        target = "/v1/" + "/".join(quote(str(part), safe="") for part in path)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            headers = {} if content is None else {"content-type": content_type}
            answer = self._client.request(
                method, target, json=body, content=content, params=given, headers=headers
            )
        except httpx.HTTPError as error:
            fail(f"The platform at {self._client.base_url} cannot be reached ({type(error).__name__}).")
        if answer.is_error:
            fail(_reason(answer))
        return answer

    def beginning(self, most: int, *path: object) -> bytes:
        """Return about the first `most` bytes of an answer of any length. Exits as `send` does."""
        target = "/v1/" + "/".join(quote(str(part), safe="") for part in path)
        held = b""
        try:
            with self._client.stream("GET", target) as answer:
                if answer.is_error:
                    answer.read()
                    fail(_reason(answer))
                for chunk in answer.iter_bytes():
                    held += chunk
                    if len(held) >= most:
                        break
        except httpx.HTTPError as error:
            fail(f"The platform at {self._client.base_url} cannot be reached ({type(error).__name__}).")
        return held

    def download(self, to: Path, *path: object, accept: str, query: Mapping[str, Any] | None = None) -> int:
        """Write an answer of any length to a file that its owner alone may read; return its bytes.

        What breaks off in the middle leaves no file. Exits with the reason when the platform refuses.
        """
        target = "/v1/" + "/".join(quote(str(part), safe="") for part in path)
        draft = to.with_name(f".{to.name}.part")
        try:
            with self._client.stream("GET", target, params=query, headers={"accept": accept}) as answer:
                if answer.is_error:
                    answer.read()
                    fail(_reason(answer))
                draft.unlink(missing_ok=True)
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
            draft.replace(to)
        except httpx.HTTPError as error:
            fail(f"The answer broke off, and nothing was written ({type(error).__name__}).")
        except OSError as error:
            fail(f"{to} cannot be written: {error.strerror}.")
        finally:
            draft.unlink(missing_ok=True)
        return to.stat().st_size


def write_private(to: Path, content: bytes) -> None:
    """Write a file that its owner alone may read. Exits with the reason when it cannot be written."""
    try:
        to.unlink(missing_ok=True)
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}.")


def is_terminal() -> bool:
    """Tell whether a person watches."""
    return sys.stdout.isatty()


def _dev_env() -> dict[str, str]:
    if not DEV_ENV.is_file():
        return {}
    lines = (line.partition("=") for line in DEV_ENV.read_text().splitlines() if "=" in line)
    return {name.strip(): value.strip().strip("\"'") for name, _, value in lines}


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"{answer.status_code}: {answer.text[:300]}"
    reasons = "".join(f"\n  {fault['field']}: {fault['reason']}" for fault in problem.get("errors", []))
    return f"{answer.status_code} {problem.get('title', '')}: {problem.get('detail', '')}{reasons}"
