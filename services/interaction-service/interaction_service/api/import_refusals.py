"""GET /v1/imports/{import_id}/refused: rows that were not taken in, for whoever mends them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from guanxi_kit.audit import Reading, maskable
from guanxi_kit.masking import MASK, Shown
from guanxi_kit.spreadsheets import BOM, MEDIA_TYPE, csv_lines
from interaction_service.adapters.imports.refusals import kept_refusals
from interaction_service.api.import_state import ImportState, State, known
from interaction_service.application.imports.document import Import
from interaction_service.domain.imports.columns import MASKED, REFUSED_LIST

router = APIRouter(prefix="/v1/imports", tags=["imports"])
RefusedReading = Annotated[Reading, maskable("import.write", "import")]


@router.get(
    "/{import_id}/refused",
    summary="Download the refused rows as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def get_refused(import_id: UUID, state: State, reading: RefusedReading) -> StreamingResponse:
    """With the number of each row, the column to blame and the reason. No cell is ever carried out as a formula."""
    found = await known(state, import_id)
    await reading.of((), detail=str(import_id))
    return StreamingResponse(_refused_lines(state, found, reading), media_type=MEDIA_TYPE)


async def _refused_lines(state: ImportState, found: Import, reading: Reading) -> AsyncIterator[bytes]:
    names = found.document.names
    show = reading.shown.declaring(state.declared)
    targets = {column.column: column.to for column in found.document.mapping.columns}
    heading = REFUSED_LIST if show.clear else (*REFUSED_LIST[:-1], MASKED)
    yield BOM.encode() + csv_lines([[*heading, *names]])
    async for page in kept_refusals(state.database, state.keyring, found.import_id):
        yield csv_lines(
            [
                number,
                one.field,
                one.reason,
                *_cells(one.values, names, targets, show),
            ]
            for number, one in page
        )


def _cells(
    values: Sequence[Any], names: Sequence[str], targets: Mapping[str, str], show: Shown
) -> Iterator[Any]:
    """Yield the cells of a row as they are shown: each masked as the trait that its column becomes, or by its name.

    A row whose cells do not belong to columns, because it is no record or has too many, is shown as a whole or not.
    """
    aligned = len(values) <= len(names) and (len(values) > 1 or len(names) == 1)
    for place, value in enumerate(values):
        if show.clear:
            shown = value
        elif aligned:
            shown = show.trait(targets.get(names[place], names[place]).removeprefix("trait."), value)
        else:
            shown = MASK
        yield msgspec.json.encode(shown).decode() if isinstance(shown, dict | list) else shown
