"""An export as one document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from guanxi_gateway.application.export_document import BrokenExport, as_json
from guanxi_kit.exporting import ExportLine


async def lines(*sections: str) -> AsyncIterator[ExportLine]:
    for number, section in enumerate(sections):
        yield ExportLine(section, msgspec.Raw(b'{"n":%d}' % number))


async def document(*sections: str) -> bytes:
    return b"".join([part async for part in as_json({"customer_id": "c"}, lines(*sections))])


async def test_each_section_is_a_list() -> None:
    told = json.loads(await document("tasks", "tasks", "cases"))
    assert told == {"customer_id": "c", "tasks": [{"n": 0}, {"n": 1}], "cases": [{"n": 2}]}


@pytest.mark.parametrize("sections", [("tasks", "cases", "tasks"), ("customer_id",)])
async def test_a_name_that_comes_twice_would_hide_a_part(sections: tuple[str, ...]) -> None:
    with pytest.raises(BrokenExport, match=sections[-1]):
        await document(*sections)
