"""Cases that a rule of the pack opens: of an event that says something in particular."""

from __future__ import annotations

from uuid import uuid4

from guanxi_contracts.envelope import Envelope
from guanxi_contracts.touchpoint import TOUCHPOINT_RESOLVED, TouchpointResolvedV1
from guanxi_kit.consumer import Cause, Received, Unit
from guanxi_kit.log.port import Record
from guanxi_kit.packs import CaseSettings, load_pack
from interaction_service.adapters.case_channels import ChannelCases
from interaction_service.application.content import encode_json
from interaction_service.main import make_case_work

from .conftest import NOW, PACKS, Service
from .events import record, resolved
from .test_cases import Desk

SETTINGS = CaseSettings.model_validate(
    {
        "opened_by": (
            {
                "event": "Review Posted",
                "when": {"<=": [{"var": "properties.stars"}, 1]},
                "kind": "complaint",
                "text": "words",
            },
            {"event": "Review Posted", "when": {"==": [{"var": "properties.asks"}, True]}, "kind": "enquiry"},
        )
    }
)


async def test_the_first_rule_that_holds_opens_a_case(service: Service) -> None:
    customer = uuid4()
    reviews = [
        resolved(service.keyring, customer, name="Review Posted", properties=encode_json(said))
        for said in (
            {"stars": 1, "words": "Never again", "asks": True},
            {"stars": 4, "asks": True},
            {"stars": 5},
            {},
        )
    ]
    await record(service, *reviews)
    cases = ChannelCases(make_case_work(service.keyring, load_pack(PACKS, "services")), SETTINGS)
    async with service.database.transaction() as connection:
        unit = Unit(connection, NOW)
        await cases.open(unit, [received(place, review) for place, review in enumerate(reviews)])
        await unit.outbox.write(connection)
    found = (await Desk(service, customer).get()).json()["items"]
    assert sorted((one["kind"], one["source"], one["description"]) for one in found) == [
        ("complaint", "rule", "Never again"),
        ("enquiry", "rule", ""),
    ]


def received(place: int, event: TouchpointResolvedV1) -> Received[TouchpointResolvedV1]:
    envelope = Envelope(id=str(place), source="test", type=TOUCHPOINT_RESOLVED.type, time=NOW, data=event)
    return Received(envelope, Record("test", 0, place, b"", b"", (), 0), Cause("test/0", place))
