"""JSON log lines on standard error, without personal data, for our own and for the libraries' loggers."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from guanxi_kit.http import REQUEST_ID

REDACTED = "[redacted]"
PERSONAL_KEYS = frozenset(
    (
        "phone", "email", "value", "values", "traits", "properties", "identifiers", "authorization", "cookie",
        "password", "token", "secret", "write_key", "name", "address", "birthday", "body", "query", "dsn",
    )
)  # fmt: skip
_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+\d[\d \-()]{6,18}\d|(?<![\w.:-])1[3-9]\d{9}(?![\w.:-])")
_MAX_TEXT = 2000
_MAX_FRAMES = 20
_MAX_DEPTH = 6
_QUIET = (
    "uvicorn",
    "httpx",
    "httpcore",
    "aiokafka",
    "kafka",
    "asyncio",
    "sqlalchemy",
    "alembic.runtime.plugins",
)


def scrub(text: str) -> str:
    """Return `text` without what looks like an e-mail address or a phone number, 2,000 characters at most."""
    return _PHONE.sub(REDACTED, _EMAIL.sub(REDACTED, text[:_MAX_TEXT]))


def _clean(value: Any, depth: int = 0) -> Any:
    cleaned: Any
    if value is None or isinstance(value, (bool, int, float)):
        cleaned = value
    elif isinstance(value, (bytes, bytearray, memoryview)):
        cleaned = f"<{len(value)} bytes>"
    elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
        cleaned = {
            str(key): REDACTED if str(key).lower() in PERSONAL_KEYS else _clean(item, depth + 1)
            for key, item in value.items()
        }
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < _MAX_DEPTH:
        cleaned = [_clean(item, depth + 1) for item in value]
    else:
        cleaned = scrub(str(value))
    return cleaned


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace the values of personal keys at any depth, and what looks personal inside any text."""
    cleaned = _clean(event)
    assert isinstance(cleaned, dict)
    return cleaned


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as data: type, scrubbed message, innermost frames and cause.

    PostgreSQL's DETAIL holds row values, and source lines may hold literals: neither is taken.
    """
    message = error.args[0] if hasattr(error, "sqlstate") and error.args else error
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": scrub(str(message)),
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
        ],
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(error, BaseExceptionGroup):
        described["exceptions"] = [describe(inner) for inner in error.exceptions[:_MAX_DEPTH]]
    elif cause is not None:
        described["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return described


def _render_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def _to_json(event: Any, **_options: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _add_request_id,
    _render_exception,
]
# At import, because structlog's own default prints local variables with a traceback.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        redact,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def configure_logging(service: str, role: str, level: str = "info") -> None:
    """Send every log record of the process to standard error as one JSON object a line.

    Keys: timestamp (UTC, ISO 8601), level, logger, service, role, event, request_id while serving a request, and
    what the caller adds. Library loggers (uvicorn, asyncio, alembic) pass the same redaction.
    """

    def add_process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, "service": service, "role": role}

    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            add_process,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
    )
    _install(formatter, level)


def _install(formatter: logging.Formatter, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose keyword arguments become keys of the JSON line."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
