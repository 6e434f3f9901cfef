"""`guanxi customer` on the whole platform: a person, the enterprise, and what staff enter."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from guanxi_kit.testing import eventually

from .conftest import Platform

PERSON = {
    "type": "identify",
    "userId": "lin",
    "traits": {"name": "Lin Y", "phone": "12", "city": "Wuhan", "shoe_size": 42},
}
GROUP = {
    "type": "group",
    "userId": "lin",
    "groupId": "acme",
    "traits": {"name": "Acme Tools", "industry": "tools"},
}
UNTIL = "2099-01-01T00:00:00+08:00"
CLEAR = ("--clear", "--reason", "test of the record")


async def test_a_record_is_read_and_edited_from_the_command_line(platform: Platform) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        result = await platform.guanxi("customer", *arguments)
        assert result.exit_code == code, result.output
        return str(result.output)

    async def found() -> str:
        items = (await client.get("/v1/customers", params={"user_id": "lin"})).json()["items"]
        assert items
        return str(items[0]["customer_id"])

    async with platform.working("profile"), platform.client() as client:
        await platform.send(client, PERSON, GROUP)
        lin = await eventually(found, timeout=90)
        # Interaction-service has not heard of anybody yet.
        assert (await client.get(f"/v1/customers/{lin}/timeline")).status_code == 404
        await run("edit", lin, "--note", "seconds after the first visit")
        assert "no such customer" in await run("edit", str(uuid4()), "--note", "a slip", code=1)

    async with platform.working("profile", "interaction"), platform.client() as client:

        async def in_the_timeline() -> None:
            assert (await client.get(f"/v1/customers/{lin}/timeline")).status_code == 200

        await eventually(in_the_timeline, timeout=90)
        assert lin in await run("find", "user_id=lin")
        shown = await run("show", lin, *CLEAR)
        assert "group" in shown
        assert "individual" in shown
        assert "to fix phone: is not a telephone number" in shown
        assert "shoe_size" in shown
        assert "67% complete" in shown

        wrong = await run("edit", lin, "--set", "birthday=tomorrow", code=1)
        assert "traits.birthday: must be a date" in wrong
        platform.clock.advance(60)
        edit = ("--set", "name=Lin Yi", "--set-json", "budget=900", "--delete", "city")
        works = ("--enterprise", "acme", "--role", "Buyer", "--until", UNTIL)
        await run("edit", lin, *edit, *works, "--note", "called us")

        async def edited() -> dict[str, Any]:
            traits: dict[str, Any] = json.loads(await run("traits", lin, "--json", *CLEAR))["traits"]
            assert "budget" in traits
            return traits

        traits = await eventually(edited, timeout=90)
        assert (traits["name"]["value"], traits["name"]["because"]) == ("Lin Yi", "precedence")
        assert [other["value"] for other in traits["name"]["others"]] == ["Lin Y"]
        assert "city" not in traits
        history = await run("history", lin, "city", *CLEAR)
        assert "deleted" in history
        assert "Wuhan" in history

        async def in_timeline() -> Any:
            page = (await client.get(f"/v1/customers/{lin}/timeline", params={"channel": "staff"})).json()
            assert len(page["items"]) == 2
            return page["items"][0]["content"]

        content = await eventually(in_timeline, timeout=90)
        assert (content["actor"], content["properties"]) == ("staff-1", {"note": "called us"})

        view = json.loads(await run("show", lin, "--json"))
        (enterprise,) = view["record"]["enterprises"]
        assert (enterprise["name"], enterprise["role"]) == ("Acme Tools", "Buyer")
        assert enterprise["until"] == "2098-12-31T16:00:00Z"
        acme = enterprise["customer_id"]
        assert "Buyer" in await run("contacts", acme)
        assert "Contacts" in await run("show", acme)
        assert (await client.get(f"/v1/customers/{acme}/timeline")).json()["items"] == []
        assert "shoe_size" in await run("undeclared")
        moment = view["created_at"]
        assert "Trait" in await run("traits", lin, "--as-of", moment)
        assert "NAME=VALUE" in await run("edit", lin, "--set", "name", code=1)
