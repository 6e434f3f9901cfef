"""The access audit: kept before the answer, in one statement for many, and no tampering goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.audit import AUDIT_TABLES, Access, AuditAnchors, AuditTrail
from guanxi_kit.audit.search import accesses_of_people, accesses_of_subject
from guanxi_kit.audit.trail import look_up_digest
from guanxi_kit.audit.verification import Finding, Verification
from guanxi_kit.clock import ManualClock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database, open_pool
from guanxi_kit.testing import eventually

NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
ADA, BO, CY = (UUID(int=number) for number in (1, 2, 3))
Connection: TypeAlias = "asyncpg.Connection[Any]"


@dataclass
class Audited:
    """A database with the audit's tables, a trail of the application's role, and the superuser."""

    database: Database
    superuser: Connection
    keyring: Keyring
    clock: ManualClock
    trail: AuditTrail
    anchors: AuditAnchors

    async def read(self, *people: UUID, subject: str = "li", **given: Any) -> None:
        """Keep that somebody read the view of these people; a second passes."""
        await self.trail.keep(
            Access(subject, "agent", "GET /v1/customers/{customer_id}", "view", people, **given)
        )
        self.clock.advance(timedelta(seconds=1))

    async def findings(self, rows: int = 1000) -> list[Finding]:
        """Everything that a verification finds, as the superuser sees the tables in his open transaction."""
        found, cursor = [], None
        while True:
            page = await Verification(self.superuser, self.keyring, rows=rows).page(cursor)
            found += page.findings
            cursor = page.next
            if cursor is None:
                return found


@pytest.fixture
async def audited(database_dsns: DatabaseDsns) -> AsyncIterator[Audited]:
    owner = await asyncpg.connect(database_dsns.owner["scoring"])
    await owner.execute(AUDIT_TABLES.format(schema="scoring"))
    await owner.close()
    pool = await open_pool(database_dsns.app["scoring"], max=3, application_name="test")
    superuser = await asyncpg.connect(database_dsns.admin, server_settings={"search_path": "scoring"})
    database, keyring, clock = Database(pool), Keyring.generate(), ManualClock(NOW)
    trail, anchors = AuditTrail(database, keyring, clock), AuditAnchors(database, keyring, clock, seconds=60)
    yield Audited(database, superuser, keyring, clock, trail, anchors)
    await trail.close()
    await superuser.close()
    await pool.close()


async def test_concurrent_accesses_are_kept_together_and_found_by_person_and_subject(
    audited: Audited,
) -> None:
    await asyncio.gather(*(audited.read(ADA, subject=f"s{n % 2}") for n in range(60)))
    statements = await audited.superuser.fetchval("SELECT count(DISTINCT xmin::text) FROM access_audit")
    assert statements <= 3, "one for the first, one for those that came meanwhile"
    await audited.read(ADA, BO, reason="asked for by the customer", clear=True)
    await audited.read(BO, look_up=b"k" * 16, detail="phone", request_id="ab12")
    assert await audited.findings() == []
    async with audited.database.connection() as connection:
        first = await accesses_of_people(connection, audited.keyring, [ADA, BO], limit=40)
        rest = await accesses_of_people(
            connection, audited.keyring, [ADA, BO], after=first[-1].access.place, limit=40
        )
        by_subject = await accesses_of_subject(connection, audited.keyring, "li", limit=9)
    assert [len(first), len(rest)] == [40, 22]
    places = [(found.access.at, found.access.chain_id, found.access.sequence) for found in first + rest]
    assert places == sorted(set(places), reverse=True), "each once, the newest first"
    assert [found.reason for found in by_subject] == [None, "asked for by the customer"]
    digest = look_up_digest(audited.keyring, b"k" * 16)
    assert (by_subject[0].access.look_up, by_subject[0].access.people) == (digest, (BO,))
    assert by_subject[1].access.people == (ADA, BO)


async def test_a_failed_write_fails_the_reader_and_begins_another_chain(audited: Audited) -> None:
    await audited.read(ADA)
    await audited.superuser.execute("ALTER TABLE scoring.access_person RENAME TO away")
    with pytest.raises(asyncpg.UndefinedTableError):
        await audited.read(ADA)
    await audited.superuser.execute("ALTER TABLE scoring.away RENAME TO access_person")
    await audited.read(ADA)
    assert await audited.superuser.fetchval("SELECT count(*) FROM audit_head") == 2
    assert await audited.findings() == []


async def test_a_connection_that_was_lost_between_two_readers_fails_neither(audited: Audited) -> None:
    await audited.read(ADA)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
    assert await audited.superuser.fetchval(f"SELECT count(*) FROM ({cut}) AS gone") > 0
    await eventually(lambda: audited.database.pool.get_idle_size() > 0)
    await audited.read(ADA)
    assert await audited.superuser.fetchval("SELECT count(*) FROM access_audit") == 2


async def test_the_application_may_add_rows_and_change_none(audited: Audited) -> None:
    await audited.read(ADA, reason="asked for by the customer", clear=True)
    await audited.anchors.anchor()
    async with audited.database.connection() as connection:
        for table in ("access_audit", "access_person", "audit_anchor"):
            for statement in (f"UPDATE {table} SET at = now()", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        for table in ("access_reason", "audit_head"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DELETE FROM {table}")


Tamper = Callable[[Connection, UUID], Awaitable[Any]]


def sql(*statements: str) -> Tamper:
    """Run statements in which `$chain` is the chain's id."""

    async def tamper(superuser: Connection, chain: UUID) -> None:
        for statement in statements:
            await superuser.execute(statement.replace("$chain", f"'{chain}'::uuid"))

    return tamper


