"""JMESPath within bounds: what an expression may cost is known before it meets a payload.

JMESPath has no loops and no way back to the root, so that work and result are bounded by the payload, except that
`[@, @]` doubles what it is given: expressions that could multiply their input more than COPIES times are refused when
they are declared. A meter bounds the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import prod
from typing import Any
from zoneinfo import ZoneInfo

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from interaction_service.domain.refusal import Refused

MAX_NODES = 200
MAX_DEPTH = 40
COPIES = 64
STEPS = 50_000
"""What one item may cost; a step takes about a microsecond."""

Search = Callable[[Any], Any]
_MILLISECONDS_FROM = 100_000_000_000
_ONE_OF = ("or_expression", "and_expression")
_CHAINED = (
    "pipe",
    "subexpression",
    "index_expression",
    "projection",
    "filter_projection",
    "value_projection",
)
_BROKEN = (JMESPathError, TypeError, ValueError, OverflowError, AttributeError, RecursionError, LookupError)


class BadExpression(ValueError):
    """The expression cannot be used; the message says why."""


class _TooCostly(Exception):
    """An item took more steps than it may."""


class _Functions(Functions):  # type: ignore[misc]
    """JMESPath's own functions, and those that payloads of channels need."""

    @signature({"types": ["number", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_epoch_time(self, value: float | str | None) -> str | None:
        """ISO 8601 of seconds or milliseconds since 1970."""
        if value is None or value == "":
            return None
        seconds = float(value)
        if abs(seconds) >= _MILLISECONDS_FROM:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    @signature({"types": ["string", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_local_time(self, value: str | None, zone: str) -> str | None:
        """ISO 8601 with the offset of a zone, of a time without one."""
        if not value:
            return None
        time = datetime.fromisoformat(value)
        return (time.replace(tzinfo=ZoneInfo(zone)) if time.tzinfo is None else time).isoformat()

    @signature({"types": ["number", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_from_minor(self, value: float | str | None) -> float | None:
        """An amount in major units, of one in cents or fen."""
        return None if value is None or value == "" else round(float(value) / 100, 2)

    @signature({"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_from_json(self, value: str | None) -> Any:
        """The value of a text that is JSON."""
        return None if not value else msgspec.json.decode(value)

    @signature({"types": ["number", "string", "null"]})  # type: ignore[untyped-decorator]
    def _func_text(self, value: float | str | None) -> str | None:
        """A number as a text; unlike to_string it leaves null alone, so that nobody gets the id "null"."""
        return value if value is None or isinstance(value, str) else str(value)

    @signature({"types": []}, {"types": ["object"]}, {"types": []})  # type: ignore[untyped-decorator]
    def _func_choose(self, key: Any, values: dict[str, Any], otherwise: Any) -> Any:
        """The value of a key in an object, or else another."""
        return values.get(key, otherwise) if isinstance(key, str) else otherwise


class _Metered(TreeInterpreter):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(Options(custom_functions=_Functions()))
        self.left = STEPS

    def visit(self, node: dict[str, Any], value: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise _TooCostly
        return super().visit(node, value)


_INTERPRETER = _Metered()


class Expression:
    """A compiled expression; `name` is what a refusal blames."""

    __slots__ = ("_search", "name", "text")

    def __init__(self, text: str, name: str) -> None:
        """Raises BadExpression."""
        self.text, self.name = text, name
        try:
            tree = jmespath.compile(text).parsed
        except (JMESPathError, RecursionError) as error:
            raise BadExpression(f"is no JMESPath: {str(error).partition(chr(10))[0][:200]}") from None
        _check(tree)
        self._search = _compiled(tree) or (lambda value: _INTERPRETER.visit(tree, value))

    def search(self, value: Any) -> Any:
        """Return what the expression finds. Raises Refused, which never tells a value."""
        try:
            return self._search(value)
        except _TooCostly:
            raise Refused(self.name, "takes too long to find out") from None
        except _BROKEN:
            raise Refused(self.name, "is not of the type that the mapping expects") from None


def refill() -> None:
    """Begin with the next item: it has all the steps again."""
    _INTERPRETER.left = STEPS


def is_true(value: Any) -> bool:
    """Tell what JMESPath takes for true: neither null, nor false, nor empty."""
    return not (value is None or value is False or value in ("", [], {}))


def _check(tree: dict[str, Any]) -> None:
    nodes, level, depth = 0, [tree], 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise BadExpression("is too long or nested too deeply")
        for node in level:
            if node["type"] == "function_expression" and node["value"] not in _Functions.FUNCTION_TABLE:
                raise BadExpression(f"there is no function {node['value']}")
        level = [child for node in level for child in _children(node)]
    if _copies(tree) > COPIES:
        raise BadExpression(f"could multiply a payload more than {COPIES} times")


def _children(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [child for child in node["children"] if isinstance(child, dict)]


def _copies(node: dict[str, Any]) -> int:
    """Return how often the result may hold the input at most."""
    parts = [_copies(child) for child in _children(node)]
    if node["type"] in _CHAINED:
        return prod(parts)
    if node["type"] in _ONE_OF:
        return max(parts)
    return max(1, sum(parts))


def _compiled(node: dict[str, Any]) -> Search | None:
    """Return a function for the plain expressions that most are: it costs a tenth of visiting the tree."""
    kind, parts = node["type"], node["children"]
    if kind == "field":
        name = node["value"]
        return lambda value: value.get(name) if type(value) is dict else None
    if kind == "literal":
        literal = node["value"]
        return lambda value: literal
    if kind == "comparator" and node["value"] in ("eq", "ne"):
        return _compiled_comparison(node)
    if kind not in ("subexpression", "or_expression", "and_expression") or len(parts) != 2:
        return None
    first, second = _compiled(parts[0]), _compiled(parts[1])
    if first is None or second is None:
        return None
    return _joined(kind, first, second)


def _joined(kind: str, first: Search, second: Search) -> Search:
    if kind == "subexpression":
        return lambda value: second(first(value))

    def choose(value: Any) -> Any:
        found = first(value)
        return found if is_true(found) == (kind == "or_expression") else second(value)

    return choose


def _compiled_comparison(node: dict[str, Any]) -> Search | None:
    found, literal = _compiled(node["children"][0]), node["children"][1]
    # Texts alone: of numbers and booleans JMESPath has its own idea of equality.
    if found is None or literal["type"] != "literal" or not isinstance(literal["value"], str):
        return None
    text, equal = literal["value"], node["value"] == "eq"
    return lambda value: (found(value) == text) == equal
