"""The embedded server: what it keeps, how it comes back, who may hold its folder."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from guanxi_devstack.ports import find_free_port, holder_of, is_free
from guanxi_devstack.postgres import DatabaseStopped, EmbeddedPostgres


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg")
    server.start()
    yield server
    server.stop()


async def _value(server: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_keeps_what_was_committed_through_a_kill(server: EmbeddedPostgres) -> None:
    await _value(server, "CREATE TABLE kept AS SELECT 42 AS n")

    server.kill()
    assert not server.is_alive()
    server.start()

    assert await _value(server, "SELECT n FROM kept") == 42


async def test_keeps_its_data_through_stop_and_start(server: EmbeddedPostgres) -> None:
    await _value(server, "CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    again = EmbeddedPostgres(server.folder)
    again.start()
    try:
        assert await _value(again, "SELECT n FROM kept") == 7
    finally:
        again.stop()


async def test_is_durable_and_utf8(server: EmbeddedPostgres) -> None:
    assert await _value(server, "SHOW fsync") == "on"
    assert await _value(server, "SHOW server_encoding") == "UTF8"
    assert await _value(server, "SHOW server_version_num") >= "180000"  # type: ignore[operator]


async def test_refuses_a_wrong_password(server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn(password="wrong"))


def test_password_file_is_private(server: EmbeddedPostgres) -> None:
    assert (server.folder / "superuser.password").stat().st_mode & 0o777 == 0o600


def test_a_folder_has_one_holder(server: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseStopped, match="in use by another process"):
        EmbeddedPostgres(server.folder).start()


async def test_shuts_down_a_server_whose_holder_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    child = os.fork()
    if child == 0:
        EmbeddedPostgres(folder).start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    orphan = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    server = EmbeddedPostgres(folder)
    server.start()
    try:
        assert server.pid not in (None, orphan)
        assert await _value(server, "SELECT 1") == 1
    finally:
        server.stop()


def test_a_taken_port_is_told(tmp_path: Path, server: EmbeddedPostgres) -> None:
    with pytest.raises(DatabaseStopped, match="Address already in use"):
        EmbeddedPostgres(tmp_path / "second", port=server.port).start()
    assert not is_free(server.port)
    assert holder_of(server.port) == server.pid


def test_free_port_lies_below_the_outgoing_range() -> None:
    assert 20_000 <= find_free_port() < 32_768
