"""Dead letters of every service: listed, read, mended, replayed, discarded."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from guanxi_gateway.api.customers import Services
from guanxi_gateway.api.documents import UPSTREAM_PROBLEMS, problem
from guanxi_gateway.api.forward import forward, forward_write
from guanxi_gateway.api.jobs import upstream_of
from guanxi_gateway.api.limits import Allow
from guanxi_gateway.api.queries import Page
from guanxi_gateway.api.schemas.dead_letters import (
    ChosenLetters,
    DeadLetter,
    DeadLetterContent,
    DeadLetterKinds,
    DeadLetterPage,
    DiscardedLetters,
    LettersDiscarded,
    LettersReplay,
    MendedLetter,
)
from guanxi_gateway.api.schemas.jobs import ServiceName

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **UPSTREAM_PROBLEMS,
    404: problem("There is no such dead letter."),
}
_LetterId = Annotated[int, Path(ge=1)]
_Text = Annotated[str | None, Query(min_length=1, max_length=700, pattern=r"^[^\x00]*$")]


def dead_letters_router(services: Services, allow: Allow) -> APIRouter:
    """Return the routes below /v1/dead-letters."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], responses=_PROBLEMS)
    _add_reads(router, services, allow)
    _add_settling(router, services, allow)
    return router


def _add_reads(router: APIRouter, services: Services, allow: Allow) -> None:
    reader = [Depends(allow("deadletter.read"))]

    @router.get(
        "/{service}",
        summary="List a service's dead letters",
        dependencies=reader,
        responses={200: {"model": DeadLetterPage}},
    )
    async def list_letters(
        request: Request, service: ServiceName, page: Page, topic: _Text = None, fault: _Text = None
    ) -> Response:
        """What it could not process and why, the newest first."""
        query = {"topic": topic, "fault": fault, **page}
        return await forward(request, upstream_of(services, service), "/v1/dead-letters", query)

    @router.get(
        "/{service}/kinds",
        summary="Count a service's dead letters",
        dependencies=reader,
        responses={200: {"model": DeadLetterKinds}},
    )
    async def count_letters(request: Request, service: ServiceName) -> Response:
        """How many there are of each topic and fault."""
        return await forward(request, upstream_of(services, service), "/v1/dead-letters/kinds")

    @router.get(
        "/{service}/{letter_id}",
        summary="Read a dead letter",
        dependencies=reader,
        responses={200: {"model": DeadLetterContent}, 409: problem("No key opens it any more.")},
    )
    async def read_letter(
        request: Request,
        service: ServiceName,
        letter_id: _LetterId,
        reason: Annotated[
            str | None, Query(max_length=500, description="Why it has to be seen; kept in the access audit.")
        ] = None,
    ) -> Response:
        """With its record, whatever it holds: for a stated reason only (400 without)."""
        path = f"/v1/dead-letters/{letter_id}"
        return await forward(request, upstream_of(services, service), path, {"reason": reason})


def _add_settling(router: APIRouter, services: Services, allow: Allow) -> None:
    writer = [Depends(allow("deadletter.write"))]

    @router.post(
        "/{service}/{letter_id}/mend",
        summary="Mend a dead letter",
        dependencies=writer,
        responses={200: {"model": DeadLetter}, 409: problem("No key opens it any more.")},
    )
    async def mend_letter(
        request: Request, service: ServiceName, letter_id: _LetterId, given: MendedLetter
    ) -> Response:
        """Put right what its record says, not whom or what it is about; it waits to be replayed."""
        path = f"/v1/dead-letters/{letter_id}/mend"
        return await forward_write(request, upstream_of(services, service), path)

    @router.post(
        "/{service}/replay",
        status_code=202,
        summary="Replay dead letters",
        dependencies=writer,
        responses={202: {"model": LettersReplay}},
    )
    async def replay_letters(
        request: Request,
        service: ServiceName,
        given: ChosenLetters,
    ) -> Response:
        """A job puts them through their handlers again, each once; one that fails again stays, with its new fault."""
        return await forward_write(request, upstream_of(services, service), "/v1/dead-letters/replay")

    @router.post(
        "/{service}/discard",
        summary="Discard dead letters",
        dependencies=writer,
        responses={200: {"model": LettersDiscarded}},
    )
    async def discard_letters(
        request: Request,
        service: ServiceName,
        given: DiscardedLetters,
    ) -> Response:
        """They are removed for good; who did it and why is kept in the access audit."""
        return await forward_write(request, upstream_of(services, service), "/v1/dead-letters/discard")
