"""What the endpoints of imports work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring
from guanxi_kit.db import Database
from guanxi_kit.errors import Problem
from guanxi_kit.masking import MaskedType
from guanxi_kit.packs import Pack
from interaction_service.adapters.imports.declared import declared_of, namespaced_of
from interaction_service.adapters.imports.file_store import FileStore
from interaction_service.api.import_upload import Uploads
from interaction_service.application.imports.document import Import
from interaction_service.application.imports.preview import PreviewRows
from interaction_service.application.making import make_prepare_rows
from interaction_service.settings import InteractionSettings


@dataclass(frozen=True)
class ImportState:
    """What the endpoints work with; the application keeps it as `app.state.imports`."""

    database: Database
    keyring: Keyring
    clock: Clock
    uploads: Uploads
    preview: PreviewRows
    identifiers: Mapping[str, bool]
    declared: Mapping[str, MaskedType]


def make_import_state(
    settings: InteractionSettings,
    pack: Pack,
    *,
    database: Database,
    keyring: Keyring,
    clock: Clock,
) -> ImportState:
    """Return what the endpoints work with under a pack."""
    uploads = Uploads(
        FileStore(database, keyring),
        declared_of(pack),
        most=settings.import_uploads,
        max_bytes=settings.import_max_bytes,
    )
    return ImportState(
        database=database,
        keyring=keyring,
        clock=clock,
        uploads=uploads,
        preview=PreviewRows(make_prepare_rows(keyring, pack, settings.default_region), keyring, clock),
        identifiers=namespaced_of(pack),
        declared=pack.record.masked,
    )


async def _state(request: Request) -> ImportState:
    state: ImportState = request.app.state.imports
    return state


State = Annotated[ImportState, Depends(_state)]


async def known(state: ImportState, import_id: UUID) -> Import:
    """Return an import. Raises Problem (404)."""
    found = await state.uploads.store.find(import_id)
    if found is None:
        raise unknown()
    return found


def unknown() -> Problem:
    """Return the answer about an import that is not there."""
    return Problem(404, detail="There is no import with this id.")
