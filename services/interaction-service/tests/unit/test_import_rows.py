"""Files of any shape are read row by row within bounds, and read on from any place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interaction_service.adapters.imports.looking import Asked, look_at
from interaction_service.adapters.imports.opening import open_rows
from interaction_service.adapters.imports.text_rows import CsvRows
from interaction_service.application.imports.document import FileDocument
from interaction_service.application.imports.ports import FileForm, Row, RowReader
from interaction_service.domain.imports.columns import column_names, has_header
from interaction_service.domain.imports.sniffing import NotImportable, delimiter_of, encoding_of
from interaction_service.domain.imports.targets import Declared
from interaction_service.domain.imports.values import Unreadable, read_moment, read_number, read_time

EARLY, LATE = datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2099-01-01")


class Bytes:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.size = len(content)

    async def read(self, start: int, length: int) -> bytes:
        return self.content[start : start + length]


async def rest(reader: RowReader, most: int) -> list[Row]:
    found: list[Row] = []
    while rows := await reader.read(most):
        found += rows
    return found


HOSTILE = (
    b'a,b\n1,2\n"x,3\n4,5\n\xff\xfe,1\n6,7\n"'
    + b"z" * 200_000
    + b"\n8,9\n"
    + b"q" * 3_000_000
    + b"\n10,11\n\n"
    b'12,"1\n3"\n"1"2,3\n14,15'
)


async def test_a_bad_record_spoils_no_other_and_reading_goes_on_from_every_place() -> None:
    rows = await rest(CsvRows(Bytes(HOSTILE), FileForm("csv")), 1_000)
    assert [row.number for row in rows if row.fault is None] == [2, 4, 6, 8, 10, 12, 14]
    assert rows[-3].values == ["12", "1\n3"]
    assert [row.number for row in rows if row.fault is not None] == [3, 5, 7, 9, 13]
    assert max(len(row.values[0]) for row in rows) <= 1_000
    reader, taken = CsvRows(Bytes(HOSTILE), FileForm("csv")), 0
    while True:
        assert await rest(CsvRows(Bytes(HOSTILE), FileForm("csv"), reader.place), 3) == rows[taken:]
        if not await reader.read(1):
            break
        taken += 1


def test_form_is_found() -> None:
    chinese = "姓名,城市\n张三,上海\n"
    assert encoding_of(chinese.encode("gb18030"), whole_is_utf8=False) == "gb18030"
    assert encoding_of(chinese.encode(), whole_is_utf8=False) == "utf-8", "one broken byte further on"
    assert encoding_of(b"name,city\n", whole_is_utf8=False) == "gb18030"
    assert delimiter_of('a;"b;c,d";e\n1,5;2;3\n') == ";"
    assert delimiter_of("name\nZhang\n") == ","
    assert has_header(["姓名", "手机"])
    assert not has_header(["张三", "13800000001"])
    assert not has_header(["a", "a"])
    assert has_header(["姓名", "电话", "电话", "2023"], [["张三", "13800000001", "", "7"]])
    assert not has_header(["1001", "张三", "无"], [["1002", "李四", "13800000001"]])
    assert column_names(["a", "", "a", None]) == ["a", "column 2", "a (2)", "column 4"]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-05-01T12:00:00+08:00", "2024-05-01T04:00:00+00:00"),
        ("2024/5/1 12:30", "2024-05-01T04:30:00+00:00"),
        ("2024年5月1日 12时30分", "2024-05-01T04:30:00+00:00"),
        ("2024/5/1 星期三 下午 3:20:10", "2024-05-01T07:20:10+00:00"),
        ("2024年5月1日9时", "2024-05-01T01:00:00+00:00"),
        ("2024年5月1日 上午12点05分", "2024-04-30T16:05:00+00:00"),
        ("20240501", "2024-04-30T16:00:00+00:00"),
        ("20240501123000", "2024-05-01T04:30:00+00:00"),
        ("2024-05-01 12:30:15.250Z", "2024-05-01T12:30:15.250000+00:00"),
        ("1714537800", "2024-05-01T04:30:00+00:00"),
        ("1714537800123", "2024-05-01T04:30:00.123000+00:00"),
    ],
)
def test_times(text: str, utc: str) -> None:
    assert read_time(text, timezone(timedelta(hours=8))) == utc


@given(
    st.datetimes(EARLY, LATE),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    st.sampled_from(["", "Z", "+05:45", "-11:00"]),
)
@example(datetime.fromisoformat("2026-03-29T02:30:00"), "Europe/Berlin", "")
@example(datetime.fromisoformat("2026-10-25T02:30:00"), "Europe/Berlin", "")
def test_times_of_zones_that_move_their_clocks(wall: datetime, zone: str, offset: str) -> None:
    said = datetime.fromisoformat(f"{wall.isoformat()}{offset}")
    expected = (said if offset else said.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    assert read_moment(f"{wall.isoformat()}{offset}", ZoneInfo(zone)) == expected
    assert read_moment(said, ZoneInfo(zone)) == expected


@pytest.mark.parametrize("text", ["1/5/2024", "2024-13-01", "yesterday", "0001-01-01", "2024-05-01 25:00"])
def test_no_times(text: str) -> None:
    with pytest.raises(Unreadable):
        read_time(text, timezone(timedelta(hours=8)))


def test_numbers() -> None:
    assert [read_number(text) for text in ("1,299.00", "￥1，299", "99 元", "-5", 3)] == [
        1299.0,
        1299,
        99,
        -5,
        3,
    ]
    for text in ("1,29", "1e5", "NaN", "", "9" * 70):
        with pytest.raises(Unreadable):
            read_number(text)


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
STYLES = f"""<styleSheet {MAIN}><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>
<numFmt numFmtId="165" formatCode="000000"/></numFmts>
<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>"""
TEXTS = f"""<sst {MAIN}><si><t>会员号</t></si><si><r><t>姓</t></r><r><t>名</t></r><rPh><t>xing</t></rPh></si>
<si><t>生日</t></si></sst>"""
HEADER = (
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="s"><v>2</v></c></row>'
)
PERSON = """<row r="{0}"><c r="A{0}" t="str"><f>CONCAT("M",{0})</f><v>M{0}</v></c>
<c r="B{0}" t="inlineStr"><is><t>张三</t></is></c>
<c r="C{0}" s="2"><v>{0}23</v></c><c r="D{0}" s="1"><v>32932</v></c></row>"""


def archive(**parts: str) -> Bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return Bytes(file.getvalue())


def workbook(*sheet: str, texts: str = TEXTS) -> Bytes:
    """A workbook as Excel lays it out; the pieces of its sheet are repeated as they come."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/workbook.xml", f'<workbook {MAIN}><sheets><sheet name="客户"/></sheets></workbook>'
        )
        archive.writestr("xl/styles.xml", STYLES)
        archive.writestr("xl/sharedStrings.xml", texts)
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            for piece in (f"<worksheet {MAIN}><sheetData>", *sheet, "</sheetData></worksheet>"):
                part.write(piece.encode())
    return Bytes(file.getvalue())


