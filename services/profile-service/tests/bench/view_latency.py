"""How long the unified view takes to read with a million customers, over HTTP within one process.

Usage: python services/profile-service/tests/bench/view_latency.py [--customers 1000000] [--reads 3000]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

import profile_service
from guanxi_devstack.bootstrap import bootstrap, create_database, derive_passwords, with_database, with_login
from guanxi_devstack.postgres import EmbeddedPostgres
from guanxi_kit.crypto import Keyring
from guanxi_kit.migrate import run_migrations
from guanxi_kit.testing import StaffIdentity, client_of
from profile_service.adapters.vault import PlainIdentifier, identifier_aad, trait_aad
from profile_service.main import make_api
from profile_service.settings import ProfileSettings

SAMPLE = 2000
PEOPLE = "(SELECT md5('f' || i)::uuid AS id, i FROM generate_series($1::int, $2::int) AS i) AS person"
FILL = (
    f"INSERT INTO fragment SELECT id, id, 1, false, now() FROM {PEOPLE}",
    f"INSERT INTO customer SELECT id, 'C' || i, now() FROM {PEOPLE}",
    "INSERT INTO identifier SELECT decode(md5(type || i), 'hex'), type, id, '', now(), id"
    f" FROM {PEOPLE}, unnest(ARRAY['user_id', 'phone']) AS type",
    "INSERT INTO activity SELECT id, channel, 'CNY', 1, 1, 100, now(), now()"
    f" FROM {PEOPLE}, unnest(ARRAY['web', 'pos']) AS channel",
    "INSERT INTO trait_source SELECT id, name, 'web', '', '', now(), now(), id, now(), id"
    f" FROM {PEOPLE}, unnest(ARRAY['city', 'name', 'email']) AS name",
    f"""INSERT INTO customer_score SELECT id, 1, now(), '{{"tier": "ordinary"}}' FROM {PEOPLE}""",
)


async def fill(connection: asyncpg.Connection, customers: int, keyring: Keyring) -> list[UUID]:
    """Insert customers; return those whose sealed values are real."""
    started = time.perf_counter()
    for low in range(1, customers + 1, 100_000):
        for statement in FILL:
            await connection.execute(statement, low, min(low + 99_999, customers))
    print(f"filled {customers:,} customers in {time.perf_counter() - started:.0f} s")
    await connection.execute("ANALYZE")
    chosen = random.Random(3).sample(range(1, customers + 1), SAMPLE)
    rows = await connection.fetch("SELECT md5('f' || i)::uuid AS id FROM unnest($1::int[]) AS i", chosen)
    people = [UUID(bytes=row["id"].bytes) for row in rows]
    for person in people:
        for hash_, kind in await connection.fetch(
            "SELECT hash, type FROM identifier WHERE profile_id = $1", person
        ):
            plain = msgspec.json.encode(PlainIdentifier(kind, "", "+12025550101"))
            sealed = keyring.seal(plain, identifier_aad(hash_))
            await connection.execute("UPDATE identifier SET sealed = $2 WHERE hash = $1", hash_, sealed)
        for name in ("city", "name", "email"):
            sealed = keyring.seal(b'"ada@example.com"', trait_aad(person, name))
            await connection.execute(
                "UPDATE trait_source SET sealed = $3 WHERE profile_id = $1 AND name = $2",
                person,
                name,
                sealed,
            )
    return people


async def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            await measure(server, Path(folder), arguments)
        finally:
            server.stop()


async def measure(server: EmbeddedPostgres, folder: Path, arguments: argparse.Namespace) -> None:
    passwords = derive_passwords(server.password)
    await create_database(server.dsn(), "guanxi")
    admin = with_database(server.dsn(), "guanxi")
    await bootstrap(admin, passwords)
    staff, keyring = StaffIdentity(), Keyring.generate()
    settings = ProfileSettings.load(
        service="profile-service",
        database_url=with_login(admin, "profile_app", passwords["profile_app"]),
        database_owner_url=with_login(admin, "profile_owner", passwords["profile_owner"]),
        log_url=with_login(admin, "log_app", passwords["log_app"]),
        keyring=keyring.to_json(),
        jwks_file=staff.write_jwks(folder / "jwks.json"),
    )
    await run_migrations(settings, Path(profile_service.__file__).parent / "migrations", "profile")
    connection = await asyncpg.connect(settings.owner_dsn())
    people = await fill(connection, arguments.customers, keyring)
    await connection.close()
    headers, seconds, used = staff.headers(), [], time.process_time()
    async with client_of(make_api(settings)) as client:
        for number in range(arguments.reads):
            started = time.perf_counter()
            response = await client.get(f"/v1/customers/{people[number % SAMPLE]}", headers=headers)
            seconds.append(time.perf_counter() - started)
            assert response.status_code == 200, response.text
    print(
        f"CPU of the process, client included: {(time.process_time() - used) / arguments.reads * 1e3:.2f} ms a read"
    )
    warm = sorted(seconds[100:])
    for share in (0.5, 0.9, 0.99, 0.999):
        print(f"p{share * 100:g}: {warm[int(len(warm) * share)] * 1e3:.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=5000)
    asyncio.run(main(parser.parse_args()))
