"""Customers whom anybody was in contact with: in the total of a month a customer of two owners is one."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ANYBODY = """
INSERT INTO interaction.contact_month AS standing (month, owner, customer_id, contacts, required, filled)
SELECT month, '', customer_id, sum(contacts), max(required), max(filled) FROM interaction.contact_month
GROUP BY month, customer_id
ON CONFLICT (month, owner, customer_id) DO UPDATE SET contacts = excluded.contacts, required = excluded.required,
  filled = excluded.filled;

DELETE FROM interaction.tally
WHERE a = '' AND measure IN ('contact.customer', 'contact.goal', 'record.required', 'record.filled');

INSERT INTO interaction.tally (measure, day, a, b, c, n)
SELECT counted.measure, month, '', '', '', sum(counted.n) FROM interaction.contact_month
CROSS JOIN LATERAL (VALUES ('contact.customer', 1), ('contact.goal', (contacts >= 2)::integer),
  ('record.required', required), ('record.filled', filled)) AS counted (measure, n)
WHERE owner = '' GROUP BY counted.measure, month
"""


def upgrade() -> None:
    """Count what there is."""
    op.execute(ANYBODY)