async def looked_at(file: Bytes, **asked: Any) -> FileDocument:
    return await look_at("file", file, Asked(**asked), Declared(), whole_is_utf8=False, lines=0)


async def reads_on(file: Bytes, document: FileDocument, rows: Sequence[Row]) -> None:
    reader = open_rows(file, document.form, document.names)
    await reader.read(7)
    assert await rest(open_rows(file, document.form, document.names, reader.place), 5) == rows[7:]


async def test_a_workbook() -> None:
    file = workbook(HEADER, *(PERSON.format(number) for number in range(3, 23)))
    document = await looked_at(file)
    assert (document.form.sheet, document.names) == ("客户", ["会员号", "姓名", "column 3", "生日"])
    rows = await rest(open_rows(file, document.form, document.names), 3)
    assert rows[0] == Row(3, ["M3", "张三", "000323", date(1990, 2, 28)])
    assert [row.number for row in rows] == list(range(3, 23))
    await reads_on(file, document, rows)


async def test_a_sheet_below_its_title_with_what_other_programs_write() -> None:
    rows: list[list[str | None]] = [
        ["客户导出", None, None],
        ["订单", "备注", "微信"],
        ["20240501123456789", "一_x000D_\n二_x0001__x005F_x", "wx"],
    ]
    cells = (
        "".join(f"<c t='{'n' if str(cell).isdigit() else 'str'}'><v>{cell or ''}</v></c>" for cell in row)
        for row in rows
    )
    sheet = f"<worksheet {MAIN}>{''.join(f'<row>{row}</row>' for row in cells)}</worksheet>"
    names = "".join(
        f"<sheet name='{name}' state='{state}'/>"
        for name, state in (("说明", "visible"), ("旧", "hidden"), ("订单", "visible"))
    )
    book = {"xl/workbook.xml": f"<workbook {MAIN}><sheets>{names}</sheets></workbook>"}
    # Parts are found by the relations; without any by the number of the visible sheet.
    file = archive(**book, **{"xl/worksheets/sheet1.xml": sheet, "xl/worksheets/sheet2.xml": sheet})
    document = await looked_at(file, sheet="订单")
    assert (document.form.sheet, document.form.sheets, document.form.above) == ("订单", ["说明", "订单"], 1)
    assert document.names == ["订单", "备注", "微信"]
    assert await rest(open_rows(file, document.form, document.names), 5) == [
        Row(3, [20240501123456789, "一\r\n二_x", "wx"])
    ]
    with pytest.raises(NotImportable, match="no visible sheet of this name"):
        await looked_at(file, sheet="旧")


