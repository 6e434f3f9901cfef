"""Mailboxes on a real IMAP server: every mail once, whoever dies; what answers a case is its customer's answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cached_property
from typing import Any
from uuid import uuid4

import pytest
from imapclient import IMAPClient
from tests.imap import imap_server
from tests.integration.interaction.test_cases import Desk

from guanxi_contracts.touchpoint import TouchpointReceivedV1, TouchpointResolvedV1
from guanxi_devstack.ports import find_free_port
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from interaction_service.adapters.mail.making import make_watch
from interaction_service.adapters.mail.watch import MailboxWatch
from interaction_service.adapters.touchpoint_log import EventLog
from interaction_service.application.content import encode_json
from interaction_service.application.mail.reading import read_mail
from interaction_service.application.ports import TouchpointLog

from .conftest import NOW, PACKS, MemoryEngine, Service, ServiceOn, running_worker
from .events import count, outgoing, publish, record, resolved, rows

USER, PASSWORD = "desk", "a password of tests"


class MailServer:
    """A real IMAP server, and the hand that puts mails into its folders."""

    def __init__(self, port: int) -> None:
        self.port = port

    @cached_property
    def client(self) -> IMAPClient:
        """A connection that stays: signing in is what takes longest."""
        client = IMAPClient("127.0.0.1", self.port, ssl=False, timeout=10)
        client.login(USER, PASSWORD)
        return client

    def put(self, folder: str, text: str = "Hello", *, at: datetime = NOW, **headers: str) -> None:
        mail = EmailMessage()
        told = {
            "From": "Ada <ada@example.org>",
            "Subject": "A question",
            "Message-ID": f"<{uuid4()}@example.org>",
        }
        for name, value in (told | headers).items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        self.client.append(folder, mail.as_bytes(), msg_time=at)


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with imap_server(USER, PASSWORD) as port:
        found = MailServer(port)
        yield found
        found.client.logout()


class Mailed:
    """A channel with a mailbox in a folder of its own."""

    def __init__(self, service: Service, server: MailServer) -> None:
        self.service = service
        self.server = server
        self.folder = f"F{uuid4().hex[:8]}"
        server.client.create_folder(self.folder)

    async def declare(self, **changes: Any) -> Any:
        asked = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "security": "plain",
            "username": USER,
            "password": PASSWORD,
            "folder": self.folder,
            "own_addresses": ["Desk@example.com"],
            "since": (NOW - timedelta(days=1)).isoformat(),
        }
        return await self.service.client.put(
            "/v1/channels/post/mailbox",
            json={name: value for name, value in (asked | changes).items() if value is not None},
            headers=self.service.staff.headers("admin"),
        )

    async def standing(self) -> Any:
        headers = self.service.staff.headers("admin")
        return (await self.service.client.get("/v1/channels/post/mailbox", headers=headers)).json()

    def put(self, text: str = "Hello", **told: Any) -> None:
        self.server.put(self.folder, text, **told)

    async def read(self, log: type[EventLog] = EventLog) -> None:
        """Let the mailbox have a turn."""
        self.service.clock.advance(timedelta(minutes=5))
        producer = self.service.engine.producer()
        await producer.start()
        try:
            await self._watch(log(producer, timeout=10)).read_due()
        finally:
            await producer.stop()

    def _watch(self, log: TouchpointLog) -> MailboxWatch:
        service = self.service
        return make_watch(
            service.settings,
            load_pack(PACKS, "services"),
            database=service.database,
            log=log,
            keyring=service.keyring,
            clock=service.clock,
        )

    async def texts(self) -> list[str]:
        """What the log has of mails, in its order."""
        return [self.service.opened(one)["properties"].get("text", "") for one in await self.touchpoints()]

    async def touchpoints(self) -> Sequence[TouchpointReceivedV1]:
        return [one for one in await self.service.received() if one.channel == "post"]


@pytest.fixture
async def mailed(service_on: ServiceOn, memory: MemoryEngine, server: MailServer) -> AsyncIterator[Mailed]:
    async with service_on(memory, allow_private_mailboxes=True) as service:
        mailed = Mailed(service, server)
        assert (await mailed.declare()).status_code == 200
        yield mailed


async def test_each_mail_becomes_a_touchpoint_once(mailed: Mailed) -> None:
    for number in range(7):
        mailed.put(f"mail {number}", at=NOW + timedelta(minutes=number))
    mailed.put("before", at=NOW - timedelta(days=3))
    mailed.put("own", From="desk@example.com")
    mailed.put("nobody's", From="undisclosed")
    mailed.put("of a filler", From="test@test.com")
    await mailed.read()
    await mailed.read()
    mailed.put("another")
    await mailed.read()
    assert await mailed.texts() == [*(f"mail {number}" for number in range(7)), "another"]
    first = (await mailed.touchpoints())[0]
    assert (first.name, first.occurred_at) == ("Email Received", NOW)
    assert [ref.type for ref in first.identifiers] == ["email"]
    told = await mailed.standing()
    assert (told["taken"], told["refused"], told["failure"]) == (8, 2, None)
    await a_refused_mail_is_mended(mailed)
    assert "of a filler" in await mailed.texts()
    mailed.server.client.select_folder(mailed.folder, readonly=True)
    assert not mailed.server.client.search("SEEN")


async def a_refused_mail_is_mended(mailed: Mailed) -> None:
    """Its sender's address is all that says whose it is, as when it came."""
    client, headers = mailed.service.client, mailed.service.staff.headers("admin")
    kept = (await client.get("/v1/refusals", params={"channel": "post"}, headers=headers)).json()["items"]
    path = next(f"/v1/refusals/{one['refusal_id']}" for one in kept if one["field"] == "email")
    clear = {"clear": "true", "reason": "whose mail it was is known"}
    item = (await client.get(path, params=clear, headers=headers)).json()["item"]
    item["context"]["traits"]["email"] = "lin@example.com"
    replayed = await client.post(f"{path}/replay", json={"item": item}, headers=headers)
    assert replayed.status_code == 200, replayed.text


