"""HTTP interfaces: the ingest lane for channel systems, and reads for staff."""
