"""A file's rows become touchpoints, each once, and what cannot be taken comes back as it can be mended."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from guanxi_contracts.touchpoint import TouchpointReceivedV1
from guanxi_kit.crypto import Keyring
from guanxi_kit.erasure import TOMBSTONES, carry_out, tombstone_of
from guanxi_kit.jobs import read_job
from guanxi_kit.packs import load_pack
from guanxi_kit.testing import eventually
from interaction_service.adapters.erasure_rules import RULES
from interaction_service.adapters.imports.job import ImportRows
from interaction_service.adapters.imports.sweeping import ImportSweeper
from interaction_service.adapters.touchpoint_log import EventLog
from interaction_service.application.making import make_identification
from interaction_service.domain.imports.limits import KEPT

from .conftest import PACKS, MemoryEngine, Service, running_worker
from .events import count

CONTACTS = """客户编号,姓名,手机号码,生日,备注
C1,张三,13800000001,1990/2/28,"=HYPERLINK(""http://example.com"")"
C2,李四,12,1985年3月1日,老客户
C3,"王
五",13800000003,,+1
C4,多,13800000004,,,too,many
,赵六,,,@SUM(A1)
"""


def orders(rows: int) -> bytes:
    lines = (f"A{n},2024-05-01 12:{n % 60:02d},138{n % 500 + 1:08d},{n}.50\n" for n in range(1, rows + 1))
    return ("订单号,下单时间,手机,金额\n" + "".join(lines)).encode()


async def upload(service: Service, content: bytes, name: str = "file.csv", **query: Any) -> dict[str, Any]:
    answer = await service.client.post(
        "/v1/imports",
        content=content,
        params={"name": name, **query},
        headers=service.staff.headers("analyst"),
    )
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def call(service: Service, method: str, *path: str, role: Any = "analyst", **options: Any) -> Any:
    target = "/".join(("/v1/imports", *path))
    return await service.client.request(method, target, headers=service.staff.headers(role), **options)


async def ended(service: Service, import_id: str) -> dict[str, Any]:
    """Start an import and let the worker carry it out."""
    assert (await call(service, "POST", import_id, "start")).status_code == 202
    return await at_its_end(service, import_id)


async def at_its_end(service: Service, import_id: str) -> dict[str, Any]:
    """Wait until an import has ended."""

    async def is_at_its_end() -> dict[str, Any]:
        document: dict[str, Any] = (await call(service, "GET", import_id)).json()
        assert document["state"] in {"done", "failed"}
        return document

    return await eventually(is_at_its_end, timeout=60)


async def refused(service: Service, import_id: str, role: Any = "analyst", **query: Any) -> list[list[str]]:
    answer = await call(service, "GET", import_id, "refused", role=role, params=query)
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_a_file_of_customers_from_upload_to_refused_rows(service: Service) -> None:
    document = await upload(service, CONTACTS.encode("gb18030"), "客户.csv")
    assert (document["form"]["kind"], document["form"]["encoding"]) == ("csv", "gb18030")
    mapped = {column["column"]: column["to"] for column in document["mapping"]["columns"]}
    assert mapped == {
        "客户编号": "user_id", "姓名": "trait.name", "手机号码": "trait.phone", "生日": "trait.birthday"
    }  # fmt: skip
    import_id = document["import_id"]
    mapping: dict[str, Any] = {
        "kind": "identify",
        "columns": [{"column": name, "to": to} for name, to in mapped.items() if to != "user_id"],
    }
    wrong = await call(service, "POST", import_id, "mapping", json={**mapping, "kind": "track"})
    assert [fault["field"] for fault in wrong.json()["errors"]] == ["event"]
    set_ = (await call(service, "POST", import_id, "mapping", json=mapping)).json()["mapping"]["columns"]
    assert [column["as"] for column in set_] == ["text", "text", "date"], "as the cells and the pack have it"

    items = (await call(service, "GET", import_id, "preview")).json()["items"]
    first = items[0]["touchpoint"]
    assert first["identifiers"] == [{"type": "phone", "value": "138****0001"}]
    assert first["traits"] == {"name": "张**", "phone": "138****0001", "birthday": "1990-**-**"}
    assert [item["row"] for item in items] == [2, 3, 4, 5, 6]
    assert items[1]["refused"]["field"] == "手机号码"
    assert await service.received() == []

    async with running_worker(service):
        after = await ended(service, import_id)
        progress = after["progress"]
        assert (after["state"], progress["rows_done"], progress["rows"]) == ("done", 5, 5)
        assert (progress["accepted"], progress["refused"]) == (2, 3)
        await eventually(lambda: no_chunks(service))
    received = await service.received()
    assert {touchpoint.channel for touchpoint in received} == {"import"}
    assert all(touchpoint.imported for touchpoint in received)
    assert {service.opened(each)["traits"]["name"] for each in received} == {"张三", "王\n五"}
    assert (await call(service, "GET", import_id, "preview")).status_code == 409

    lines = await refused(service, import_id)
    assert lines[0] == ["row", "field", "reason (masked)", "客户编号", "姓名", "手机号码", "生日", "备注"]
    assert [line[0] for line in lines[1:]] == ["3", "5", "6"]
    assert lines[1][3:6] == ["C2", "李**", "****"], "masked"
    reason = {"clear": "true", "reason": "mending what was refused"}
    assert (await call(service, "GET", import_id, "refused", params=reason)).status_code == 403
    clear = await refused(service, import_id, "admin", **reason)
    assert clear[1][3:6] == ["C2", "李四", "12"]
    assert clear[3][-1] == "'@SUM(A1)", "no cell is a formula"
    await a_mended_list_comes_back(service, clear)


async def a_mended_list_comes_back(service: Service, lines: list[list[str]]) -> None:
    """Without its own columns, and with cells as they were before they were made harmless."""
    lines[1][5] = "'+8613800000002"
    lines[3][3] = "C6"
    text = io.StringIO()
    csv.writer(text).writerows([lines[0], lines[1], lines[3]])
    document = await upload(service, text.getvalue().encode("gb18030"))
    mapped = [column["column"] for column in document["mapping"]["columns"]]
    assert mapped == ["客户编号", "姓名", "手机号码", "生日"]
    mapping = {**document["mapping"], "columns": [*document["mapping"]["columns"]]}
    mapping["columns"].append({"column": "备注", "to": "trait.nickname"})
    path = (document["import_id"], "mapping")
    assert (await call(service, "POST", *path, json=mapping)).status_code == 200
    async with running_worker(service):
        assert (await ended(service, document["import_id"]))["progress"]["accepted"] == 2
    told = {one["message_id"]: one for one in map(service.opened, await service.received())}
    second, sixth = told[f"{document['import_id']}:2"], told[f"{document['import_id']}:3"]
    assert {"type": "phone", "namespace": "", "value": "+8613800000002"} in second["identifiers"]
    assert sixth["traits"]["nickname"] == "@SUM(A1)"


async def no_chunks(service: Service) -> bool:
    # The worker's sweeper looks once a minute: here it is asked to.
    await ImportSweeper(service.database, service.clock).sweep()
    return await count(service.database, "SELECT count(*) FROM import_chunk") == 0


def handler(service: Service, memory: MemoryEngine) -> ImportRows:
    log, pack = EventLog(memory.producer(), timeout=5), load_pack(PACKS, "services")
    return ImportRows(service.database, service.keyring, log, service.clock, pack=pack, region="CN")


async def test_a_killed_import_goes_on_and_the_same_file_again_doubles_nothing(
    service: Service, memory: MemoryEngine
) -> None:
    rows = 9_500
    document = await upload(service, orders(rows))
    assert (document["mapping"]["kind"], document["mapping"]["event"]) == ("track", "Order Completed")
    assert document["rows"] == rows
    import_id = document["import_id"]
    started = (await call(service, "POST", import_id, "start")).json()
    async with service.database.connection() as connection:
        job = await read_job(connection, UUID(started["progress"]["job_id"]))
    assert job is not None
    # The process is killed when the log has rows that the job does not know of yet.
    killed = handler(service, memory)
    await killed.work(job)
    await killed.close()
    before = len(await service.received())
    assert before == 4_000
    async with running_worker(service):
        first = await ended(service, import_id)
        assert first["progress"]["accepted"] == rows
        received = await service.received()
        assert len(received) == before + rows
        once = {touchpoint.touchpoint_id for touchpoint in received}
        assert len(once) == rows
        assert purchase_of(received) == sum(100 * n + 50 for n in range(1, rows + 1))
        again = await ended(service, (await upload(service, orders(rows)))["import_id"])
    assert again["progress"]["accepted"] == rows
    assert {touchpoint.touchpoint_id for touchpoint in await service.received()} == once


def purchase_of(received: list[TouchpointReceivedV1]) -> int:
    each = {one.touchpoint_id: one.purchase for one in received}
    return sum(purchase.amount_minor for purchase in each.values() if purchase is not None)


async def test_an_erasure_finds_refused_rows_and_time_takes_the_rest(
    service: Service, keyring: Keyring
) -> None:
    content = "手机,金额,时间\n13800000001,x,2024-05-01\n13800000002,x,2024-05-01\n".encode()
    document = await upload(service, content)
    async with running_worker(service):
        await ended(service, document["import_id"])
    assert await count(service.database, "SELECT count(*) FROM import_refusal") == 2
    identification = make_identification(keyring, load_pack(PACKS, "services"), "CN")
    found: Any = identification.look_up("phone", "13800000001", "")
    tombstones = [tombstone_of(keyring, found.ref.hash)]
    rules = [rule for rule in RULES if rule.table == "import_refusal"]
    async with service.database.transaction() as connection:
        assert await carry_out(connection, rules, {TOMBSTONES: tombstones}) == {"import_refusal": 1}
    service.clock.advance(KEPT + timedelta(seconds=1))
    await ImportSweeper(service.database, service.clock).sweep()
    for table in ("import_file", "import_chunk", "import_refusal"):
        assert await count(service.database, f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b"", 400, "is empty"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, 400, "old Excel workbook"),
        (b"\x1f\x8b" + b"x" * 100, 400, "compressed"),
        (b"a,b\n", 400, "holds no row"),
        (b"a,b\n" + b"1,2\n" * 50_000, 413, "larger than"),
    ],
)
async def test_what_is_no_file_to_import_leaves_nothing(
    service_on: Any, memory: MemoryEngine, content: bytes, status: int, detail: str
) -> None:
    async with service_on(memory, import_max_bytes=100_000) as service:
        answer = await service.client.post(
            "/v1/imports", content=content, params={"name": "x"}, headers=service.staff.headers("analyst")
        )
        assert answer.status_code == status
        assert detail in answer.json()["detail"]
        assert await count(service.database, "SELECT count(*) FROM import_file") == 0
        assert await count(service.database, "SELECT count(*) FROM import_chunk") == 0


async def test_cancelled_before_and_after_its_start(service: Service) -> None:
    for start in (False, True):
        import_id = (await upload(service, orders(10)))["import_id"]
        if start:
            await call(service, "POST", import_id, "start")
        assert (await call(service, "POST", import_id, "cancel")).json()["state"] == "cancelled"
        assert (await call(service, "POST", import_id, "cancel")).status_code == 409
        assert (await call(service, "POST", import_id, "mapping", json={"columns": []})).status_code == 409
    assert await no_chunks(service)
    assert len((await call(service, "GET")).json()["items"]) == 2
    assert (await call(service, "GET", role="agent")).status_code == 403