async def test_a_mail_of_the_second_of_the_declaration_is_new(mailed: Mailed) -> None:
    await mailed.declare(since=(NOW + timedelta(milliseconds=400)).isoformat())
    mailed.put("at once", at=NOW)
    mailed.put("before", at=NOW - timedelta(seconds=1))
    await mailed.read()
    assert await mailed.texts() == ["at once"]


class Killed(BaseException):
    """As a process that is killed: nothing handles it."""


class DyingLog(EventLog):
    """Has the touchpoints, and its process dies before anybody hears of it."""

    async def append(self, touchpoints: Sequence[TouchpointReceivedV1]) -> None:
        await super().append(touchpoints)
        raise Killed


async def test_a_reader_that_dies_loses_and_doubles_nothing(mailed: Mailed) -> None:
    for number in range(12):
        mailed.put(f"mail {number}")
    with pytest.raises(Killed):
        await mailed.read(DyingLog)
    assert len(await mailed.touchpoints()) == 5
    await mailed.read()
    found = await mailed.touchpoints()
    assert len(found) == 17
    assert len({one.touchpoint_id for one in found}) == 12


async def test_other_uids_double_nothing(mailed: Mailed) -> None:
    for number in range(3):
        mailed.put(f"mail {number}")
    await mailed.read()
    async with mailed.service.database.transaction() as connection:
        await connection.execute("UPDATE mailbox SET uid_validity = uid_validity - 1")
    await mailed.read()
    found = await mailed.touchpoints()
    assert (len(found), len({one.touchpoint_id for one in found})) == (6, 3)


async def test_a_mailbox_that_cannot_be_read_says_why(mailed: Mailed) -> None:
    mailed.put()
    for change, failure in (
        ({"password": "wrong"}, "sign_in_refused"),
        ({"folder": "Nowhere"}, "open_"),
        ({"port": find_free_port()}, "open_ConnectionRefusedError"),
    ):
        assert (await mailed.declare(**change)).status_code == 200
        await mailed.read()
        assert (await mailed.standing())["failure"].startswith(failure)
    assert await mailed.texts() == []
    assert (await mailed.declare()).status_code == 200
    await mailed.read()
    assert await mailed.texts() == ["Hello"]
    assert (await mailed.standing())["failure"] is None


