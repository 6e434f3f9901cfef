"""Rules in threads: any of them may evaluate, and drop what another made."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from guanxi_kit.rules.engine import DatalogicRules


def test_any_thread_uses_and_drops_an_engine_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda fault: faults.append(fault.exc_value))
    engine = DatalogicRules()
    rule, document = engine.compile({">": [{"var": "count"}, 2]}, "many"), engine.read(b'{"count": 3}')
    with ThreadPoolExecutor(1) as thread:
        assert engine.evaluate([rule], document) == [True]
        assert thread.submit(engine.evaluate, [rule], document).result() == [True]
        knot: list[object] = [thread.submit(DatalogicRules).result(), engine]
        knot.append(knot)
        del engine, knot
        thread.submit(gc.collect).result()
    gc.collect()
    assert faults == []
