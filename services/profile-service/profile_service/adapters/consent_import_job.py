"""Imports of consents that are too large for one request: kept under seal in parts, taken in one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import hold_off_erasures
from guanxi_kit.jobs import Job, Step, submit_job
from profile_service.adapters.consenting import Consenting
from profile_service.application.import_consents import ImportItem, Refusal

IMPORT_CONSENTS = "import_consents"
PART = 500
MOST_REFUSALS = 1000
"""Lines of a part, and refusals that a job's result names."""
LEAVE_NOTHING = """
DELETE FROM consent_import USING job
WHERE job.job_id = consent_import.job_id AND job.state IN ('done', 'failed', 'cancelled')
"""
KEEP = "INSERT INTO consent_import (job_id, part, sealed) SELECT $1, * FROM unnest($2::int[], $3::bytea[])"
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(list[ImportItem]).decode


def part_aad(job_id: UUID, part: int) -> bytes:
    """What binds a sealed part to its place."""
    return b"consent import\0" + job_id.bytes + part.to_bytes(4, "big")


async def submit_import(
    unit: StreamUnit,
    items: Sequence[ImportItem],
    refused: Sequence[Refusal],
    keyring: Keyring,
    requested_by: str,
) -> UUID:
    """Queue an import in the open transaction and return the job's id; `refused` lines are told of in its result."""
    connection = unit.connection
    await connection.execute(LEAVE_NOTHING)
    params = {"items": len(items), "refused": [msgspec.to_builtins(each) for each in refused[:MOST_REFUSALS]]}
    job_id = await submit_job(
        connection,
        IMPORT_CONSENTS,
        params | {"refusals": len(refused)},
        requested_by=requested_by,
        now=unit.now,
    )
    parts = [items[start : start + PART] for start in range(0, len(items), PART)]
    sealed = [keyring.seal(_PACK(part), part_aad(job_id, place)) for place, part in enumerate(parts)]
    await connection.execute(KEEP, job_id, list(range(len(parts))), sealed)
    return job_id


class ConsentImport:
    """Takes one part a step, and forgets it."""

    def __init__(self, consenting: Consenting, keyring: Keyring) -> None:
        self._consenting = consenting
        self._keyring = keyring

    async def work(self, job: Job) -> None:
        """Nothing to be done outside the transaction."""

    async def commit(self, unit: StreamUnit, job: Job, worked: Any) -> Step:
        """Import the next part, for persons who stay there meanwhile."""
        await hold_off_erasures(unit.connection)
        part = job.cursor or 0
        sealed = await unit.connection.fetchval(
            "DELETE FROM consent_import WHERE job_id = $1 AND part = $2 RETURNING sealed", job.job_id, part
        )
        result = job.result or {
            "accepted": 0,
            "repeated": 0,
            "refused": job.params["refusals"],
            "refusals": job.params["refused"],
        }
        if sealed is None:
            return Step(cursor=None, done=job.done, total=job.params["items"], finished=True, result=result)
        items = _UNPACK(self._keyring.open(sealed, part_aad(job.job_id, part)))
        imported = await self._consenting.take(unit, items, job.requested_by)
        refusals = [*result["refusals"], *(msgspec.to_builtins(each) for each in imported.refused)]
        result = {
            "accepted": result["accepted"] + imported.accepted,
            "repeated": result["repeated"] + imported.repeated,
            "refused": result["refused"] + len(imported.refused),
            "refusals": refusals[:MOST_REFUSALS],
        }
        done = job.done + len(items)
        return Step(part + 1, done, job.params["items"], done >= job.params["items"], result)
