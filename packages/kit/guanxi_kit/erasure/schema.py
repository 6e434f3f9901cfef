"""The table of erased fragments and the locks around it, one set in each service's schema."""

# Both functions read after they hold their lock, because every statement of a volatile function sees what has
# committed before it.
ERASED_FRAGMENT = """
CREATE TABLE IF NOT EXISTS {schema}.erased_fragment (
    profile_id uuid PRIMARY KEY,
    request_id uuid NOT NULL,
    erased_at timestamptz NOT NULL
);
COMMENT ON TABLE {schema}.erased_fragment IS 'Fragments of erased persons: nothing is stored under them again.';

CREATE OR REPLACE FUNCTION {schema}.erased_among(asked uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('{schema}.erasure', 0));
    RETURN QUERY SELECT known.profile_id FROM {schema}.erased_fragment AS known WHERE known.profile_id = ANY(asked);
END $$;
COMMENT ON FUNCTION {schema}.erased_among IS 'Keeps erasures waiting until the transaction ends.';

CREATE OR REPLACE FUNCTION {schema}.erase_alone() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('{schema}.erasure', 0));
$$;
COMMENT ON FUNCTION {schema}.erase_alone IS 'Waits for whoever writes facts of persons, and keeps them waiting.';
"""

# A hash index, because a key may be longer than other indexes take.
DEAD_LETTERS = (
    "DROP INDEX CONCURRENTLY IF EXISTS {schema}.dead_letter_key_idx",
    "CREATE INDEX CONCURRENTLY dead_letter_key_idx ON {schema}.dead_letter USING hash (record_key)",
)
"""Statements, each outside any transaction, that index the dead letters by whom they are about."""
