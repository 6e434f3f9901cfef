"""What a platform needs before its processes start: tables, topics and channels. All of it can be repeated."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from guanxi_contracts.catalog import TOPICS
from guanxi_devstack.bootstrap import SERVICES
from guanxi_devstack.credentials import CHANNELS
from guanxi_devstack.topology import Topology
from guanxi_kit.log.factory import open_admin
from guanxi_kit.log.port import TopicSpec
from guanxi_kit.settings import ServiceSettings


class PreparationFailed(Exception):
    """A step before the start failed; the message ends with what the step printed last."""


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
