"""Limits of bulk imports, as documented in docs/capture.md."""

from __future__ import annotations

from datetime import timedelta

KIB = 1024

CHUNK_BYTES = 64 * KIB
"""Bytes of a file that are sealed together: a key rotation holds 500 of these at a time."""
SAMPLE_BYTES = 1024 * KIB
"""The beginning of a file, by which its form is told."""
SAMPLE_ROWS = 1_000
MAX_RECORD_BYTES = 64 * KIB
MAX_COLUMNS = 500
MAX_COLUMN_NAME = 200
MAX_FILE_NAME = 255
MAX_SHEET_NAME = 100
MAX_PREVIEW_ROWS = 50
MAX_KEPT_REFUSALS = 100_000

CHUNKS_KEPT = timedelta(days=7)
"""How long an import may take from its upload; what is left of the file then goes."""
KEPT = timedelta(days=14)
"""How long anything of an import is kept: less than the 15 days within which an erasure must be complete."""
UPLOAD_TIME = timedelta(days=1)
"""After this an upload that never became complete is forgotten; none may take as long."""