async def test_what_may_be_declared(service_on: ServiceOn, memory: MemoryEngine, server: MailServer) -> None:
    async with service_on(memory) as service:
        strict = Mailed(service, server)
        for change, field in (
            ({"security": "tls"}, "host"),
            ({"host": "imap.example.com"}, "security"),
            ({"host": "imap.example.com", "security": "tls", "password": None}, "password"),
            ({"host": "imap.example.com", "security": "tls", "folder": "收件箱"}, "folder"),
        ):
            answer = await strict.declare(**change)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), answer.text
        shown = await strict.declare(host="imap.example.com", security="tls")
        assert shown.status_code == 200
        assert PASSWORD not in shown.text
        (row,) = await rows(service.database, "SELECT document::text, sealed FROM mailbox")
        assert PASSWORD not in row["document"]
        assert PASSWORD.encode() not in row["sealed"]
        again = await strict.declare(host="imap.example.com", security="tls", password=None, since=None)
        assert again.json()["since"] == shown.json()["since"]


async def test_a_mail_about_a_case_is_its_customers_answer(mailed: Mailed) -> None:
    service = mailed.service
    customer, stranger = uuid4(), uuid4()
    await record(service, resolved(service.keyring, customer), resolved(service.keyring, stranger))
    desk = Desk(service, customer)
    case = await desk.open(category="service")
    number = (await desk.get(f"/{case['case_id']}")).json()["number"]

    def mail(
        sender: Any, text: str, subject: str = f"Re: {number}", name: str = "Email Received"
    ) -> TouchpointResolvedV1:
        letter = EmailMessage()
        letter["From"], letter["Subject"] = "ada@example.com", subject
        letter.set_content(text)
        read = read_mail(letter.as_bytes())
        said = {"subject": read.subject, "text": read.text, "case_number": read.case_number}
        return resolved(
            service.keyring,
            sender,
            channel="post",
            name=name,
            at=service.clock.now(),
            properties=encode_json(said),
        )

    async def come(*mails: TouchpointResolvedV1) -> None:
        before = await count(service.database, "SELECT count(*) FROM touchpoint")
        async with running_worker(service):
            await publish(service.engine, [outgoing(one) for one in (*mails, mails[0])])

            async def recorded() -> bool:
                found = await count(service.database, "SELECT count(*) FROM touchpoint")
                return found == before + len(mails)

            await eventually(recorded, timeout=20)

    await desk.act(case, "question", text="Which order?")
    away = mail(customer, "Away", "I am away", "Automatic Reply Received")
    await come(mail(customer, "Order 7"), mail(stranger, "Let me in"), away)
    assert (await desk.get(f"/{case['case_id']}")).json()["state"] == "in_progress"
    history = (await desk.get(f"/{case['case_id']}/events")).json()["items"]
    assert [(one["kind"], one["actor"]) for one in history][-1] == ("answered", "post")
    assert len(history) == 3
    twin = await desk.open(category="service")
    await desk.act(twin, "link", case_id=case["case_id"])
    await come(mail(customer, "It is the blue one", twin["number"]))
    assert len((await desk.get(f"/{case['case_id']}/events")).json()["items"]) == 4
    await desk.act(case, "solve", text="Sent again")
    await come(mail(customer, "Thank you!"))
    assert (await desk.get(f"/{case['case_id']}")).json()["state"] == "solved"
    assert len((await desk.get(customer_id=str(customer))).json()["items"]) == 2
    strangers = (await desk.get(customer_id=str(stranger))).json()["items"]
    assert [(one["kind"], one["subject"], one["description"]) for one in strangers] == [
        ("enquiry", f"Re: {number}", "Let me in")
    ]