async def test_rows_have_numbers_of_their_own_whatever_wrote_them() -> None:
    rows = (f"<row r='{number}'><c t='str'><v>x</v></c></row>" for number in ("1", "1", "1", "9", "2"))
    file = workbook(*rows)
    form = FileForm("excel", header=False)
    assert [row.number for row in await rest(open_rows(file, form, ["x"]), 9)] == [1, 2, 3, 9, 10]
    with pytest.raises(NotImportable, match="beyond"):
        await rest(open_rows(workbook(f"<row r='{10**30}'/>"), form, ["x"]), 9)


async def test_what_stands_above_a_header_is_no_row() -> None:
    for above in ("sep=;\n", "\n客户名单;;;;\n导出日期;2024-05-01;;;\n", ""):
        file = Bytes(
            f"{above}姓名;电话;城市;店;分\n张三;13800000001;上海;一;2;\n李四;13800000002\n;;;;\n".encode()
        )
        document = await looked_at(file)
        assert (document.names, document.form.above) == (
            ["姓名", "电话", "城市", "店", "分"],
            above.count("\n"),
        )
        rows = await rest(open_rows(file, document.form, document.names), 1)
        assert [row.number for row in rows] == [above.count("\n") + 2, above.count("\n") + 3]
    first = await looked_at(Bytes("名单,,\n姓名,电话,城市\n".encode()), header=True)
    assert first.names == ["名单", "column 2", "column 3"], "as it was said"


async def test_digits_that_are_no_number_stay_as_they_are() -> None:
    rows = "".join(f"{200000 + n},{n}.5,{n},62220212345678{n:05}\n" for n in range(10, 90))
    document = await looked_at(Bytes(f"邮编,金额,分,卡号\n{rows}010010,1.5,0,1\n".encode()))
    assert [column.type for column in document.columns] == ["text", "number", "number", "text"]


