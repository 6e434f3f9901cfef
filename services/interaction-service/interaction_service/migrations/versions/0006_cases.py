"""Timers; cases: what customers want solved, what was done about it, and the clocks that run meanwhile."""

from __future__ import annotations

from alembic import op

from guanxi_kit.timers import TIMER_TABLE

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CASES = """
CREATE TABLE interaction.case_number_day (
    day date PRIMARY KEY,
    last integer NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE interaction.case_file (
    case_id uuid PRIMARY KEY,
    number text NOT NULL UNIQUE,
    profile_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('enquiry', 'complaint', 'request')),
    category text,
    cause text,
    priority text NOT NULL,
    state text NOT NULL,
    is_open boolean NOT NULL,
    owner text,
    team text NOT NULL,
    source text NOT NULL,
    duplicate_of uuid,
    participants jsonb NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    changed_at timestamptz NOT NULL,
    cycle integer NOT NULL,
    version integer NOT NULL,
    next_due_at timestamptz,
    next_clock text,
    breached text[] NOT NULL,
    sealed bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX case_profile_idx ON interaction.case_file (profile_id, opened_at, case_id);
CREATE INDEX case_opened_idx ON interaction.case_file (opened_at, case_id);
CREATE INDEX case_due_idx ON interaction.case_file (next_due_at, case_id) WHERE is_open;
CREATE INDEX case_team_idx ON interaction.case_file (team, next_due_at, case_id) WHERE is_open;
CREATE INDEX case_owner_idx ON interaction.case_file (owner, next_due_at, case_id) WHERE is_open;
CREATE INDEX case_duplicate_idx ON interaction.case_file (duplicate_of) WHERE duplicate_of IS NOT NULL;
COMMENT ON TABLE interaction.case_file IS 'A case as it stands; next_due_at and breached follow from its clocks.';

CREATE TABLE interaction.case_event (
    case_id uuid NOT NULL,
    seq integer NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    visible boolean NOT NULL,
    detail jsonb NOT NULL,
    repeat_key bytea,
    sealed bytea,
    PRIMARY KEY (case_id, seq)
);
CREATE UNIQUE INDEX case_event_repeat_idx ON interaction.case_event (case_id, repeat_key)
    WHERE repeat_key IS NOT NULL;
COMMENT ON TABLE interaction.case_event IS 'What was done about a case, append-only; sealed is what was said.';

CREATE TABLE interaction.case_clock_event (
    case_id uuid NOT NULL,
    cycle integer NOT NULL,
    clock text NOT NULL,
    run integer NOT NULL,
    seq integer NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    policy jsonb,
    PRIMARY KEY (case_id, cycle, clock, run, seq)
);

CREATE TABLE interaction.case_clock (
    case_id uuid NOT NULL,
    cycle integer NOT NULL,
    clock text NOT NULL,
    run integer NOT NULL,
    state text NOT NULL,
    started_at timestamptz NOT NULL,
    due_at timestamptz,
    breached_at timestamptz,
    stopped_at timestamptz,
    PRIMARY KEY (case_id, cycle, clock, run)
) WITH (fillfactor = 80);
COMMENT ON TABLE interaction.case_clock IS 'What follows from the events of each run of a clock, for lists.';

CREATE TABLE interaction.case_alarm (
    case_id uuid NOT NULL,
    cycle integer NOT NULL,
    clock text NOT NULL,
    run integer NOT NULL,
    level text NOT NULL,
    due_at timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    recipients text[] NOT NULL,
    PRIMARY KEY (case_id, cycle, clock, run, level)
);
"""


def upgrade() -> None:
    """Create the tables of timers and of cases."""
    op.execute(TIMER_TABLE.format(schema="interaction"))
    op.execute(CASES)
