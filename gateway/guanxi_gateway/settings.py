"""Settings of the gateway, from environment variables that start with GUANXI_."""

from __future__ import annotations

from pydantic import Field

from guanxi_kit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Where the services are, and how much of anything one caller may have.

    The limits are per process and generous: they stop a runaway caller, they are no quota.
    """

    profile_url: str
    interaction_url: str
    scoring_url: str
    notification_url: str

    upstream_connections: int = Field(200, ge=1)
    """Connections to each service."""
    upstream_timeout: float = Field(10.0, gt=0)
    """Seconds to wait for a service's answer to a read."""
    ingest_timeout: float = Field(30.0, gt=0)
    """Seconds to wait for the answer to an ingest request; a retried one is recognised by its message id."""
    ingest_max_bytes: int = Field(1_048_576, ge=1)
    """Largest ingest request body, as sent (compressed); interaction-service checks the exact limits."""
    import_max_bytes: int = Field(2 * 1024**3, ge=1)
    """Largest file to import; interaction-service has a limit of its own."""
    answer_max_bytes: int = Field(8_000_000, ge=1)
    """Largest answer taken from a service."""

    ingest_origins: tuple[str, ...] = ("*",)
    """Origins of web pages whose SDK may send, as a JSON list; `*` is every site."""
    staff_origins: tuple[str, ...] = ()
    """Origins of frontends of staff."""

    address_rate: float = Field(20_000, gt=0)
    """Requests per second of one network address."""
    write_key_rate: float = Field(10_000, gt=0)
    """Ingest requests per second of one write key."""
    principal_rate: float = Field(2_000, gt=0)
    """Reads per second of one signed-in principal."""
    rate_burst_seconds: float = Field(2.0, gt=0)
    """How many seconds' worth of a rate may come at once."""

    changes_held: int = Field(10_000, ge=16)
    """Changes kept in memory for clients that resume or lag."""
    changes_heartbeat: float = Field(15.0, gt=0)
    """Seconds of silence after which a change stream says that it is alive."""
    changes_send_timeout: float = Field(20.0, gt=0)
    """Seconds that a client may leave its stream unread before it is let go."""
    changes_recheck_token: float = Field(30.0, gt=0)
    """Seconds after which an open stream's token is verified again."""
    changes_clients: int = Field(1_000, ge=1)
    """Change streams open at a time."""
    changes_catch_ups: int = Field(8, ge=1)
    """Clients that read old changes from the log at a time; further ones wait."""
