"""Opens the event log that the settings name: the only place that knows the engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from guanxi_kit.log.port import Admin, Consumer, Producer, Reader
from guanxi_kit.log.sharing import Timing


class LogSettings(Protocol):
    """What the log needs to know of a process's settings.

    Turn `kafka_idempotence` off only for brokers that do not know idempotent producers.
    """

    @property
    def log_engine(self) -> Literal["kafka", "postgres"]: ...
    @property
    def kafka_idempotence(self) -> bool: ...
    def log_dsn(self) -> str: ...
    def bootstrap_servers(self) -> str: ...


def open_producer(settings: LogSettings) -> Producer:
    """A producer; start it before use."""
    if settings.log_engine == "postgres":
        from guanxi_kit.log.postgres.producer import PostgresProducer

        return PostgresProducer(settings.log_dsn())
    from guanxi_kit.log.kafka.producer import KafkaProducer

    return KafkaProducer(settings.bootstrap_servers(), idempotence=settings.kafka_idempotence)


def open_consumer(
    settings: LogSettings, group: str, topics: Sequence[str], timing: Timing | None = None
) -> Consumer:
    """A member of `group` that reads its share of `topics`; start it before use."""
    if settings.log_engine == "postgres":
        from guanxi_kit.log.postgres.consumer import PostgresConsumer

        return PostgresConsumer(settings.log_dsn(), group, topics, timing)
    from guanxi_kit.log.kafka.consumer import KafkaConsumer

    return KafkaConsumer(settings.bootstrap_servers(), group, topics, timing)


def open_reader(settings: LogSettings) -> Reader:
    """A reader outside any group; start it before use."""
    if settings.log_engine == "postgres":
        from guanxi_kit.log.postgres.reader import PostgresReader

        return PostgresReader(settings.log_dsn())
    from guanxi_kit.log.kafka.reader import KafkaReader

    return KafkaReader(settings.bootstrap_servers())


def open_admin(settings: LogSettings) -> Admin:
    """The log's administration; start it before use."""
    if settings.log_engine == "postgres":
        from guanxi_kit.log.postgres.admin import PostgresAdmin

        return PostgresAdmin(settings.log_dsn())
    from guanxi_kit.log.kafka.admin import KafkaAdmin

    return KafkaAdmin(settings.bootstrap_servers())
