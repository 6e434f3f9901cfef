"""`guanxi import` and /v1/imports of the gateway, on the whole platform."""

from __future__ import annotations

import json
from pathlib import Path

from guanxi_kit.testing import eventually

from .conftest import Platform

CONTACTS = "会员号,姓名,手机\nM1,张三,13800000001\nM2,李四,12\n,王五,=1+1\n"


async def test_a_file_from_the_command_line_to_the_customer(platform: Platform, tmp_path: Path) -> None:
    file, refused = tmp_path / "客户.csv", tmp_path / "refused.csv"
    file.write_bytes(CONTACTS.encode("gb18030"))
    async with platform.working("interaction", "profile"):
        ran = await platform.guanxi(
            "import", str(file), "--column", "姓名=trait.name", "--refused", str(refused),
            "--clear", "mending what was refused", "--yes",
        )  # fmt: skip
        assert ran.exit_code == 1, "a row was refused"
        assert "csv, gb18030, about 3 rows" in ran.output
        assert "identifier.member_number" in ran.output
        assert "2 rows taken in, 1 refused" in ran.output
        assert "13800000001" not in ran.output
        assert refused.read_bytes().decode("utf-8-sig").splitlines()[1].endswith(',"","王五","\'=1+1"')
        async with platform.client() as client:

            async def known() -> None:
                found = await client.get("/v1/customers", params={"member_number": "M2"})
                assert found.json()["items"]

            await eventually(known)
        again = await platform.guanxi("import", str(file), "--yes", "--json")
        assert json.loads(again.stdout)["progress"]["accepted"] == 2


async def test_an_upload_that_is_none_is_answered_while_it_comes(platform: Platform) -> None:
    async with platform.client() as client:
        for content in (b"%PDF" + b"x" * 9_000_000, b"a,b\n" + b"1,2\n" * 3_000_000):
            answer = await client.post("/v1/imports", params={"name": "x"}, content=content)
            if content.startswith(b"%PDF"):
                assert (answer.status_code, answer.json()["detail"]) == (400, "The file is a PDF document.")
            else:
                assert answer.status_code == 201, answer.text
                assert answer.json()["rows"] == 3_000_000
                cancelled = await client.post(f"/v1/imports/{answer.json()['import_id']}/cancel")
                assert cancelled.json()["state"] == "cancelled"
