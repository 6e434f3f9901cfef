"""The rule engine: JSONLogic by datalogic, compiled once per rule."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from datalogic_py import BatchItemError, DataHandle, DataLogicError, Engine, Rule

from guanxi_kit.rules.language import RuleRefused
from guanxi_kit.telemetry import METRICS

__all__ = ["DataHandle", "DatalogicRules", "Rule"]

# null is not 0, "" and false are not 0: an order or sum with an unknown value is not true.
_CONFIG = {
    "numeric_coercion": {"null_to_zero": False, "bool_to_number": False, "empty_string_to_zero": False},
    "ops_budget": 10_000,
}
_STRICT = {"==": "===", "!=": "!=="}
_ENGINE = Engine(config=_CONFIG, strict_operator_names=True)


class _Own(threading.local):
    """Each thread's own session: another may neither use nor drop it, and the garbage of all is collected by any."""

    def __init__(self) -> None:
        self.session = _ENGINE.session()


_OWN = _Own()


class DatalogicRules:
    """Evaluates rules; never raises for what a document holds."""

    def compile(self, rule: Any, name: str) -> Rule:
        """Return a rule ready to evaluate. Raises RuleRefused."""
        try:
            return _ENGINE.compile_checked({"!!": [_strict(rule)]})
        except DataLogicError as error:
            raise RuleRefused(f"{name}: {str(error)[:200]}") from None

    def read(self, document: bytes) -> DataHandle:
        """Return a JSON document as rules read it."""
        return DataHandle(document.decode())

    def evaluate(self, rules: Sequence[Rule], document: DataHandle) -> list[bool]:
        """Return for each rule whether it holds. One that fails on what the document holds is counted and is false."""
        truths = []
        for result in _OWN.session.evaluate_many(rules, document):
            if isinstance(result, BatchItemError):
                METRICS.rule_faults.labels(fault=result.tag).inc()
                truths.append(False)
            else:
                truths.append(result == "true")
        return truths


def _strict(part: Any) -> Any:
    """Compare for equality without converting types."""
    if isinstance(part, list):
        return [_strict(inner) for inner in part]
    if isinstance(part, dict):
        return {_STRICT.get(operator, operator): _strict(argument) for operator, argument in part.items()}
    return part
