"""What a process writes to standard error: one JSON object a line, never a person's data."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi_kit.logging import PERSONAL_KEYS, REDACTED, describe, redact, scrub


def lines_of(program: str) -> list[dict[str, Any]]:
    """Run `program` after logging was configured and return its log lines."""
    source = "from guanxi_kit.logging import configure_logging, get_logger\n"
    source += "configure_logging('demo-service', 'api', 'info')\n" + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_json_and_says_where_from() -> None:
    (line,) = lines_of("get_logger('guanxi.demo').info('batch done', topic='touchpoint.received', records=7)")
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "guanxi.demo",
        "service": "demo-service",
        "role": "api",
        "event": "batch done",
        "topic": "touchpoint.received",
        "records": 7,
    }


def test_library_loggers_pass_the_same_redaction() -> None:
    lines = lines_of(
        """
        import asyncio, logging, warnings
        logging.getLogger('uvicorn.error').error('bad request of %s', 'ann@example.com')
        logging.getLogger('alembic.runtime.migration').info('Running upgrade')
        logging.getLogger('asyncio').error('task failed', exc_info=ValueError('phone +12025550123'))
        logging.getLogger('httpx').info('HTTP Request: GET http://profile/v1/customers?phone=%2B12025550123')
        logging.getLogger('somebody').debug('unseen')
        warnings.warn('old way for bob@example.org')
        """
    )
    assert [line["logger"] for line in lines] == [
        "uvicorn.error", "alembic.runtime.migration", "asyncio", "py.warnings"
    ]  # fmt: skip
    assert lines[0]["event"] == f"bad request of {REDACTED}"
    assert lines[2]["exception"]["message"] == f"phone {REDACTED}"
    text = json.dumps(lines)
    assert "example.com" not in text
    assert "example.org" not in text
    assert "2025550123" not in text


def test_the_level_holds_for_our_own_loggers() -> None:
    lines = lines_of(
        """
        configure_logging('demo-service', 'api', 'warning')
        get_logger('guanxi.demo').info('unseen')
        get_logger('guanxi.demo').warning('seen')
        """
    )
    assert [line["event"] for line in lines] == ["seen"]


def test_an_exception_is_frames_without_locals_source_or_row_values() -> None:
    (line,) = lines_of(
        """
        from asyncpg import exceptions as pg
        def store(phone):
            error = pg.UniqueViolationError('duplicate key value violates unique constraint "identifier_pkey"')
            error.detail = 'Key (value)=(ann-the-first) already exists.'
            raise error
        try:
            store('ann-the-first')
        except Exception:
            get_logger('guanxi.demo').exception('batch failed')
        """
    )
    assert line["exception"]["type"] == "asyncpg.exceptions.UniqueViolationError"
    assert "identifier_pkey" in line["exception"]["message"]
    assert line["exception"]["frames"][-1].endswith(" store")
    assert "ann-the-first" not in json.dumps(line)


@pytest.mark.parametrize("key", sorted(PERSONAL_KEYS))
def test_personal_keys_are_redacted_at_any_depth(key: str) -> None:
    event = {"event": "x", key: "Ann", "data": [{"deep": {key.upper(): {"any": "thing"}}}]}
    assert redact(None, "info", event) == {
        "event": "x",
        key: REDACTED,
        "data": [{"deep": {key.upper(): REDACTED}}],
    }


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "Ann <ann.o'neil+x@mail.example.co.uk>",
        "+12025550123",
        "+44 7700 900-123",
        "19900001234",
    ],
)
def test_addresses_inside_a_text_are_scrubbed(text: str) -> None:
    assert REDACTED in scrub(f"no route for {text}, given up")
    assert text not in scrub(f"no route for {text}, given up")


@pytest.mark.parametrize(
    "text",
    [
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "2024-05-01T08:00:00.123456Z",
        "offset 13812345678901234 of touchpoint.received/7",
        "port 8000 on 127.0.0.1 is in use",
        "12.5 s, 1,000,000 records",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert scrub(text) == text


def test_long_texts_and_bytes_are_not_written_out() -> None:
    cleaned = redact(None, "info", {"event": "x" * 10_000, "raw": b"ann@example.com"})
    assert len(cleaned["event"]) == 2000
    assert cleaned["raw"] == "<15 bytes>"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(event=st.dictionaries(st.text(max_size=10), json_like, max_size=4))
def test_redaction_never_fails_and_reaches_a_fixed_point(event: dict[str, Any]) -> None:
    once = redact(None, "info", dict(event))
    assert redact(None, "info", dict(once)) == once


def test_groups_and_causes_are_described() -> None:
    group = ExceptionGroup("several", [KeyError("one"), OSError("two")])
    assert [inner["type"] for inner in describe(group)["exceptions"]] == [
        "builtins.KeyError",
        "builtins.OSError",
    ]
    caused = ValueError("outer")
    caused.__cause__ = LookupError("ann@example.com")
    assert describe(caused)["cause"] == "builtins.LookupError"
