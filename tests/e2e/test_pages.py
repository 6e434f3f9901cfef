"""Pages that people read, in a real browser: on a phone, without script, in Chinese and English, read aloud.

Chromium comes from the system (`apt install chromium`); without it these tests are skipped, unless GUANXI_BROWSER
names one, as continuous integration does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from tests.e2e.test_first_touchpoint import Person, look_up, post
from tests.e2e.test_surveys import ask

from guanxi_devstack.world import World
from guanxi_kit.http import make_client

CHROMIUM = os.environ.get("GUANXI_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("world_options", ["postgres"], indirect=True, scope="session"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
QUIET = [
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
LOW, THANKS, AGAIN = 2, "感谢您的回答！", "You have answered already, thank you!"
PAPER: Any = {"width": 700, "height": 1000}
"""CSS pixels of a sheet of A4 between its margins."""
FINGER = 44
"""CSS pixels that a finger hits (WCAG 2.5.5)."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # Tests may run as root, for whom Chromium has no sandbox; it opens nothing but these pages.
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=QUIET, chromium_sandbox=False
        )
        yield browser
        await browser.close()


async def open_page(context: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """A page, and what the browser complains about."""
    complaints: list[str] = []

    def listen(said: ConsoleMessage) -> None:
        complaints.append(said.text)

    page = await context.new_page()
    page.on("console", listen)
    answer = await page.goto(url)
    assert answer is not None
    assert answer.status == 200, await answer.text()
    return page, complaints


async def assert_readable(browser: Browser, url: str, token: str | None = None) -> None:
    """A page that breaks no rule of WCAG 2 A and AA that axe can check, on a phone, nor its own content policy."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/html"} if token else {}
    # axe itself is a script, which the policy of these pages refuses: one visit with the policy, one without.
    async with await browser.new_context(**PHONE, extra_http_headers=headers) as strict:
        page, complaints = await open_page(strict, url)
        assert complaints == []
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["viewport"]["width"], f"{url} is {width} pixels wide on a phone"
        await page.set_viewport_size(PAPER)
        await page.emulate_media(media="print")
        cut = await page.evaluate(
            "[...document.querySelectorAll('.wide')].filter(each => each.scrollWidth > each.clientWidth).length"
        )
        assert cut == 0, f"{url} is printed without its right edge"
    async with await browser.new_context(**PHONE, extra_http_headers=headers, bypass_csp=True) as open_to_axe:
        page, _ = await open_page(open_to_axe, url)
        found = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        assert found.violations_count == 0, found.generate_report()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def person(world: World) -> Person:
    person = Person()
    await post(world, person.sign_up, person.first_order)
    return person


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def link(world: World, person: Person) -> str:
    async with make_client(world.url, token=world.credentials.token("agent")) as staff:
        customer = await look_up(staff, person.address)
        return world.url + str((await ask(staff, customer, "csat", person.user_id))["link"])


async def test_a_customer_answers_a_survey_on_a_phone_without_script(browser: Browser, link: str) -> None:
    await assert_readable(browser, link)
    await assert_readable(browser, link + "?lang=en")
    async with await browser.new_context(**PHONE, java_script_enabled=False, locale="zh-CN") as phone:
        page, _ = await open_page(phone, link)
        html = page.locator("html")
        await expect(html).to_have_attribute("lang", "zh-CN")
        await page.get_by_role("link", name="English").click()
        await expect(html).to_have_attribute("lang", "en")
        await page.get_by_role("link", name="中文").click()
        await expect(html).to_have_attribute("lang", "zh-CN")
        scales = await page.locator("fieldset").all()
        for scale in scales:
            choice = scale.locator("label", has_text="5")
            box = await choice.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= FINGER
        # A browser without script still holds a form back that lacks an answer.
        await page.get_by_role("button").tap()
        assert await page.locator("form").count() == 1
        for scale in scales:
            await scale.get_by_role("radio", name=str(LOW), exact=True).check()
        await page.get_by_role("textbox").fill("<b>太慢</b>")
        await page.get_by_role("button", name="提交").tap()
        await expect(page.get_by_role("heading")).to_have_text(THANKS)
        # A low mark opens an improvement, which is told.
        await expect(page.get_by_text("编号")).to_have_count(1)


async def test_a_link_answers_once(browser: Browser, link: str) -> None:
    async with await browser.new_context(**PHONE, locale="en-GB") as phone:
        page = await phone.new_page()
        await page.goto(link)
        assert await page.get_by_role("heading").inner_text() == AGAIN
        assert await page.locator("form").count() == 0


@pytest.mark.parametrize("report", ["needs", "issues", "team"])
async def test_staff_read_reports(world: World, browser: Browser, report: str) -> None:
    for language in ("zh", "en"):
        url = f"{world.url}/v1/reports/{report}?format=html&language={language}"
        await assert_readable(browser, url, world.credentials.token("team_lead"))


async def test_a_person_reads_what_is_kept(world: World, browser: Browser, person: Person) -> None:
    token = world.credentials.token("admin")
    async with make_client(world.url, token=token) as staff:
        customer = await look_up(staff, person.address)
    reason = "reason=the+person+asked+for+it"
    await assert_readable(browser, f"{world.url}/v1/customers/{customer}/export?{reason}", token)
    for language in ("zh", "en"):
        proof = f"{world.url}/v1/customers/{customer}/consents/proof?format=html&language={language}"
        await assert_readable(browser, proof, token)
