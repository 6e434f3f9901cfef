"""Probable duplicates."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE profile.duplicate_due (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id uuid NOT NULL
);
CREATE INDEX duplicate_due_customer_idx ON profile.duplicate_due (customer_id);
COMMENT ON TABLE profile.duplicate_due IS 'Customers that changed since they were last compared with others.';

CREATE TABLE profile.duplicate_key (
    key bigint NOT NULL,
    customer_id uuid NOT NULL,
    PRIMARY KEY (key, customer_id)
);
CREATE INDEX duplicate_key_customer_idx ON profile.duplicate_key (customer_id);
COMMENT ON TABLE profile.duplicate_key IS 'Keyed hashes of what makes two customers worth comparing.';

CREATE TABLE profile.duplicate_model (
    model_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trained_at timestamptz NOT NULL,
    document jsonb NOT NULL
);
CREATE TABLE profile.duplicate_frequency (
    hash bytea PRIMARY KEY,
    share double precision NOT NULL
);
COMMENT ON TABLE profile.duplicate_frequency IS 'How frequent the most frequent names are, by keyed hash.';

CREATE TABLE profile.duplicate_run (
    job_id uuid PRIMARY KEY,
    phase text NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    total bigint,
    error text,
    result jsonb
);
COMMENT ON TABLE profile.duplicate_run IS 'How far the process of a search among all customers is.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
