"""/v1/imports: files whose rows become touchpoints."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request

from guanxi_kit.audit import Reading, masked
from guanxi_kit.auth import Principal, require
from guanxi_kit.cursors import decode_cursor, encode_cursor
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.jobs import cancel_job, submit_job
from interaction_service.adapters.channels import channel_named
from interaction_service.adapters.imports.file_store import FileGone
from interaction_service.adapters.imports.job import KIND, job_params
from interaction_service.adapters.imports.looking import Asked
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.api.import_schemas import (
    ImportDocument,
    ImportsDocument,
    PreviewDocument,
    UploadAsked,
    import_document,
)
from interaction_service.api.import_state import ImportState, State, known, unknown
from interaction_service.application.imports.mapping import ImportMapping, check, with_forms
from interaction_service.application.imports.row_mapper import RowMapper
from interaction_service.application.message import explain
from interaction_service.application.ports import Channel
from interaction_service.domain.imports.limits import MAX_PREVIEW_ROWS
from interaction_service.domain.refusal import Refused

MAX_MAPPING_BYTES = 256 * 1024
_MAPPING = msgspec.json.Decoder(ImportMapping)
_TAB = "tab"


router = APIRouter(prefix="/v1/imports", tags=["imports"])
Writer = Annotated[Principal, Depends(require("import.write"))]
PreviewReading = Annotated[Reading, masked("import.write", "import")]


@router.post("", status_code=201, summary="Upload a file to import")
async def post_import(
    request: Request, state: State, principal: Writer, asked: Annotated[UploadAsked, Query()]
) -> ImportDocument:
    """The body is the file. It is stored under seal as it comes; nothing is taken in before the import is started."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, detail="The file is uploaded as it is, without Content-Encoding.")
    form = Asked(
        asked.encoding, "\t" if asked.delimiter == _TAB else asked.delimiter, asked.header, asked.sheet
    )
    import_id = await state.uploads.receive(
        request.stream(), asked.name, form, uploaded_by=principal.subject, now=state.clock.now()
    )
    return await _shown(state, import_id)


@router.get("", dependencies=[Depends(require("import.write"))], summary="List imports")
async def get_imports(
    state: State,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> ImportsDocument:
    """The newest first."""
    before = None if cursor is None else decode_cursor(cursor)
    found = await state.uploads.store.list(limit + 1, before)
    page = found[:limit]
    following = encode_cursor(page[-1].uploaded_at, page[-1].import_id) if len(found) > limit else None
    now = state.clock.now()
    return ImportsDocument(items=[import_document(one, now) for one in page], next_cursor=following)


@router.get("/{import_id}", dependencies=[Depends(require("import.write"))], summary="Read an import")
async def get_import(import_id: UUID, state: State) -> ImportDocument:
    """Return what the file is, its mapping and how far it is."""
    return await _shown(state, import_id)


@router.get("/{import_id}/preview", summary="See what would come of the first rows")
async def get_preview(
    import_id: UUID,
    state: State,
    reading: PreviewReading,
    rows: Annotated[int, Query(ge=1, le=MAX_PREVIEW_ROWS)] = 10,
) -> PreviewDocument:
    """By the mapping as it stands; nothing is written."""
    found = await known(state, import_id)
    channel = await _channel(state, found.document.mapping)
    mapper = RowMapper(found.document.mapping, found.document.names, import_id)
    file = state.uploads.store.open(import_id, found.size)
    reader = open_rows(file, found.document.form, found.document.names)
    try:
        first = await reader.read(rows)
    except FileGone:
        raise Problem(409, detail="The file is no longer there: its import has ended.") from None
    finally:
        await reader.close()
    await reading.of((), detail=str(import_id))
    shown = reading.shown.declaring(state.declared)
    return PreviewDocument(items=state.preview.preview(channel, mapper, first, shown))


@router.post("/{import_id}/mapping", summary="Set what becomes of the columns")
async def post_mapping(import_id: UUID, request: Request, state: State, _: Writer) -> ImportDocument:
    """The mapping as a whole. It can be changed until the import is started."""
    mapping = _read_mapping(await request.body())
    await _channel(state, mapping)
    async with state.database.transaction() as connection:
        found = await state.uploads.store.lock(connection, import_id)
        if found is None:
            raise unknown()
        if found.job is not None:
            raise Problem(409, detail="The import was started already.")
        try:
            check(mapping, found.document.names, state.identifiers)
        except Refused as error:
            raise _refused(error) from None
        types = {column.name: column.type for column in found.document.columns}
        mapping = with_forms(mapping, types, state.uploads.declared)
        document = msgspec.structs.replace(found.document, mapping=mapping)
        await state.uploads.store.describe(connection, import_id, document)
    return await _shown(state, import_id)


@router.post("/{import_id}/start", status_code=202, summary="Take the rows in")
async def post_start(import_id: UUID, state: State, principal: Writer) -> ImportDocument:
    """In the background. To start an import again changes nothing."""
    found = await known(state, import_id)
    mapping = found.document.mapping
    try:
        check(mapping, found.document.names, state.identifiers)
    except Refused as error:
        raise _refused(error) from None
    channel = await _channel(state, mapping)
    async with state.database.transaction() as connection:
        locked = await state.uploads.store.lock(connection, import_id)
        if locked is None:
            raise unknown()
        if locked.document.mapping != mapping:
            raise Problem(409, detail="The mapping was changed meanwhile.")
        if locked.job is None:
            job_id = await submit_job(
                connection,
                KIND,
                job_params(locked, channel),
                requested_by=principal.subject,
                now=state.clock.now(),
            )
            await state.uploads.store.start(connection, import_id, job_id)
    return await _shown(state, import_id)


@router.post("/{import_id}/cancel", summary="Stop an import")
async def post_cancel(import_id: UUID, state: State, principal: Writer) -> ImportDocument:
    """Before its next step; what was taken in stays. The file goes, also that of an import that was not started."""
    now = state.clock.now()
    async with state.database.transaction() as connection:
        found = await state.uploads.store.lock(connection, import_id)
        if found is None:
            raise unknown()
        if found.job is None:
            # A job that has ended before it began: from here on the import is like any other that was cancelled.
            job_id = await submit_job(
                connection, KIND, {"import_id": str(import_id)}, requested_by=principal.subject, now=now
            )
            await state.uploads.store.start(connection, import_id, job_id)
        else:
            job_id = found.job.job_id
        if await cancel_job(connection, job_id, now) is None:
            raise Problem(409, detail="The import has ended already.")
    return await _shown(state, import_id)


def _read_mapping(body: bytes) -> ImportMapping:
    if len(body) > MAX_MAPPING_BYTES:
        raise Problem(413, detail=f"The mapping is larger than {MAX_MAPPING_BYTES} bytes.")
    try:
        return _MAPPING.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(Refused(*explain(error))) from None


async def _channel(state: ImportState, mapping: ImportMapping) -> Channel:
    channel = await channel_named(state.database, mapping.channel)
    if channel is None:
        raise _refused(Refused("channel", "is no channel that is open"))
    return channel


async def _shown(state: ImportState, import_id: UUID) -> ImportDocument:
    return import_document(await known(state, import_id), state.clock.now())


def _refused(error: Refused) -> Problem:
    return Problem(
        400, detail="The mapping is not valid.", errors=[FieldError(error.field or "body", error.reason)]
    )
