"""Channels, timeline by month, membership of fragments, and the tables of the plumbing."""

from __future__ import annotations

from alembic import op

from guanxi_kit.consumer import KIT_TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "interaction"

CHANNEL = """
CREATE TABLE interaction.channel (
    channel_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL UNIQUE,
    kind text NOT NULL,
    write_key_hash bytea NOT NULL UNIQUE,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""

# months: those in which the fragment has touchpoints, as year * 12 + month - 1, ascending.
MEMBERSHIP = """
CREATE TABLE interaction.membership (
    profile_id uuid PRIMARY KEY,
    customer_id uuid NOT NULL,
    version bigint NOT NULL,
    months integer[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);
CREATE INDEX membership_customer_idx ON interaction.membership (customer_id);
"""

# sealed is ciphertext, so that compressing it would be wasted.
TOUCHPOINT = """
CREATE TABLE interaction.touchpoint (
    profile_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    amount_minor bigint,
    quantity bigint,
    channel text NOT NULL,
    kind text NOT NULL,
    name text,
    currency text,
    sealed bytea NOT NULL,
    PRIMARY KEY (profile_id, occurred_at, touchpoint_id)
) PARTITION BY RANGE (occurred_at);
ALTER TABLE interaction.touchpoint ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE TABLE interaction.touchpoint_other PARTITION OF interaction.touchpoint DEFAULT;
"""

# The application may not create tables; this function makes exactly one kind of table, within sane months, and tells
# whether the month has one. The second look reads pg_class, because name look-ups may answer from a cache that waiting
# for the lock does not renew. Rows that came before their month was sane move out of the default partition.
ENSURE_MONTH = """
CREATE FUNCTION interaction.ensure_touchpoint_month(wanted integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = interaction, pg_temp AS $$
DECLARE
    opens timestamptz;
    closes timestamptz;
    leaf text;
BEGIN
    IF wanted < 1970 * 12 OR wanted > extract(year FROM now()) * 12 + extract(month FROM now()) + 1 THEN
        RETURN false;
    END IF;
    opens := make_timestamptz(wanted / 12, wanted % 12 + 1, 1, 0, 0, 0, 'UTC');
    closes := make_timestamptz((wanted + 1) / 12, (wanted + 1) % 12 + 1, 1, 0, 0, 0, 'UTC');
    leaf := format('touchpoint_%s_%s', wanted / 12, lpad((wanted % 12 + 1)::text, 2, '0'));
    IF to_regclass('interaction.' || leaf) IS NOT NULL THEN
        RETURN true;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('interaction.touchpoint.month', 0));
    IF EXISTS (SELECT FROM pg_class WHERE relname = leaf AND relnamespace = 'interaction'::regnamespace) THEN
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE interaction.%I (LIKE interaction.touchpoint INCLUDING ALL)', leaf);
    LOCK TABLE interaction.touchpoint_other IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM interaction.touchpoint_other'
        ' WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)'
        ' INSERT INTO interaction.%I SELECT * FROM moved', opens, closes, leaf);
    EXECUTE format(
        'ALTER TABLE interaction.touchpoint ATTACH PARTITION interaction.%I FOR VALUES FROM (%L) TO (%L)',
        leaf, opens, closes);
    RETURN true;
END $$;
"""


def upgrade() -> None:
    """Create the schema's tables."""
    op.execute(KIT_TABLES.format(schema=SCHEMA))
    for statement in (CHANNEL, MEMBERSHIP, TOUCHPOINT, ENSURE_MONTH):
        op.execute(statement)
