"""Merging and undoing by hand over the whole platform: every service follows, and nobody is welcomed twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from guanxi_kit.db import Database, open_pool
from guanxi_kit.http import HttpClient
from guanxi_kit.testing import eventually

from .conftest import Platform


def purchase(user: str, number: int, revenue: float) -> dict[str, Any]:
    return {
        "type": "track",
        "messageId": f"{user}-{number}",
        "userId": user,
        "event": "Order Completed",
        "properties": {"revenue": revenue, "currency": "CNY"},
        "context": {"traits": {"email": f"{user}@example.com", "city": user.title()}},
    }


async def read(client: HttpClient, path: str, **query: str) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def look_up(client: HttpClient, user: str) -> dict[str, Any]:
    items: list[dict[str, Any]] = (await read(client, "/v1/customers", user_id=user))["items"]
    assert items, f"{user} is not known yet"
    return items[0]


async def customer(client: HttpClient, user: str) -> dict[str, Any]:
    """View, scores and timeline of who has a user id, without what depends on when they were read."""
    found = await look_up(client, user)
    path = f"/v1/customers/{found['customer_id']}"
    view = await read(client, path)
    assert view["scores"], f"{user} has no score yet"
    scores = await read(client, f"{path}/scores")
    timeline = await read(client, f"{path}/timeline")
    figures = ("purchases", "amount_minor", "tier", "recency", "frequency", "monetary")
    return {
        "customer_id": found["customer_id"],
        "number": view["customer_number"],
        "purchases": view["purchases"]["amount_minor"],
        "identifiers": [(each["type"], each["value"]) for each in view["identifiers"]],
        "traits": view["traits"],
        "shown": {name: view["scores"]["rfm"][name] for name in figures},
        "scored": {name: scores["rfm"][name] for name in figures},
        "timeline": sorted(item["touchpoint_id"] for item in timeline["items"]),
    }


async def mails(platform: Platform) -> int:
    return len([*(platform.folder / "mail").glob("**/*.eml")])


async def together(client: HttpClient, amount: int) -> None:
    """Both are one everywhere: in the view, its score, the scores and the timeline."""
    found = [await customer(client, user) for user in ("ada", "bob")]
    assert found[0] == found[1]
    assert (
        found[0]["purchases"]
        == found[0]["shown"]["amount_minor"]
        == found[0]["scored"]["amount_minor"]
        == amount
    )


async def suggest(platform: Platform, left: str, right: str) -> str:
    """Put a suggestion into the queue."""
    database = Database(await open_pool(platform.dsns.app["profile"], application_name="test"))
    async with database.connection() as connection:
        suggestion_id = await connection.fetchval(
            "INSERT INTO merge_suggestion (suggestion_id, left_profile_id, right_profile_id, source, score,"
            " evidence, state, created_at) VALUES (gen_random_uuid(), $1, $2, 'duplicate', 0.9, $3, 'open', now())"
            " RETURNING suggestion_id",
            left,
            right,
            {"name": {"level": "same", "weight": 5.1}},
        )
    await database.close()
    return str(suggestion_id)


async def test_a_merge_its_undo_and_a_merge_again_are_followed_everywhere(platform: Platform) -> None:
    async with platform.working(), platform.client() as client:
        await platform.send(client, purchase("ada", 1, 10), purchase("bob", 1, 5), purchase("bob", 2, 7))

        async def scored() -> list[dict[str, Any]]:
            found = [await customer(client, user) for user in ("ada", "bob")]
            assert [each["shown"]["purchases"] for each in found] == [1, 2]
            assert await mails(platform) == 2
            return found

        before = await eventually(scored, timeout=90)
        ids = [each["customer_id"] for each in before]
        merged = await platform.guanxi("merge", *ids, "--reason", "one passport", "--json")
        assert merged.exit_code == 0, merged.output
        merge_id = json.loads(merged.stdout)["merge_id"]
        await eventually(lambda: together(client, 2_200), timeout=90)

        explained = (await platform.guanxi("explain", ids[1], ids[0])).stdout
        assert "manual by staff-1: one passport" in explained
        assert "b****@example.com" in explained
        picture = platform.folder / "why.svg"
        assert (await platform.guanxi("explain", ids[0], "--svg", str(picture))).exit_code == 0
        assert Path(picture).read_text().startswith("<svg")

        undone = await platform.guanxi("undo", merge_id, "--reason", "brothers")
        assert undone.exit_code == 0, undone.output

        async def as_before() -> None:
            assert [await customer(client, user) for user in ("ada", "bob")] == before

        await eventually(as_before, timeout=90)
        assert "409" in (await platform.guanxi("undo", merge_id, "--reason", "again")).output
        listed = (await platform.guanxi("merges", ids[0])).stdout
        assert merge_id in listed
        assert (await platform.guanxi("explain", *ids)).exit_code == 1

        await platform.guanxi("merge", *ids, "--reason", "one passport after all")
        await platform.send(client, purchase("bob", 3, 1))
        await eventually(lambda: together(client, 2_300), timeout=90)
        assert await mails(platform) == 2


async def test_what_would_merge_is_told_before_it_does(platform: Platform) -> None:
    async with platform.working("profile"), platform.client() as client:
        await platform.send(client, purchase("ada", 1, 10), purchase("bob", 1, 5))

        async def found() -> str:
            await look_up(client, "bob")
            return str((await look_up(client, "ada"))["customer_id"])

        ada = await eventually(found, timeout=90)
        told = await platform.guanxi("simulate", "touchpoint", "user_id:ada", "email:bob@example.com!")
        assert told.exit_code == 0, told.output
        assert f"It would go to {ada}." in told.stdout
        assert "would not link: limit of user_id." in told.stdout
        rules = await platform.guanxi("simulate", "rules", "user_id.limit=2", "--merges", "9/24h", "--json")
        assert rules.exit_code == 0, rules.output
        assert json.loads(rules.stdout[rules.stdout.index("{") :])["merges_checked"] == 0
    wrong = await platform.guanxi("simulate", "rules", "user_id.limit=no")
    assert wrong.exit_code == 1
    assert "types.user_id.limit" in wrong.output


async def test_the_queue_and_the_quarantine_on_the_command_line(platform: Platform) -> None:
    async with platform.working("profile"), platform.client() as client:
        await platform.send(client, purchase("ada", 1, 10), purchase("bob", 1, 5))

        async def found() -> list[str]:
            return [(await look_up(client, user))["customer_id"] for user in ("ada", "bob")]

        first, second = sorted(await eventually(found, timeout=90))
    added = await platform.guanxi("quarantine", "add", "email", "ada@example.com", "--reason", "a shop's")
    assert added.exit_code == 0, added.output
    (item,) = json.loads((await platform.guanxi("quarantine", "list", "--json")).stdout)
    assert item["value"] == "a****@example.com"
    assert "a shop's" in (await platform.guanxi("quarantine", "list")).stdout
    released = await platform.guanxi("quarantine", "release", item["hash"], "--reason", "hers")
    assert f"{item['former_profile_id']} has it." in released.stdout
    suggestion_id = await suggest(platform, first, second)
    table = (await platform.guanxi("suggestions")).stdout
    assert suggestion_id in table
    assert "name same" in table
    rejected = await platform.guanxi("reject", suggestion_id, "--reason", "brothers")
    assert rejected.exit_code == 0, rejected.output
    assert "409" in (await platform.guanxi("accept", suggestion_id, "--reason", "no")).output
    assert suggestion_id not in (await platform.guanxi("suggestions")).stdout
