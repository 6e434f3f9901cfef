"""What was refused, for a while, and events that no pack names."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# tombstones: what an erasure asks for in place of the identifiers that the item names.
REFUSAL = """
CREATE TABLE interaction.refusal (
    refusal_id uuid PRIMARY KEY,
    channel_id uuid NOT NULL,
    channel text NOT NULL,
    way text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'quarantined', 'replayed', 'discarded')),
    received_at timestamptz NOT NULL,
    kept_until timestamptz NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    tombstones bytea[] NOT NULL,
    sealed bytea NOT NULL,
    settled_at timestamptz,
    settled_by text
);
CREATE INDEX refusal_received_idx ON interaction.refusal (received_at, refusal_id);
CREATE INDEX refusal_channel_idx ON interaction.refusal (channel, received_at);
CREATE INDEX refusal_kept_until_idx ON interaction.refusal (kept_until);
CREATE INDEX refusal_tombstones_idx ON interaction.refusal USING gin (tombstones);
ALTER TABLE interaction.refusal ALTER COLUMN sealed SET STORAGE EXTERNAL;
"""

EVENT_NAME = """
CREATE TABLE interaction.event_name (
    channel text NOT NULL,
    name text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL,
    violations bigint NOT NULL,
    reason text,
    PRIMARY KEY (channel, name)
) WITH (fillfactor = 70);
COMMENT ON TABLE interaction.event_name IS
    'Events that no pack names, or that violate their schema; the empty name stands for those beyond the bound.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(REFUSAL)
    op.execute(EVENT_NAME)
