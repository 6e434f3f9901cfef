"""What a platform needs before its processes start: tables, topics and channels. All of it can be repeated."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Mapping

import asyncpg

from guanxi_contracts.catalog import TOPICS
from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.credentials import CHANNELS, write_private
from guanxi_devstack.topology import REPOSITORY, Topology
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.settings import ServiceSettings


class PreparationFailed(Exception):
    """A step before the start failed; the message ends with what the step printed last."""


async def prepare_services(topology: Topology) -> None:
    """Migrate and add channels, unless this very code has done so for this very database."""
    stamp = topology.options.folder / "prepared"
    current = await _fingerprint(topology)
    if stamp.exists() and stamp.read_text() == current:
        return
    await migrate_services(topology)
    await add_channels(topology)
    write_private(stamp, current)


async def migrate_services(topology: Topology) -> None:
    """Bring every service's tables up to date."""
    await asyncio.gather(
        *(
            _run(f"{service}_service", "migrate", environment=topology.migration_environment(service))
            for service in SERVICES
        )
    )


async def create_topics(topology: Topology) -> None:
    """Install the event log if it is ours, create the topics, drop what is older than their retention."""
    options = topology.options
    settings = ServiceSettings.load(
        service="devstack",
        role="command",
        log_engine="kafka" if options.kafka_bootstrap else "postgres",
        log_url=topology.dsn("log_owner"),
        kafka_bootstrap=options.kafka_bootstrap,
    )
    admin = open_admin(settings)
    await admin.start()
    try:
        await admin.create_topics(
            [
                TopicSpec(topic.name, options.partitions or topic.partitions, topic.retention_days)
                for topic in TOPICS
            ]
        )
        await admin.apply_retention()
    finally:
        await admin.stop()


async def add_channels(topology: Topology) -> None:
    """Make the channels of a local platform known, with their write keys."""
    environment = topology.service_environment("interaction", topology.ports.api("interaction"))
    for name, kind in CHANNELS.items():
        key = topology.credentials.write_keys[name]
        options = ("--name", name, "--kind", kind, "--write-key", key)
        await _run("interaction_service", "add-channel", *options, environment=environment)


async def _fingerprint(topology: Topology) -> str:
    """Tells this database, its channels' keys and the code that prepares it from every other."""
    connection = await asyncpg.connect(topology.admin_dsn)
    try:
        database = await connection.fetchval(
            "SELECT datname || ' ' || oid FROM pg_database WHERE datname = current_database()"
        )
    finally:
        await connection.close()
    keys = sorted(topology.credentials.write_keys.items())
    digest = hashlib.sha256(repr((database, keys)).encode())
    for folder in ("packages", "services"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


async def _run(module: str, *arguments: str, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode != 0:
        end = "\n".join(output.decode(errors="replace").splitlines()[-12:])
        raise PreparationFailed(f"python -m {module} {arguments[0]} failed:\n{end}")
