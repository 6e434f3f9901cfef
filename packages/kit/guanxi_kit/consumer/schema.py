"""Tables every service keeps in its own schema for the plumbing: positions, outbox, streams, dead letters."""

KIT_TABLES = """
CREATE TABLE {schema}.consumer_position (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    log_id text NOT NULL,
    causes jsonb NOT NULL DEFAULT '{{}}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE {schema}.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    record_count integer NOT NULL,
    records bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE {schema}.outbox ALTER COLUMN records SET STORAGE EXTERNAL;
CREATE INDEX outbox_source_idx ON {schema}.outbox (source, id);

CREATE TABLE {schema}.outbox_stream (
    source text PRIMARY KEY,
    next_sequence bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE {schema}.dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    record_key bytea NOT NULL,
    sealed_value bytea NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL,
    UNIQUE (topic, partition, record_offset)
);
"""

REPLAYABLE_LETTERS = """
ALTER TABLE {schema}.dead_letter
    ADD COLUMN failures integer NOT NULL DEFAULT 1,
    ADD COLUMN failed_at timestamptz,
    ADD COLUMN mentions bytea[];
CREATE INDEX dead_letter_reason_idx ON {schema}.dead_letter (topic, reason, id);
CREATE INDEX dead_letter_mentions_idx ON {schema}.dead_letter USING gin (mentions) WHERE mentions IS NOT NULL;
COMMENT ON COLUMN {schema}.dead_letter.failed_at IS 'when a replay failed last; null while none did';
COMMENT ON COLUMN {schema}.dead_letter.mentions IS 'keyed hashes of the identifiers in it, for erasures';
"""
"""What dead letters need besides to be replayed by hand, and to be found by everybody whom they name."""
