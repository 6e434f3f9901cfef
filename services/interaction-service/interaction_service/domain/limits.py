"""Limits of the ingest API, as documented in the service's README."""

from __future__ import annotations

KIB = 1024

MAX_EVENT_BYTES = 32 * KIB
MAX_BODY_BYTES = 500 * KIB
MAX_BATCH_EVENTS = 2_500
MAX_SHARED_CONTEXT_BYTES = 4 * KIB
MAX_DEPTH = 32
MAX_MESSAGE_ID = 100
MAX_NAME = 512
MAX_TRAIT_NAME = 255
MAX_IDENTIFIERS = 64
