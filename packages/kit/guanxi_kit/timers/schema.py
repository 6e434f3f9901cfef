"""The table of timers, one in each service's schema that has any."""

SHARDS = 8
"""Parts of the table; each is fired by one loop at a time."""

TIMER_TABLE = """
CREATE TABLE {schema}.timer (
    kind text NOT NULL,
    key uuid NOT NULL,
    name text NOT NULL DEFAULT '',
    shard smallint NOT NULL,
    due_at timestamptz NOT NULL,
    turn_at timestamptz NOT NULL,
    payload jsonb,
    tries integer NOT NULL DEFAULT 0,
    failed_at timestamptz,
    reason text,
    PRIMARY KEY (kind, key, name)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX timer_turn_idx ON {schema}.timer (shard, turn_at) WHERE failed_at IS NULL;
COMMENT ON COLUMN {schema}.timer.turn_at IS 'when it is fired: due_at, later while it is tried again';
COMMENT ON COLUMN {schema}.timer.failed_at IS 'when it was set aside for its reason; starting a worker tries it again';
"""
