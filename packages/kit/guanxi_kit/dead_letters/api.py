"""/v1/dead-letters: the same in every service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from guanxi_kit.audit import Reading, cleared, reading_for
from guanxi_kit.auth import Principal, require
from guanxi_kit.clock import Clock
from guanxi_kit.crypto import Keyring, SealBroken
from guanxi_kit.db import Database
from guanxi_kit.dead_letters.documents import (
    LARGEST_ID,
    Chosen,
    DiscardDocument,
    Discarded,
    LetterContentDocument,
    LetterDocument,
    LetterKindDocument,
    LetterKindsDocument,
    LettersDocument,
    Mended,
    ReplayDocument,
    Text,
)
from guanxi_kit.dead_letters.mending import CannotMend, mended_value
from guanxi_kit.dead_letters.replay import REPLAY
from guanxi_kit.dead_letters.store import (
    Letter,
    LetterKind,
    Letters,
    SealedLetter,
    extent_of,
    kinds_of_letters,
    mend_letter,
    page_of_letters,
    read_letter,
    remove_letters,
)
from guanxi_kit.errors import FieldError, Problem
from guanxi_kit.jobs import submit_once
from guanxi_kit.log.port import Record

FIELDS = "dead letter"

LetterId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


@dataclass(frozen=True)
class DeadLettersState:
    """What the endpoints work with, as `app.state.dead_letters`; `groups` says which consumer reads a topic."""

    database: Database
    keyring: Keyring
    clock: Clock
    groups: Mapping[str, str]

    def shown(self, letter: Letter | LetterKind) -> dict[str, Any]:
        """Return a letter with its consumer group."""
        return {"group": self.groups.get(letter.topic), **letter._asdict()}


async def _state(request: Request) -> DeadLettersState:
    state: DeadLettersState = request.app.state.dead_letters
    return state


router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
State = Annotated[DeadLettersState, Depends(_state)]
Writer = Annotated[Principal, Depends(require("deadletter.write"))]


@router.get("", dependencies=[Depends(require("deadletter.read"))], summary="List dead letters")
async def get_letters(
    state: State,
    *,
    topic: Annotated[Text | None, Query()] = None,
    fault: Annotated[Text | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
) -> LettersDocument:
    """Return a page, the newest first; nothing of what is in them."""
    async with state.database.connection() as connection:
        found = await page_of_letters(connection, topic, fault, before=cursor, limit=limit + 1)
    page = found[:limit]
    return LettersDocument(
        items=[LetterDocument(**state.shown(letter)) for letter in page],
        next_cursor=str(page[-1].letter_id) if len(found) > limit else None,
    )


@router.get("/kinds", dependencies=[Depends(require("deadletter.read"))], summary="Count dead letters")
async def get_kinds(state: State) -> LetterKindsDocument:
    """How many there are of each topic and fault."""
    async with state.database.connection() as connection:
        kinds = await kinds_of_letters(connection)
    return LetterKindsDocument(items=[LetterKindDocument(**state.shown(kind)) for kind in kinds])


@router.get("/{letter_id}", summary="Read a dead letter", response_model=LetterContentDocument)
async def get_letter(
    letter_id: LetterId, state: State, reading: Annotated[Reading, cleared("deadletter.read", FIELDS)]
) -> Response:
    """With its record, whatever it holds: for a stated reason, which the audit keeps."""
    async with state.database.connection() as connection:
        found = await read_letter(connection, letter_id)
    if found is None:
        raise _nothing_here()
    content = _content(_opened(state, found).value)
    await _keep(reading, found, content)
    document = {**state.shown(found.letter), "key": found.key.hex(), "content": content}
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.post("/replay", status_code=202, summary="Replay dead letters")
async def post_replay(chosen: Chosen, state: State, principal: Writer) -> ReplayDocument:
    """Start a job that puts them through their handlers again, or return the one that is about to."""
    async with state.database.transaction() as connection:
        letters, _ = await extent_of(connection, chosen.letters)
        if not letters:
            raise _nothing_here()
        job_id = await submit_once(
            connection,
            REPLAY,
            chosen.letters.params(),
            requested_by=principal.subject,
            now=state.clock.now(),
        )
    return ReplayDocument(job_id=job_id, letters=letters)


@router.post("/{letter_id}/mend", summary="Mend a dead letter")
async def post_mend(
    letter_id: LetterId, mended: Mended, request: Request, state: State, principal: Writer
) -> LetterDocument:
    """Put right what its record says, not whom or what it is about; it waits to be replayed. The audit keeps why."""
    reading = reading_for(request, principal, FIELDS, mended.reason)
    async with state.database.transaction() as connection:
        found = await read_letter(connection, letter_id, locked=True)
        if found is None:
            raise _nothing_here()
        record = _opened(state, found)
        try:
            value = mended_value(record.topic, record.value, mended.content)
        except CannotMend as error:
            fault = FieldError(f"content.{error.field}".strip("."), str(error))
            raise Problem(400, detail="The letter cannot be mended so.", errors=[fault]) from None
        await mend_letter(connection, state.keyring, letter_id, record._replace(value=value))
        await _keep(reading, found, mended.content)
    return LetterDocument(**state.shown(found.letter))


@router.post("/discard", summary="Discard dead letters")
async def post_discard(
    discarded: Discarded, request: Request, state: State, principal: Writer
) -> DiscardDocument:
    """Remove them for good; who did and why is kept in the access audit."""
    reading = reading_for(request, principal, FIELDS, discarded.reason)
    async with state.database.transaction() as connection:
        gone = await remove_letters(connection, discarded.letters)
        if not gone:
            raise _nothing_here()
        # Before the commit: what cannot be accounted for stays.
        await reading.of((), detail=_named(discarded.letters, gone))
    return DiscardDocument(discarded=gone)


def people_in(content: Any) -> list[UUID]:
    """Return the fragments that a record names; none for a touchpoint whose person nobody has looked for yet."""
    data = content.get("data") if isinstance(content, dict) else None
    named = [data.get(name) for name in ("profile_id", "customer_id")] if isinstance(data, dict) else []
    found = []
    for one in named:
        try:
            found.append(UUID(one))
        except (TypeError, ValueError, AttributeError):
            continue
    return found


def _content(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return value.decode("utf-8", "backslashreplace")


def _opened(state: DeadLettersState, found: SealedLetter) -> Record:
    try:
        return found.record(state.keyring)
    except SealBroken:
        raise Problem(409, detail="No key of this installation opens the letter.") from None


async def _keep(reading: Reading, found: SealedLetter, content: Any) -> None:
    """Keep in the audit whose record is read or mended."""
    people = people_in(content)
    await reading.of(people, look_up=None if people else found.key, detail=found.letter.place)


def _named(letters: Letters, gone: int) -> str:
    if letters.letter_id is not None:
        return f"letter {letters.letter_id}"
    return f"{gone} of {letters.topic or 'every topic'}: {letters.fault}"


def _nothing_here() -> Problem:
    return Problem(404, detail="There is no such dead letter.")
