"""What the brief says of dealings with a customer."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from guanxi_kit.testing import eventually

from .conftest import NOW, Service
from .events import count, record, resolved, resolved_again

RECORD = {"kind": "call", "direction": "inbound", "at": NOW.isoformat()}


async def test_it_shows_what_is_due_first_and_what_was_put_right(service: Service) -> None:
    customer = uuid4()
    await record(service, resolved(service.keyring, customer))
    brief = Brief(service, customer)
    oldest = await brief.post("/v1/cases", **brief.case("enquiry"), received_at="2026-05-20T07:50:00Z")
    for _ in range(11):
        await brief.post("/v1/cases", **brief.case("complaint"))
    contacts = f"/v1/customers/{customer}/contact-records"
    wrong = await brief.post(contacts, **RECORD, text="The lid broke")
    right = await brief.post(
        f"/v1/contact-records/{wrong['contact_id']}/correct", **RECORD, text="The lamp broke"
    )
    await brief.post(contacts, **RECORD, text="A new lamp is on its way")
    await eventually(brief.told, timeout=20)
    await record(service, *(resolved_again(each, customer) for each in await service.received()))
    found = await brief.read(event=["Contact Recorded"])
    texts = {each["content"]["properties"]["text"] for each in found["last_contacts"]["items"]}
    assert texts == {"The lamp broke", "A new lamp is on its way"}
    assert right["corrects"] == wrong["contact_id"]
    assert (found["open_cases"]["items"][0]["case_id"], len(found["open_cases"]["items"])) == (
        oldest["case_id"],
        10,
    )
    assert found["open_cases"]["more"]


class Brief:
    """Staff who read it, and what they read about."""

    def __init__(self, service: Service, customer: UUID) -> None:
        self._service = service
        self._customer = customer

    def case(self, kind: str) -> dict[str, str]:
        return {"customer_id": str(self._customer), "kind": kind, "subject": "s"}

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self._service.client.post(
            path, json=body, headers=self._service.staff.headers("agent")
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def told(self) -> bool:
        return not await count(self._service.database, "SELECT count(*) FROM outbox")

    async def read(self, **query: Any) -> Any:
        answer = await self._service.client.get(
            f"/v1/customers/{self._customer}/brief",
            params=query,
            headers=self._service.staff.headers("agent"),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()
