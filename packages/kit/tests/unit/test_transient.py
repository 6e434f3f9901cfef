import socket

import pytest
from asyncpg import exceptions as pg

from guanxi_kit.db import DatabaseUnavailable, describe_dsn, is_transient


@pytest.mark.parametrize(
    "error",
    [
        pg.SerializationError("40001"),
        pg.DeadlockDetectedError("40P01"),
        pg.LockNotAvailableError("55P03"),
        pg.QueryCanceledError("57014 statement timeout"),
        pg.AdminShutdownError("57P01"),
        pg.CrashShutdownError("57P02"),
        pg.CannotConnectNowError("57P03"),
        pg.TooManyConnectionsError("53300"),
        pg.ConnectionDoesNotExistError("closed in the middle of operation"),
        pg.ReadOnlySQLTransactionError("25006"),
        pg.InterfaceError("connection is closed"),
        pg.InterfaceError("pool is closing"),
        pg.InternalClientError("got result for unknown protocol state 3"),
        DatabaseUnavailable("no database"),
        ConnectionRefusedError(111, "refused"),
        ConnectionResetError(104, "reset"),
        TimeoutError(),
        socket.gaierror(-3, "temporary failure in name resolution"),
        OSError("Multiple exceptions: [Errno 111] ..., [Errno 111] ..."),
    ],
)
def test_what_passes_by_itself(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        pg.UniqueViolationError("23505"),
        pg.UndefinedTableError("42P01"),
        pg.CharacterNotInRepertoireError("22021"),
        pg.DataError("invalid input for query argument $1: connection is closed"),
        pg.InterfaceError("cannot perform operation: another operation is in progress"),
        pg.InvalidPasswordError("28P01"),
        FileNotFoundError(2, "template"),
        ValueError("closed"),
    ],
)
def test_what_repeating_does_not_mend(error: Exception) -> None:
    assert not is_transient(error)


def test_an_address_is_described_without_credentials() -> None:
    assert (
        describe_dsn("postgresql://app:secret@db.example.com:6432/guanxi?x=1") == "db.example.com:6432/guanxi"
    )
    assert describe_dsn("postgresql:///guanxi") == "local socket:5432/guanxi"
