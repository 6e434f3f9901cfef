"""Rules evaluated per second, and a changed tag rule over many customers with the latency of ingest beside it.

GUANXI_BENCH_CUSTOMERS (1,000,000) says how many customers, GUANXI_BENCH_RATE (200) how many touchpoints a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import matplotlib as mpl
import msgspec

from bench.latency import listen, quantiles, send
from bench.platform import world
from guanxi_devstack.world import World
from guanxi_kit.crypto import Keyring
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.rules import read_variables
from guanxi_kit.rules.engine import DatalogicRules
from profile_service.adapters.vault import trait_aad
from profile_service.application.evaluate_rules import Classifier
from profile_service.application.facts_document import Known, Wanted, make_facts
from profile_service.domain.classification import Classified
from profile_service.domain.rulebook import Rulebook, TagRule
from profile_service.domain.view import ActivitySum

mpl.use("svg")
import matplotlib.pyplot as plt

CUSTOMERS = int(os.environ.get("GUANXI_BENCH_CUSTOMERS", "1000000"))
RATE = int(os.environ.get("GUANXI_BENCH_RATE", "200"))
BEFORE_SECONDS = 20
TURN_SECONDS = 5
CHUNK = 20_000
RULES = 50
CITIES = ("Shanghai", "Beijing", "Xi'an")
OUT = Path(__file__).parent / "out"

CROWD = """
INSERT INTO profile.fragment (profile_id, customer_id, version, founded_at)
SELECT md5('c' || n)::uuid, md5('c' || n)::uuid, 1, now() FROM generate_series({first}, {last}) AS n;
INSERT INTO profile.customer (customer_id, customer_number, created_at)
SELECT md5('c' || n)::uuid, 'X' || n, now() - interval '400 days' FROM generate_series({first}, {last}) AS n;
INSERT INTO profile.activity (profile_id, channel, currency, touchpoints, quantity, amount_minor, first_at, last_at)
SELECT md5('c' || n)::uuid, 'web', kinds.currency, n % 7, 0, 1000, now() - interval '400 days',
  now() - interval '1 day' * (n % 300)
