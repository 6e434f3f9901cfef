"""Bulk imports: uploaded files in sealed chunks, and the rows that were refused."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# sealed is ciphertext, so that compressing it would be wasted.
TABLES = """
CREATE TABLE IF NOT EXISTS interaction.import_file (
    import_id uuid PRIMARY KEY,
    uploaded_by text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    complete boolean NOT NULL DEFAULT false,
    size bigint NOT NULL DEFAULT 0,
    job_id uuid,
    sealed bytea
);
CREATE INDEX IF NOT EXISTS import_file_uploaded_idx ON interaction.import_file (uploaded_at, import_id);
COMMENT ON COLUMN interaction.import_file.sealed IS 'name, form, columns, mapping; null until all is there';

CREATE TABLE IF NOT EXISTS interaction.import_chunk (
    import_id uuid NOT NULL,
    number integer NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (import_id, number)
);
ALTER TABLE interaction.import_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;
COMMENT ON TABLE interaction.import_chunk IS 'Pieces of uploaded files; gone once the import has ended.';

CREATE TABLE IF NOT EXISTS interaction.import_refusal (
    import_id uuid NOT NULL,
    row_number bigint NOT NULL,
    tombstones bytea[] NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (import_id, row_number)
);
CREATE INDEX IF NOT EXISTS import_refusal_person_idx ON interaction.import_refusal USING gin (tombstones);
COMMENT ON COLUMN interaction.import_refusal.tombstones IS 'keyed hashes by which an erasure finds a row';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
