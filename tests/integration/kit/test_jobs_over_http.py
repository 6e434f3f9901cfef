"""Jobs over HTTP: who may list, read and cancel them."""

from __future__ import annotations

from uuid import UUID

import pytest
from fastapi import FastAPI
from tests.integration.kit.jobs_at_work import Jobs

from guanxi_kit.app import add_routes, create_app
from guanxi_kit.jobs import api
from guanxi_kit.settings import ServiceSettings
from guanxi_kit.testing import StaffIdentity, client_of


@pytest.fixture
def staff(jobs: Jobs) -> StaffIdentity:
    return StaffIdentity(jobs.clock)


@pytest.fixture
def app(jobs: Jobs, staff: StaffIdentity) -> FastAPI:
    app = create_app("jobs", ServiceSettings.load(service="scoring-service"))
    app.state.verifier, app.state.jobs = staff.verifier, api.JobsState(jobs.db, jobs.clock)
    add_routes(app, api.router)
    return app


async def test_jobs_are_listed_read_and_cancelled_over_http(
    jobs: Jobs, app: FastAPI, staff: StaffIdentity
) -> None:
    submitted = []
    for count in range(5):
        submitted.append(str(await jobs.submit(count=count)))
        jobs.clock.advance(count % 2)
    async with client_of(app, token=staff.token()) as client:
        seen, cursor = [], ""
        while cursor is not None:
            page = (
                await client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            assert 1 <= len(page["items"]) <= 2
            seen += [item["job_id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(seen) == sorted(submitted)
        assert seen[0] == submitted[-1]
        job = (await client.get(f"/v1/jobs/{seen[0]}")).json()
        assert (job["state"], job["done"], job["params"]) == ("queued", 0, {"count": 4})
        assert (await client.post(f"/v1/jobs/{seen[0]}/cancel")).json()["state"] == "cancelled"
        again = await client.post(f"/v1/jobs/{seen[0]}/cancel")
        assert (again.status_code, again.json()["detail"]) == (409, "The job is cancelled already.")
        assert (await client.get(f"/v1/jobs/{UUID(int=1)}")).status_code == 404
        assert (await client.get("/v1/jobs", params={"cursor": "no!"})).json()["errors"][0][
            "field"
        ] == "cursor"


async def test_who_may_read_may_not_cancel(jobs: Jobs, app: FastAPI, staff: StaffIdentity) -> None:
    job_id = await jobs.submit(count=1)
    async with client_of(app, token=staff.token("dpo")) as client:
        assert (await client.get(f"/v1/jobs/{job_id}")).status_code == 200
        assert (await client.post(f"/v1/jobs/{job_id}/cancel")).status_code == 403
    async with client_of(app, token=staff.token("agent")) as client:
        assert (await client.get("/v1/jobs")).status_code == 403
