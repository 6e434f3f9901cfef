"""The table of the processes that hold a keyring, one in each service's schema."""

KEY_TABLE = """
CREATE TABLE {schema}.keyring_user (
    process_id uuid PRIMARY KEY,
    role text NOT NULL,
    host text NOT NULL,
    key_ids bigint[] NOT NULL,
    primary_key_id bigint NOT NULL,
    fault text,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE {schema}.keyring_user IS 'Which keys each process has: none may seal with a key that another lacks.';
"""