async def test_names_in_json_lines_end_at_line_breaks_alone() -> None:
    document = await looked_at(Bytes('{"userId":"1","note":"a\u2028b"}\n'.encode()))
    assert document.names == ["userId", "note"]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (workbook("<row><c t='str'><v>", *["a" * 1_000_000] * 50, "</v></c></row>"), "32767 characters"),
        (workbook("<row><c t='", *["a" * 1_000_000] * 20, "'/></row>"), "a tag of more than a megabyte"),
        (workbook("<row>", *["<c><v>1</v></c>"] * 600, "</row>"), "more than 500 columns"),
        (workbook(texts=TEXTS + " " * 70_000_000), "unpacks to more than 64 MiB"),
        (workbook(texts=f"<!DOCTYPE sst [<!ENTITY a 'b'>]>{TEXTS}"), "declares a document type"),
        (workbook("<row><c t='s'><v>9</v></c></row>"), "names a text that it does not hold"),
        (Bytes(b"PK\x03\x04" + b"x" * 100), "no workbook"),
        (archive(**{"orders.csv": "a,b"}), "an archive and no workbook"),
        (Bytes(b"\xd0\xcf\x11\xe0" + b"x" * 100), "or one with a password"),
        (archive(**{"xl/workbook.xml": f"<a>{'<sheet/>' * 3_000}</a>"}), "too many sheets"),
        (Bytes(b"\xef\xbb\xbf\n<html><table>"), "a web page or XML, whatever its name says"),
        (Bytes(b'[\n  {"userId": "1"}]'), "one JSON array"),
        (Bytes(b"name,phone\rZhang,1\r"), "row 1 is not valid CSV"),
        (Bytes(b"," * 500_000 + b"\n"), "more than 500 columns"),
        (Bytes(b"a," * 200_000 + b"\n" + b"1," * 200_000), "more than 500 columns"),
        (Bytes("row,field,reason (masked),姓名\n3,,,张*\n".encode()), "holds masked cells"),
        (Bytes(b"PAR1" + b"x" * 100 + b"PAR1"), "no Parquet"),
    ],
)
async def test_a_bomb_is_refused_before_it_goes_off(file: Bytes, reason: str) -> None:
    with pytest.raises(NotImportable, match=reason):
        await looked_at(file)


async def test_parquet() -> None:
    at = datetime(2024, 5, 1, tzinfo=UTC)
    table = pa.table({"user_id": [f"u{n}" for n in range(50)], "paid": [1.5] * 50, "at": [at] * 50})
    content = io.BytesIO()
    pq.write_table(table, content, row_group_size=20)
    file = Bytes(content.getvalue())
    document = await looked_at(file)
    assert ([(column.name, column.type) for column in document.columns], document.rows) == (
        [("user_id", "text"), ("paid", "number"), ("at", "date")],
        50,
    )
    rows = await rest(open_rows(file, document.form, document.names), 7)
    assert (rows[0], len(rows)) == (Row(1, ["u0", 1.5, at]), 50)
    await reads_on(file, document, rows)


def broken(content: bytes, place: int) -> Bytes:
    return Bytes(content[:place] + b"\xff" * 2_000 + content[place + 2_000 :])


async def test_what_is_broken_in_the_middle_is_told() -> None:
    texts = [f"{n * 7919 % 10007:x}" * 4 for n in range(20_000)]
    parquet, at = io.BytesIO(), [datetime(2024, 5, 1, tzinfo=UTC)] * 20_000
    pq.write_table(
        pa.table({"user_id": texts, "at": at}), parquet, row_group_size=5_000, use_dictionary=False
    )
    sheet = workbook(*(f"<row><c t='str'><v>{text}</v></c></row>" for text in texts)).content
    for content in (parquet.getvalue(), sheet):
        document = await looked_at(Bytes(content))
        file = broken(content, len(content) // 2)
        with pytest.raises(NotImportable, match=r"broken in the middle|can be read"):
            await rest(open_rows(file, document.form, document.names), 1_000)


async def test_times_that_python_does_not_have() -> None:
    at = pa.array([1714537800000000001, 9_000_000_000_000_000_000], pa.timestamp("ns"))
    far = pa.array([1, 900_000_000_000_000_000], pa.timestamp("us"))
    content = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays([at, pa.array(["1", "2"]), far], names=["at", "电话", "电话"]), content
    )
    file = Bytes(content.getvalue())
    document = await looked_at(file)
    assert document.names == ["at", "电话", "电话 (2)"]
    first, second = await rest(open_rows(file, document.form, document.names), 7)
    assert read_time(first.values[0], UTC) == "2024-05-01T04:30:00+00:00"
    with pytest.raises(Unreadable):
        read_time(second.values[2], UTC)
