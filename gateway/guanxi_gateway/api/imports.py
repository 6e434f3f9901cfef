"""Bulk imports: upload, mapping, preview, start, progress, refused rows."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from guanxi_gateway.adapters.upstream import Upstream
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_stream, forward_upload, forward_write
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Clear, Page
from guanxi_gateway.api.schemas.imports import REFUSED_CSV, Import, ImportMapping, ImportPage, ImportPreview

_PROBLEMS = {**UPSTREAM_PROBLEMS, 404: problem("There is no such import.")}
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "姓名,手机\n张三,13800000001\n",
            }
        },
    }
}
_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}, "example": REFUSED_CSV}}
_STARTED = problem("The import was started already, or has ended.")


def imports_router(interaction: Upstream, uploads: Upstream, allow: Allow) -> APIRouter:
    """Return the routes below /v1/imports; `uploads` is the service behind a pool of its own."""
    router = APIRouter(
        prefix="/v1/imports",
        tags=["imports"],
        responses=_PROBLEMS,
        dependencies=[Depends(allow("import.write"))],
    )
    _add_upload(router, uploads)
    _add_reads(router, interaction)
    _add_steps(router, interaction)
    return router


def _add_upload(router: APIRouter, uploads: Upstream) -> None:
    @router.post(
        "",
        status_code=201,
        summary="Upload a file to import",
        responses={
            201: {"model": Import},
            408: problem("The file came too slowly."),
            413: problem("The file is too large."),
            415: problem("The file is sent under a Content-Encoding."),
        },
        openapi_extra=_FILE,
    )
    async def upload(
        request: Request,
        *,
        name: Annotated[str, Query(min_length=1, max_length=255, description="The name of the file.")],
        encoding: Annotated[
            Literal["utf-8", "gb18030"] | None, Query(description="Found out when it is not given.")
        ] = None,
        delimiter: Annotated[
            str | None,
            Query(
                pattern=r"^([^\"\r\n]|tab)$", description="One character or `tab`; found out if not given."
            ),
        ] = None,
        header: Annotated[
            bool | None, Query(description="Whether the first row names the columns; found out if not given.")
        ] = None,
        sheet: Annotated[
            str | None,
            Query(min_length=1, max_length=100, description="The first visible one if not given."),
        ] = None,
    ) -> Response:
        """CSV, JSON lines, Parquet or Excel (.xlsx). Nothing is taken in before the import is started."""
        query = {"name": name, "encoding": encoding, "delimiter": delimiter, "sheet": sheet}
        given = None if header is None else str(header).lower()
        return await forward_upload(request, uploads, "/v1/imports", {**query, "header": given})


def _add_reads(router: APIRouter, interaction: Upstream) -> None:
    @router.get("", summary="List imports", responses={200: {"model": ImportPage}})
    async def list_imports(request: Request, page: Page) -> Response:
        """The newest first, of the last fourteen days."""
        return await forward(request, interaction, "/v1/imports", page)

    @router.get("/{import_id}", summary="Read an import", responses={200: {"model": Import}})
    async def read_import(request: Request, import_id: UUID) -> Response:
        """What the file is, its mapping, and how far it is."""
        return await forward(request, interaction, f"/v1/imports/{import_id}")

    @router.get(
        "/{import_id}/preview",
        summary="See what would come of the first rows",
        responses={200: {"model": ImportPreview}, 409: problem("The file is gone: its import has ended.")},
    )
    async def preview(
        request: Request,
        import_id: UUID,
        rows: Annotated[int | None, Query(ge=1, le=50, description="How many rows.")] = None,
    ) -> Response:
        """By the mapping as it stands, masked; nothing is written."""
        return await forward(request, interaction, f"/v1/imports/{import_id}/preview", {"rows": rows})

    @router.get(
        "/{import_id}/refused",
        summary="Download the refused rows as CSV",
        response_class=Response,
        responses={200: {"description": "With row, column and reason.", "content": _CSV}},
    )
    async def refused(request: Request, import_id: UUID, clear: Clear) -> Response:
        """Masked unless clear values are asked for with a reason. No cell is ever carried out as a formula."""
        path = f"/v1/imports/{import_id}/refused"
        return await forward_stream(request, interaction, path, "text/csv", clear)


def _add_steps(router: APIRouter, interaction: Upstream) -> None:
    @router.post(
        "/{import_id}/mapping",
        summary="Set what becomes of the columns",
        responses={200: {"model": Import}, 409: _STARTED},
    )
    async def set_mapping(request: Request, import_id: UUID, mapping: ImportMapping) -> Response:
        """The mapping as a whole. It can be changed until the import is started."""
        return await forward_write(request, interaction, f"/v1/imports/{import_id}/mapping")

    @router.post(
        "/{import_id}/start",
        status_code=202,
        summary="Take the rows of an import in",
        responses={202: {"model": Import}, 409: problem("The mapping was changed meanwhile.")},
    )
    async def start(request: Request, import_id: UUID) -> Response:
        """In the background; to start an import again changes nothing. A row counts once, however often it is read."""
        return await forward_write(request, interaction, f"/v1/imports/{import_id}/start")

    @router.post(
        "/{import_id}/cancel",
        summary="Stop an import",
        responses={200: {"model": Import}, 409: _STARTED},
    )
    async def cancel(request: Request, import_id: UUID) -> Response:
        """Before its next step; what was taken in stays. The file goes, also one whose import was not started."""
        return await forward_write(request, interaction, f"/v1/imports/{import_id}/cancel")
