"""Traits with lineage, enterprises and their contacts, what a record lacks.

Online-safe at ten million customers: no table is rewritten, and what is copied is copied without a lock on its source.
Every step may be done again after a failure in the middle.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TRAITS = """
CREATE TABLE IF NOT EXISTS profile.trait_source (
    profile_id uuid NOT NULL,
    name text NOT NULL,
    channel text NOT NULL,
    sealed bytea NOT NULL,
    value_hash bytea,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    since_at timestamptz NOT NULL,
    since_touchpoint_id uuid NOT NULL,
    PRIMARY KEY (profile_id, name, channel)
) WITH (fillfactor = 70);
COMMENT ON TABLE profile.trait_source IS 'What each source told last of a trait; who wins is decided on reading.';
COMMENT ON COLUMN profile.trait_source.since_at IS 'Of the row in trait_value that began this value.';
COMMENT ON COLUMN profile.trait_source.value_hash IS 'Null: copied from trait, or written by the version before.';

CREATE TABLE IF NOT EXISTS profile.trait_value (
    profile_id uuid NOT NULL,
    name text NOT NULL,
    channel text NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    sealed bytea NOT NULL,
    value_hash bytea,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (profile_id, name, channel, occurred_at, touchpoint_id)
);
COMMENT ON TABLE profile.trait_value IS 'What each source told and when, one row for each change; append-only.';
"""

# Workers of the version before write to trait alone. They cannot be told to compare values, so each of their writes
# is a change here; it ends with their rollout.
MIRROR = """
CREATE OR REPLACE FUNCTION profile.mirror_trait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO profile.trait_source AS standing
        (profile_id, name, channel, sealed, occurred_at, recorded_at, touchpoint_id, since_at, since_touchpoint_id)
    VALUES (NEW.profile_id, NEW.name, NEW.channel, NEW.sealed, NEW.occurred_at, now(), NEW.touchpoint_id,
        NEW.occurred_at, NEW.touchpoint_id)
    ON CONFLICT (profile_id, name, channel) DO UPDATE SET
        sealed = excluded.sealed, value_hash = NULL, occurred_at = excluded.occurred_at,
        recorded_at = excluded.recorded_at, touchpoint_id = excluded.touchpoint_id,
        since_at = excluded.since_at, since_touchpoint_id = excluded.since_touchpoint_id
    WHERE (excluded.occurred_at, excluded.touchpoint_id) > (standing.occurred_at, standing.touchpoint_id);
    INSERT INTO profile.trait_value (profile_id, name, channel, occurred_at, touchpoint_id, sealed, recorded_at)
    VALUES (NEW.profile_id, NEW.name, NEW.channel, NEW.occurred_at, NEW.touchpoint_id, NEW.sealed, now())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS mirror_trait ON profile.trait;
CREATE TRIGGER mirror_trait AFTER INSERT OR UPDATE OF occurred_at ON profile.trait
FOR EACH ROW EXECUTE FUNCTION profile.mirror_trait();
COMMENT ON TABLE profile.trait IS 'Written and read by the version before only; its writes are mirrored.';
"""

RECORD = """
ALTER TABLE profile.fragment ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'individual';
COMMENT ON COLUMN profile.fragment.kind IS 'individual or enterprise; all fragments of a customer are alike.';

CREATE TABLE IF NOT EXISTS profile.contact_link (
    enterprise_profile_id uuid NOT NULL,
    person_profile_id uuid NOT NULL,
    sealed bytea,
    since timestamptz NOT NULL,
    until timestamptz,
    told_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    PRIMARY KEY (enterprise_profile_id, person_profile_id)
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS contact_link_person_idx ON profile.contact_link (person_profile_id);
COMMENT ON TABLE profile.contact_link IS 'Persons who act for an enterprise, by fragment on both sides.';
COMMENT ON COLUMN profile.contact_link.sealed IS 'The role of the person; null when nobody told it.';

ALTER TABLE profile.activity
    ADD COLUMN IF NOT EXISTS year integer,
    ADD COLUMN IF NOT EXISTS year_purchases bigint,
    ADD COLUMN IF NOT EXISTS year_minor bigint,
    ADD COLUMN IF NOT EXISTS dated bigint;
COMMENT ON COLUMN profile.activity.year IS 'The last business year with purchases: of what is beside it.';
COMMENT ON COLUMN profile.activity.dated IS 'Purchases whose year was looked at: all, but for those of before.';

CREATE TABLE IF NOT EXISTS profile.invalid_identifier (
    profile_id uuid NOT NULL,
    type text NOT NULL,
    channel text NOT NULL,
    sealed bytea NOT NULL,
    reason text NOT NULL,
    occurred_at timestamptz NOT NULL,
    touchpoint_id uuid NOT NULL,
    PRIMARY KEY (profile_id, type, channel)
) WITH (fillfactor = 80);
COMMENT ON TABLE profile.invalid_identifier IS 'What a source gave last in place of an identifier, and why it is none.';

CREATE TABLE IF NOT EXISTS profile.undeclared_field (
    source text NOT NULL,
    name text NOT NULL,
    channel text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (source, name, channel)
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS undeclared_field_name_idx ON profile.undeclared_field (name, channel);
COMMENT ON TABLE profile.undeclared_field IS
    'Fields that no purpose of the pack covers, one row per source partition: no two workers write the same.';
"""

# The trigger is in place, so that what is written meanwhile is newer than, or the same as, what is copied.
COPIES = (
    """
    INSERT INTO profile.trait_value (profile_id, name, channel, occurred_at, touchpoint_id, sealed, recorded_at)
    SELECT profile_id, name, channel, occurred_at, touchpoint_id, sealed, now() FROM profile.trait
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO profile.trait_source
        (profile_id, name, channel, sealed, occurred_at, recorded_at, touchpoint_id, since_at, since_touchpoint_id)
    SELECT profile_id, name, channel, sealed, occurred_at, now(), touchpoint_id, occurred_at, touchpoint_id
    FROM profile.trait ON CONFLICT DO NOTHING
    """,
)


def upgrade() -> None:
    """Add tables and the mirror; then copy, each table in a transaction of its own."""
    op.execute(TRAITS)
    op.execute(MIRROR)
    op.execute(RECORD)
    with op.get_context().autocommit_block():
        for copy in COPIES:
            op.execute(copy)
