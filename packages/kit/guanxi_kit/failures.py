"""Failures that a process reports in one line and ends on."""

from __future__ import annotations


class FatalError(Exception):
    """The process cannot run or go on; the message is the one line that says why, without secrets."""
