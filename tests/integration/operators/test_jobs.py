"""`guanxi jobs` and /v1/jobs of the gateway, on the whole platform."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from guanxi_kit.db import Database, open_pool
from guanxi_kit.jobs import submit_job

from .conftest import Platform


async def submit(platform: Platform, service: str, **params: Any) -> UUID:
    """Queue a job that no worker knows."""
    database = Database(await open_pool(platform.dsns.app[service], application_name="test"))
    async with database.transaction() as connection:
        job_id = await submit_job(connection, "nothing", params, requested_by="ops", now=platform.clock.now())
    await database.close()
    return job_id


async def test_jobs_of_every_service_are_listed_shown_and_cancelled(platform: Platform) -> None:
    old, new = await submit(platform, "profile", page=1), await submit(platform, "scoring")
    listed = json.loads((await platform.guanxi("jobs", "list", "--json")).stdout)
    assert {(job["service"], job["job_id"]) for job in listed} == {
        ("profile", str(old)),
        ("scoring", str(new)),
    }
    table = (await platform.guanxi("jobs", "list", "--service", "profile")).stdout
    assert str(old) in table
    assert str(new) not in table
    shown = await platform.guanxi("jobs", "show", "profile", str(old))
    assert "queued" in shown.stdout
    assert '"page": 1' in shown.stdout
    assert (await platform.guanxi("jobs", "cancel", "profile", str(old))).exit_code == 0
    watched = await platform.guanxi("jobs", "watch", "profile", str(old))
    assert watched.exit_code == 1
    assert "cancelled" in watched.output
    again = await platform.guanxi("jobs", "cancel", "profile", str(old))
    assert again.exit_code == 1
    assert "The job is cancelled already." in again.output


async def test_a_service_must_be_named(platform: Platform) -> None:
    async with platform.client() as client:
        assert (await client.get("/v1/jobs", params={"service": "gateway"})).status_code == 400
        assert (await client.get("/v1/jobs")).json()["errors"][0]["field"] == "service"
        missing = await client.get(f"/v1/jobs/profile/{UUID(int=1)}")
        assert (missing.status_code, missing.json()["detail"]) == (404, "There is no job with this id.")
