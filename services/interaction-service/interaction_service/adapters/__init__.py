"""PostgreSQL tables and the event log behind the application's ports."""
