"""The embedded engine: the event log inside PostgreSQL, as durable as that database, for one machine."""
