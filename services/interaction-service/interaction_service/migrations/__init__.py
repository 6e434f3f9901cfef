"""Alembic migrations of the schema `interaction`."""
