"""Reports as pages to read and print, in Chinese or English, and as rows for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal, NamedTuple

from guanxi_kit import pages
from interaction_service.api.report_plots import Line, bars, lines
from interaction_service.application.reports import OF_OWNERS, Names

Language = Literal["zh", "en"]
Rows = list[list[Any]]
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "needs": "需求趋势",
        "issues": "问题分析",
        "team": "团队指标",
        "kinds": "类型",
        "reasons": "原因",
        "scenes": "场景",
        "stated": "已提出",
        "unmet": "未满足",
        "change": "较上期",
        "category": "类别",
        "cause": "原因",
        "cases": "数量",
        "share": "占比",
        "month_before": "上月",
        "solved": "已解决",
        "hours_to_solve": "平均解决小时",
        "reopened": "重新打开",
        "breached": "超时",
        "total": "合计",
        "owner": "负责人",
        "of_team": "团队",
        "responses": "首次响应数",
        "response_p50_seconds": "响应中位数（分钟）",
        "response_p90_seconds": "响应 P90（分钟）",
        "within_goal": "15 分钟内",
        "shares_drawn": "15 分钟内首次响应的占比",
        "contacts": "联系次数",
        "customers": "联系客户数",
        "contacts_per_customer": "每客户联系次数",
        "customers_at_goal": "达到 2 次的客户",
        "completeness": "数据完善率",
        "csat": "满意度：{dimension}",
        "csat_answers": "满意度回答数",
        "nps": "NPS",
        "nps_answers": "NPS 回答数",
        "none": "未指定",
        "nothing": "该期间没有数据。",
        "product": "产品",
        "service": "服务",
        "communication": "沟通",
    },
    "en": {
        "needs": "Trend of needs",
        "issues": "Analysis of issues",
        "team": "Figures of the team",
        "kinds": "Kind",
        "reasons": "Reason",
        "scenes": "Scene",
        "change": "Change",
        "category": "Category",
        "cause": "Cause",
        "cases": "Cases",
        "share": "Share",
        "month_before": "Month before",
        "hours_to_solve": "Hours to solve",
        "total": "Total",
        "owner": "Owner",
        "of_team": "Team",
        "responses": "First responses",
        "response_p50_seconds": "Response, median (min)",
        "response_p90_seconds": "Response, p90 (min)",
        "within_goal": "Within 15 min",
        "shares_drawn": "First responses within 15 min",
        "contacts_per_customer": "Contacts per customer",
        "customers_at_goal": "Customers with 2 or more",
        "csat": "Satisfaction: {dimension}",
        "csat_answers": "Answers",
        "nps": "NPS",
        "nps_answers": "Answers (NPS)",
        "none": "not named",
        "nothing": "There is nothing of this period.",
    },
}
_ISSUE = ("cases", "share", "month_before", "change", "solved", "hours_to_solve", "reopened", "breached")
_TEAM = (
    "responses",
    "response_p50_seconds",
    "response_p90_seconds",
    "within_goal",
    "contacts",
    "customers",
    "contacts_per_customer",
    "customers_at_goal",
    "completeness",
    "csat_answers",
    "nps",
    "nps_answers",
)
_SHARES = frozenset(("share", "within_goal", "customers_at_goal", "completeness"))


class Table(NamedTuple):
    """A part of a report: what it is about, a picture of it, and its rows below a head."""

    title: str
    picture: str
    head: Sequence[str]
    rows: Rows


def needs_tables(report: Mapping[str, Any], language: Language) -> list[Table]:
    """Return the weeks of each kind, reason and scene."""
    tables = []
    for group in ("reasons", "scenes", "kinds"):
        title, found = _word(group, language), report[group]
        drawn = [Line(_label(each, language), each["counts"]) for each in found]
        rows = [[_label(each, language), *each["counts"], each["change"]] for each in found]
        head = [title, *report["weeks"], _word("change", language)]
        tables.append(Table(title, lines(title, report["weeks"], drawn), head, rows))
    return tables


def issues_tables(report: Mapping[str, Any], language: Language) -> list[Table]:
    """Return a month's cases by category and cause."""
    head = [_word(name, language) for name in ("category", "cause", *_ISSUE)]
    rows = [
        [_word(each["category"] or "none", language), _cause(each, language), *_figures(each, _ISSUE)]
        for each in report["items"]
    ]
    if rows:
        rows.append([_word("total", language), "", *_figures(report["total"], _ISSUE)])
    drawn = [
        (f"{_word(each['category'] or 'none', language)} / {_cause(each, language)}", each["cases"])
        for each in report["items"]
    ]
    title = _word("cases", language)
    return [Table(title, bars(title, [(label, n, str(n)) for label, n in drawn]), head, rows)]


def team_tables(report: Mapping[str, Any], language: Language, dimensions: Names) -> list[Table]:
    """Return a month's figures by owner and by team; of `dimensions` the labels."""
    rated = list(report["total"]["csat"])
    labels = [dimensions[name][language] if name in dimensions else name for name in rated]
    satisfaction = [_word("csat", language).format(dimension=label) for label in labels]
    tables = []
    for group, name, word in (("owners", "owner", "owner"), ("teams", "team", "of_team")):
        title = _word(word, language)
        columns = _TEAM if name == "owner" else [each for each in _TEAM if each not in OF_OWNERS]
        named = [(each[name] or _word("none", language), each) for each in report[group]]
        if name == "owner" and named:
            named.append((_word("total", language), report["total"]))
        rows = [
            [who, *_figures(each, columns), *(each["csat"].get(code) for code in rated)]
            for who, each in named
        ]
        head = [title, *(_word(column, language) for column in columns), *satisfaction]
        about = _word("shares_drawn", language)
        picture = bars(about, [_share(*each) for each in named], full=1)
        tables.append(Table(title, f"<p>{escape(about)}</p>{picture}", head, rows))
    return tables


def _share(who: str, figures: Mapping[str, Any]) -> tuple[str, float, str]:
    share = figures["within_goal"]
    return who, share or 0, "–" if share is None else f"{share:.0%}"


def page(name: str, period: str, tables: Iterable[Table], language: Language) -> str:
    """Return a report as a page."""
    parts = "".join(
        f"<h2>{escape(each.title)}</h2>{each.picture}{pages.table(each.title, each.head, each.rows)}"
        for each in tables
        if each.rows
    )
    nothing = f"<p>{_word('nothing', language)}</p>"
    return f"{pages.begin(language, f'{_word(name, language)} {period}')}{parts or nothing}{pages.END}"


def sheet(tables: Iterable[Table]) -> Rows:
    """Return the rows of a spreadsheet: each table with its head."""
    rows: Rows = []
    for table in tables:
        rows += [list(table.head), *table.rows]
    return rows


def _figures(each: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    return [_figure(name, each[name]) for name in names]


def _figure(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _SHARES:
        return f"{value:.1%}"
    return round(value / 60, 1) if name.endswith("_seconds") else value


def _label(each: Mapping[str, Any], language: Language) -> str:
    labels = each["labels"]
    return str(labels[language]) if labels else _word(each["code"], language)


def _cause(each: Mapping[str, Any], language: Language) -> str:
    labels = each["labels"]
    return str(labels[language]) if labels else each["cause"] or _word("none", language)


def _word(name: str, language: Language) -> str:
    return _WORDS[language].get(name, name.replace("_", " "))