TAMPERING: dict[str, tuple[set[str], Tamper]] = {
    "who": ({"changed"}, sql("UPDATE access_audit SET subject = 'wang' WHERE sequence = 3")),
    "when": (
        {"changed", "person_missing"},
        sql("UPDATE access_audit SET at = at - '1 day'::interval WHERE sequence = 3"),
    ),
    "whom": ({"changed"}, sql("UPDATE access_audit SET people = '{}' WHERE sequence = 3")),
    "masked": ({"changed"}, sql("UPDATE access_audit SET clear = false WHERE sequence = 4")),
    "deleted": ({"missing"}, sql("DELETE FROM access_audit WHERE sequence BETWEEN 3 AND 5")),
    "the first deleted": ({"missing"}, sql("DELETE FROM access_audit WHERE sequence = 1")),
    "reordered": (
        {"changed"},
        sql(
            "UPDATE access_audit SET sequence = 1000 WHERE sequence = 3",
            "UPDATE access_audit SET sequence = 3 WHERE sequence = 4",
            "UPDATE access_audit SET sequence = 4 WHERE sequence = 1000",
        ),
    ),
    "inserted at the end": (
        {"changed"},
        sql(
            "INSERT INTO access_audit SELECT chain_id, 9, at, 'wang', role, action, fields, false, detail, request_id,"
            " NULL, NULL, '{}', mac FROM access_audit WHERE sequence = 8"
        ),
    ),
    "inserted as a chain of its own": (
        {"changed", "end_missing"},
        sql(
            f"INSERT INTO access_audit SELECT '{CY}', sequence, at, subject, role, action, fields, false, detail,"
            " request_id, look_up, NULL, '{}', mac FROM access_audit WHERE sequence < 3"
        ),
    ),
    "tail cut off": ({"cut_off"}, sql("DELETE FROM access_audit WHERE sequence > 6")),
    "tail cut off and the end set back": (
        {"changed", "cut_off"},
        sql(
            "DELETE FROM access_audit WHERE sequence > 6",
            "UPDATE audit_head SET sequence = 6, mac = (SELECT mac FROM access_audit WHERE sequence = 6)",
        ),
    ),
    "end taken away": ({"end_missing"}, sql("DELETE FROM audit_head")),
    "chain deleted with its end": (
        {"cut_off"},
        sql("DELETE FROM access_audit", "DELETE FROM access_person", "DELETE FROM audit_head"),
    ),
    "anchor deleted": (
        {"anchor_missing", "cut_off"},
        sql("DELETE FROM access_audit WHERE sequence > 6", "DELETE FROM audit_anchor WHERE number = 1"),
    ),
    "anchor changed": ({"anchor_changed"}, sql("UPDATE audit_anchor SET at = now() WHERE number = 2")),
    "reason changed": ({"reason_changed"}, sql("UPDATE access_reason SET sealed = sealed || '\\x00'::bytea")),
    "reason deleted": ({"reason_changed"}, sql("DELETE FROM access_reason")),
    "person deleted": ({"person_missing"}, sql("DELETE FROM access_person WHERE sequence = 3")),
}


async def test_every_tampering_is_found(audited: Audited) -> None:
    for number in range(8):
        await audited.read(
            ADA, BO, clear=number == 3, reason="asked for by the customer" if number == 3 else None
        )
        if number in (4, 7):
            await audited.anchors.anchor()
    (chain,) = {row["chain_id"] for row in await audited.superuser.fetch("SELECT chain_id FROM access_audit")}
    assert await audited.findings() == []
    for rows in (1000, 2):
        for name, (expected, tamper) in TAMPERING.items():
            transaction = audited.superuser.transaction()
            await transaction.start()
            await tamper(audited.superuser, chain)
            found = {finding.kind for finding in await audited.findings(rows)}
            assert expected <= found, (name, rows, found)
            await transaction.rollback()
    assert await audited.findings(2) == []


async def test_a_logged_anchor_tells_that_the_last_anchors_were_taken_away(audited: Audited) -> None:
    for _ in range(3):
        await audited.read(ADA)
        await audited.anchors.anchor()
    page = await Verification(audited.superuser, audited.keyring).page(None)
    assert page.anchor is not None
    assert page.anchor.number == 3
    # With the key gone from nobody's reach but the database in his hands, somebody sets everything back at once.
    await audited.superuser.execute(
        "DELETE FROM audit_anchor WHERE number = 3; DELETE FROM access_audit WHERE sequence = 3;"
        "DELETE FROM access_person WHERE sequence = 3; DELETE FROM audit_head"
    )
    verification = Verification(audited.superuser, audited.keyring)
    assert not await verification.has_anchor(3, page.anchor.seal)
    assert {finding.kind for finding in await audited.findings()} == {"end_missing"}


async def test_many_people_are_checked_in_bounded_pages(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guanxi_kit.audit.verification.PEOPLE", 30)
    crowd = [uuid4() for _ in range(25)]
    for _ in range(5):
        await audited.read(*crowd)
    verification = Verification(audited.superuser, audited.keyring)
    checked, cursor = [], None
    while True:
        page = await verification.page(cursor)
        checked.append(page.rows)
        cursor = page.next
        if cursor is None:
            break
    assert sum(checked) == 5
    assert max(checked) <= 2
    await audited.superuser.execute(
        "DELETE FROM access_person WHERE sequence = 5 AND profile_id = $1", crowd[7]
    )
    assert [(finding.kind, finding.sequence) for finding in await audited.findings()] == [
        ("person_missing", 5)
    ]