FROM generate_series({first}, {last}) AS n, (VALUES ('CNY'), ('')) AS kinds (currency);
INSERT INTO profile.customer_score (customer_id, revision, computed_at, document)
SELECT md5('c' || n)::uuid, 1, now(), '{{"tier": "ordinary", "monetary": 3}}' FROM generate_series({first}, {last}) AS n
"""
SHANGHAI_OFTEN = {
    "and": [{">=": [{"var": "purchases.count"}, 3]}, {"==": [{"var": "traits.city"}, CITIES[0]]}]
}
NEWCOMER = {"<": [{"var": "days_since_created"}, 7]}


async def measure(tell: Callable[[str], None]) -> dict[str, Any]:
    """Rules per second by themselves; then customers per second of a changed rule, and what ingest notices of it."""
    result: dict[str, Any] = {"engine": _engine()}
    tell(f"rules: {result['engine']}")
    async with world() as running:
        await _fill(running)
        tell(f"{CUSTOMERS:,} customers stand in the tables")
        token = running.credentials.token("admin")
        async with make_client(running.url, token=token, timeout=60) as client:
            result["first"] = await _job(client, await _declare(client, "newcomer", NEWCOMER))
            tell(f"everybody is classified for the first time: {result['first']}")
            result["changed"] = await _changed(running, client)
            shown = {name: value for name, value in result["changed"].items() if name != "samples_ms"}
            tell(f"a changed rule over {CUSTOMERS:,} customers: {shown}")
    _plot(result)
    return result


def _engine() -> dict[str, int]:
    """Rules and documents per second of one process: 50 rules on each, with reading the document and comparing."""
    rules = {
        f"rule_{n}": {
            "and": [
                {">=": [{"var": "purchases.count"}, n % 7]},
                {"<": [{"var": "days_since_last_seen"}, 30 + n]},
                {"==": [{"var": "traits.city"}, CITIES[n % 3]]},
            ]
        }
        for n in range(RULES)
    }
    book = Rulebook(1, {n: TagRule(n, "rule", rule, None, read_variables(rule)) for n, rule in rules.items()})
    classifier = Classifier(book, DatalogicRules())
    now = datetime.now(UTC)
    sums = [ActivitySum("web", "CNY", 4, 1000, now - timedelta(days=90), now - timedelta(days=3))]
    known = Known(now, "individual", sums, {"city": CITIES[0]}, None)
    rounds = 4000
    began = time.perf_counter()
    for _ in range(rounds):
        facts = make_facts(known, Wanted.by(book.reads), now)
        classifier.evaluate(facts, Classified(), book.everything, now)
    seconds = time.perf_counter() - began
    return {"rules_per_event": RULES, "events_per_second": round(rounds / seconds), "rules_per_second": round(rounds * RULES / seconds)}  # fmt: skip


async def _fill(running: World) -> None:
    connection = await asyncpg.connect(running.topology.admin_dsn)
    keyring = Keyring.load(running.credentials.keyring_file)
    try:
        for first in range(1, CUSTOMERS + 1, CHUNK):
            last = min(CUSTOMERS, first + CHUNK - 1)
            for statement in CROWD.format(first=first, last=last).split(";"):
                await connection.execute(statement)
            await connection.copy_records_to_table(
                "trait_source",
                schema_name="profile",
                records=_traits(keyring, first, last),
                columns=TRAIT_COLUMNS,
            )
        await connection.execute(
            "INSERT INTO profile.totals (source, touchpoints, fragments, merges) VALUES ('crowd', 0, $1, 0)",
            CUSTOMERS,
        )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


TRAIT_COLUMNS = (
    "profile_id", "name", "channel", "sealed", "occurred_at", "recorded_at", "touchpoint_id", "since_at",
    "since_touchpoint_id",
)  # fmt: skip


def _traits(keyring: Keyring, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    now = datetime.now(UTC)
    for number in range(first, last + 1):
        profile_id = UUID(hashlib.md5(f"c{number}".encode()).hexdigest())
        value = msgspec.json.encode(CITIES[number % len(CITIES)])
        sealed = keyring.seal(value, trait_aad(profile_id, "city"))
        yield profile_id, "city", "web", sealed, now, now, profile_id, now, profile_id


async def _declare(client: HttpClient, name: str, rule: Any) -> str:
    body = {"name": name, "source": "rule", "labels": {"zh": name, "en": name}, "rule": rule}
    answer = await client.post("/v1/tags", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["evaluation"]["job_id"])


async def _job(client: HttpClient, job_id: str) -> dict[str, Any]:
    """Wait for a job; how long it took, and customers per second."""
    while True:
        job = (await client.get(f"/v1/jobs/profile/{job_id}")).json()
        if job["state"] in ("done", "failed", "cancelled"):
            break
        await asyncio.sleep(0.2)
    assert job["state"] == "done", job
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    seconds = (ended - began).total_seconds()
    return {
        "customers": job["done"],
        "changed": job["result"]["changed"],
        "seconds": round(seconds, 1),
        "customers_per_second": round(job["done"] / seconds),
    }


async def _changed(running: World, client: HttpClient) -> dict[str, Any]:
    """The latency of ingest without and with the job of a changed rule."""
    seen: list[float] = []
    listener = asyncio.create_task(listen(client, seen))
    await send(running, "warm", seconds=TURN_SECONDS, rate=RATE)
    await asyncio.sleep(2)
    seen.clear()
    await send(running, "before", seconds=BEFORE_SECONDS, rate=RATE)
    await asyncio.sleep(2)
    before = list(seen)
    seen.clear()
    job = asyncio.create_task(_job(client, await _declare(client, "shanghai_often", SHANGHAI_OFTEN)))
    turn = 0
    while not job.done():
        turn += 1
        await send(running, f"during-{turn}", seconds=TURN_SECONDS, rate=RATE)
    during = list(seen)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    without, meanwhile = quantiles(before), quantiles(during)
    return {
        **await job,
        "rate": RATE,
        "view_changed_ms_before": without,
        "view_changed_ms_during": meanwhile,
        "p99_ratio": round(meanwhile["p99"] / without["p99"], 2),
        "samples_ms": {"before": [round(value, 1) for value in before], "during": [round(value, 1) for value in during]},
    }  # fmt: skip


def _plot(result: dict[str, Any]) -> None:
    """Write bench/out/benchmarks-classification.svg: how soon a view shows a touchpoint, without and with the job."""
    changed = result["changed"]
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, colour in (("before", "#cbd5e0"), ("during", "#2b6cb0")):
        samples = sorted(changed["samples_ms"][name])
        axes.plot(
            samples, [100 * (n + 1) / len(samples) for n in range(len(samples))], color=colour, label=name
        )
    axes.set_xscale("log")
    axes.set_xlabel("ms from a touchpoint to the changed view")
    axes.set_ylabel("% of changes")
    axes.set_title(
        f"a changed tag rule over {changed['customers']:,} customers: {changed['seconds']:,.0f} s"
        f" at {changed['rate']} touchpoints/s"
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    OUT.mkdir(exist_ok=True)
    figure.savefig(OUT / "benchmarks-classification.svg")
    plt.close(figure)
