"""No sealed column is forgotten by a key rotation: every column of bytes is declared, or known to hold no seal."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import asyncpg
import pytest

from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.sealing import SealedColumn

NO_SEAL = {
    "access_audit": {"look_up", "reason_digest", "mac"},
    "audit_anchor": {"mac", "seal"},
    "audit_head": {"mac", "seal"},
    "channel": {"write_key_hash"},
    "consent_event": {"evidence_digest"},
    "dead_letter": {"record_key", "mentions"},
    "erasure_request": {"tombstones"},
    "duplicate_frequency": {"hash"},
    "identifier": {"hash"},
    "import_refusal": {"tombstones"},
    "case_event": {"repeat_key"},
    "task_event": {"repeat_key"},
    "refusal": {"tombstones"},
    "identifier_event": {"hash"},
    "link_block": {"identifier_hash", "strongest_hash"},
    "link_refusal": {"identifier_hash", "strongest_hash"},
    "merge_journal": {"identifier_hash", "strongest_hash"},
    "message": {"address_hash"},
    # Packed events: what is sealed in them goes to the log and ages out there.
    "outbox": {"records"},
    "served_address": {"address_hash"},
    "survey": {"nonce"},
    "survey_invitation": {"nonce"},
    "tombstone": {"tombstone"},
    "trait_source": {"value_hash"},
    "trait_value": {"value_hash"},
}
"""Keyed hashes and codes of authenticity, which the index key makes, and random values that are nothing without."""

AWAITED = {"consent_evidence", "consent_import"}
"""Tables that nothing writes to yet; whoever writes to one declares it and takes it out here."""

COLUMNS = """
SELECT c.table_name, c.column_name FROM information_schema.columns AS c
JOIN pg_class AS t ON t.relname = c.table_name AND t.relnamespace = c.table_schema::regnamespace
WHERE c.table_schema = $1 AND c.udt_name IN ('bytea', '_bytea') AND t.relkind IN ('r', 'p') AND NOT t.relispartition
"""
PRIMARY_KEY = """
SELECT array_agg(a.attname::text ORDER BY k.place)
FROM pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k(number, place)
JOIN pg_attribute AS a ON a.attnum = k.number
WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND a.attrelid = i.indrelid
"""


def declared(service: str) -> tuple[SealedColumn, ...]:
    """What a service declares."""
    columns: tuple[SealedColumn, ...] = import_module(
        f"{service}_service.adapters.sealed_columns"
    ).SEALED_COLUMNS
    return columns


@pytest.mark.parametrize("service", SERVICES)
async def test_every_column_of_bytes_is_declared_or_known_to_hold_no_seal(
    service: str, migrated_dsns: Callable[..., DatabaseDsns]
) -> None:
    columns = declared(service)
    connection = await asyncpg.connect(migrated_dsns(service).app[service])
    try:
        found = {(row[0], row[1]) for row in await connection.fetch(COLUMNS, service)}
        keys = {column.table: await connection.fetchval(PRIMARY_KEY, column.table) for column in columns}
    finally:
        await connection.close()
    sealed = {(column.table, column.column) for column in columns}
    assert len(sealed) == len(columns)
    assert sealed <= found
    unknown = {
        (table, name)
        for table, name in found - sealed
        if name not in NO_SEAL.get(table, ()) and table not in AWAITED
    }
    assert not unknown, f"declare them in {service}_service/adapters/sealed_columns.py: {sorted(unknown)}"
    for column in columns:
        assert list(column.key) == keys[column.table], column.name
