"""Scores with their reasons, and tier counts, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guanxi_devstack.pytest_plugin import DatabaseDsns
from guanxi_kit.crypto import Keyring
from guanxi_kit.http import HttpClient
from guanxi_kit.testing import StaffIdentity, client_of
from scoring_service.main import make_api
from scoring_service.settings import ScoringSettings

from .conftest import PACKS, Scoring, merge, person, touchpoint


@pytest.fixture
def identity(scoring: Scoring) -> StaffIdentity:
    return StaffIdentity(scoring.clock)


@pytest.fixture
async def api(
    scoring: Scoring, database_dsns: DatabaseDsns, identity: StaffIdentity, tmp_path: Path
) -> AsyncIterator[HttpClient]:
    settings = database_dsns.settings(
        ScoringSettings,
        "scoring",
        keyring=Keyring.generate().to_json(),
        jwks_file=identity.write_jwks(tmp_path / "jwks.json"),
        pack_dir=PACKS,
    )
    async with client_of(make_api(settings, scoring.clock), token=identity.token("admin")) as client:
        yield client


async def test_scores_follow_a_merge_and_explain_themselves(scoring: Scoring, api: HttpClient) -> None:
    await scoring.apply(touchpoint(1, amount=500), touchpoint(2, amount=300), touchpoint(2))
    await scoring.apply(merge(1, 2, (2, 2)))
    response = await api.get(f"/v1/customers/{person(2)}/scores")
    assert response.status_code == 200
    document = response.json()
    assert (document["customer_id"], document["redirected_from"]) == (str(person(1)), str(person(2)))
    rfm = document["rfm"]
    assert (rfm["tier"], rfm["frequency"], rfm["purchases"], rfm["touchpoints"]) == ("potential", 2, 2, 3)
    assert (rfm["amount_minor"], rfm["currency"]) == (800, "CNY")
    assert [reason["code"] for reason in rfm["reasons"]] == [
        "amount_rising",
        "recency",
        "frequency",
        "monetary_not_ranked_yet",
    ]
    direct = await api.get(f"/v1/customers/{person(1)}/scores")
    assert direct.json()["redirected_from"] is None


async def test_tiers_are_counted(scoring: Scoring, api: HttpClient) -> None:
    assert (await api.get("/v1/tiers")).json() == {
        "tiers": {"high_value": 0, "potential": 0, "ordinary": 0, "dormant": 0},
        "customers": 0,
    }
    await scoring.apply(*(touchpoint(number, amount=number) for number in range(1, 4)), touchpoint(9))
    assert (await api.get("/v1/tiers")).json() == {
        "tiers": {"high_value": 0, "potential": 3, "ordinary": 1, "dormant": 0},
        "customers": 4,
    }


async def test_refusals_are_problem_documents(api: HttpClient, identity: StaffIdentity) -> None:
    for url, status in ((f"/v1/customers/{person(404)}/scores", 404), ("/v1/customers/x/scores", 400)):
        response = await api.get(url)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
    for url in ("/v1/tiers", f"/v1/customers/{person(1)}/scores"):
        assert (await api.get(url, headers=identity.headers("service"))).status_code == 403
        assert (await api.get(url, headers={"authorization": "Bearer x"})).status_code == 401
    assert (await api.get("/v1/tiers", headers=identity.headers("agent"))).status_code == 403
