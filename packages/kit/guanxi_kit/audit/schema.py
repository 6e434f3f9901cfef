"""Tables of the access audit, in each service's schema. The application may add rows and change none."""

AUDIT_TABLES = """
CREATE TABLE {schema}.access_audit (
    chain_id uuid NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    action text NOT NULL,
    fields text NOT NULL,
    clear boolean NOT NULL,
    detail text NOT NULL,
    request_id text NOT NULL,
    look_up bytea,
    reason_digest bytea,
    people uuid[] NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (chain_id, sequence)
);
COMMENT ON TABLE {schema}.access_audit IS 'Who read what of whom; each process links its rows by keyed hashes.';
CREATE INDEX access_audit_subject_idx ON {schema}.access_audit (subject, at, chain_id, sequence);

CREATE TABLE {schema}.access_person (
    profile_id uuid NOT NULL,
    at timestamptz NOT NULL,
    chain_id uuid NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (profile_id, at, chain_id, sequence)
);
COMMENT ON TABLE {schema}.access_person IS 'Whose data was shown, by fragment: merges and undos change nothing.';

CREATE TABLE {schema}.access_reason (
    chain_id uuid NOT NULL,
    sequence bigint NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (chain_id, sequence)
);
COMMENT ON TABLE {schema}.access_reason IS 'Stated reasons, apart so that a key rotation may seal them anew.';

CREATE TABLE {schema}.audit_head (
    chain_id uuid PRIMARY KEY,
    sequence bigint NOT NULL,
    mac bytea NOT NULL,
    seal bytea NOT NULL,
    at timestamptz NOT NULL,
    anchored bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE {schema}.audit_head IS 'Where each chain ends, written with its last rows.';

CREATE TABLE {schema}.audit_anchor (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    chain_id uuid NOT NULL,
    sequence bigint NOT NULL,
    mac bytea NOT NULL,
    seal bytea NOT NULL
);
COMMENT ON TABLE {schema}.audit_anchor IS 'Where chains ended from time to time, itself a chain; the log has its ends.';

REVOKE UPDATE, DELETE, TRUNCATE ON {schema}.access_audit, {schema}.access_person, {schema}.audit_anchor
    FROM {schema}_app;
REVOKE DELETE, TRUNCATE ON {schema}.access_reason, {schema}.audit_head FROM {schema}_app;
"""
