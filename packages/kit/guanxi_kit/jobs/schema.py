"""The table of jobs, one in each service's schema that has any."""

JOB_TABLE = """
CREATE TABLE {schema}.job (
    job_id uuid PRIMARY KEY,
    kind text NOT NULL,
    params jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    cursor jsonb,
    result jsonb,
    error text,
    fault text,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    turn_at timestamptz NOT NULL,
    crashes integer NOT NULL DEFAULT 0,
    leased_by uuid,
    leased_until timestamptz
) WITH (fillfactor = 50);
CREATE INDEX job_open_idx ON {schema}.job (turn_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_requested_idx ON {schema}.job (requested_at, job_id);
COMMENT ON COLUMN {schema}.job.fault IS 'why the last step is tried again; null once one was kept';
COMMENT ON COLUMN {schema}.job.turn_at IS 'when it last had a turn: the job that waited longest is next';
COMMENT ON COLUMN {schema}.job.crashes IS 'processes that took it and ended without a word since its last step';
"""
