"""A survey goes all the way: staff ask, the customer gets a mail, answers on the page, and the view shows it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.test_first_touchpoint import Person, look_up, mails_to, post, view_of

from guanxi_devstack.world import World
from guanxi_kit.http import HttpClient, make_client
from guanxi_kit.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def staff(world: World) -> AsyncIterator[HttpClient]:
    async with make_client(world.url, token=world.credentials.token("agent")) as client:
        yield client


class Form(HTMLParser):
    """The form of a page as a browser reads it: what can be chosen, by field, and where it is sent."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.choices: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self.method, self.action = "", "."
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.method, self.action = given.get("method") or "", given.get("action") or "."
        elif tag == "input" and given.get("type") == "radio":
            self.choices.setdefault(given["name"] or "", []).append(given["value"] or "")
        elif tag == "textarea":
            self.texts.append(given["name"] or "")


async def satisfaction_of(staff: HttpClient, customer: str) -> Any:
    """What the view shows; nothing while it has not heard of a survey."""
    return (await view_of(staff, customer)).get("satisfaction", {"invitations": [], "nps": None})


async def ask(staff: HttpClient, customer: str, form: str, key: str) -> Any:
    """Ask a customer in a survey of this form, as soon as its service knows the customer; return what is told of it."""

    async def known() -> Any:
        asked = await staff.post(
            "/v1/surveys",
            json={"customer_id": customer, "form": form},
            headers={"Idempotency-Key": key},
        )
        assert asked.status_code in (200, 404), asked.text
        return asked.json() if asked.status_code == 200 else False

    return await eventually(known, timeout=30)


async def test_the_link_in_the_mail_opens_the_form_that_the_view_then_shows(
    world: World, staff: HttpClient
) -> None:
    person = Person()
    await post(world, person.sign_up)
    customer = await look_up(staff, person.address)
    asked = await ask(staff, customer, "nps", person.user_id)

    def invited() -> Any:
        mails = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in mails_to(world, person.address)
        ]
        links = [line for mail in mails for line in mail.get_content().splitlines() if "/s/" in line]
        return links[0].strip() if links else False

    link = str(await eventually(invited, timeout=30))
    assert link == world.url + asked["link"]

    async def asked_for() -> None:
        assert [each["form"] for each in (await satisfaction_of(staff, customer))["invitations"]] == ["nps"]

    await eventually(asked_for, timeout=30)
    async with make_client(world.url) as browser:
        page = await browser.get(link, headers={"accept-language": "en"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "form-action 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        form = Form(page.text)
        assert (form.method, form.choices, form.texts) == (
            "post",
            {"nps": [str(number) for number in range(11)]},
            ["words"],
        )
        answered = await browser.post(link, data={"nps": "9", "words": "quick"})
        assert "Thank you" in answered.text or "感谢" in answered.text
        assert (await browser.post(link, data={"nps": "1"})).status_code == 409
        assert (await browser.get(link + "x")).status_code == 404

    async def shown() -> None:
        satisfaction = await satisfaction_of(staff, customer)
        assert satisfaction["nps"] is not None
        assert (satisfaction["nps"]["score"], satisfaction["invitations"]) == (9, [])

    await eventually(shown, timeout=30)
    async with make_client(world.url, token=world.credentials.token("team_lead")) as lead:
        report = await lead.get("/v1/reports/team", params={"format": "html"})
        assert (report.status_code, "<svg" in report.text) == (200, True)
        assert (await lead.get("/v1/reports/team")).json()["total"]["nps_answers"] >= 1
        sheet = await lead.get("/v1/reports/issues", headers={"accept": "text/csv"})
        assert sheet.headers["content-type"].startswith("text/csv")
