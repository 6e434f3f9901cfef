"""Contacts that staff record, and tasks: what somebody is to do about a customer, by when, and what came of it."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CONTACTS = """
CREATE TABLE interaction.contact_record (
    contact_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    kind text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor text NOT NULL,
    seconds integer,
    staff text[] NOT NULL,
    case_id uuid,
    task_id uuid,
    corrects uuid,
    sealed bytea NOT NULL
);
CREATE INDEX contact_record_profile_idx ON interaction.contact_record (profile_id, at, contact_id);
CREATE UNIQUE INDEX contact_record_corrects_idx ON interaction.contact_record (corrects) WHERE corrects IS NOT NULL;
COMMENT ON TABLE interaction.contact_record IS
    'Contacts as staff recorded them, append-only; one that corrects another stands in its place.';
"""

TASKS = """
CREATE TABLE interaction.task (
    task_id uuid PRIMARY KEY,
    profile_id uuid NOT NULL,
    case_id uuid,
    contact_id uuid,
    source text NOT NULL,
    rule text,
    team text NOT NULL,
    owner text,
    state text NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    due_at timestamptz NOT NULL,
    remind_at timestamptz,
    reminded_at timestamptz,
    overdue_at timestamptz,
    recurrence jsonb,
    series_id uuid,
    occurrence integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    closed_at timestamptz,
    version integer NOT NULL,
    sealed bytea
) WITH (fillfactor = 80);
CREATE INDEX task_owner_idx ON interaction.task (owner, due_at, task_id) WHERE state = 'open';
CREATE INDEX task_team_idx ON interaction.task (team, due_at, task_id) WHERE state = 'open';
CREATE INDEX task_open_idx ON interaction.task (due_at, task_id) WHERE state = 'open';
CREATE INDEX task_remind_idx ON interaction.task (owner, remind_at, task_id)
    WHERE state = 'open' AND remind_at IS NOT NULL;
CREATE INDEX task_profile_idx ON interaction.task (profile_id, due_at, task_id);
CREATE INDEX task_case_idx ON interaction.task (case_id, due_at, task_id) WHERE case_id IS NOT NULL;
CREATE INDEX task_due_idx ON interaction.task (due_at, task_id);
COMMENT ON COLUMN interaction.task.reminded_at IS 'when the reminder was raised for the present due time';
COMMENT ON COLUMN interaction.task.overdue_at IS 'when it was found overdue for the present due time';

CREATE TABLE interaction.task_event (
    task_id uuid NOT NULL,
    seq integer NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    detail jsonb NOT NULL,
    repeat_key bytea,
    sealed bytea,
    PRIMARY KEY (task_id, seq)
);
CREATE UNIQUE INDEX task_event_repeat_idx ON interaction.task_event (task_id, repeat_key)
    WHERE repeat_key IS NOT NULL;
COMMENT ON TABLE interaction.task_event IS 'What became of a task, append-only; sealed is what was said.';
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(CONTACTS)
    op.execute(TASKS)
