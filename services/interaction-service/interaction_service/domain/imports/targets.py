"""What a column may become, and the names that suggest it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from interaction_service.domain.imports.columns import Column
from interaction_service.domain.imports.values import ColumnType

Form = Literal["text", "number", "date", "time", "json"]

FIELDS = {
    "message_id": "messageId",
    "row_key": "messageId",
    "type": "type",
    "event": "event",
    "name": "name",
    "timestamp": "timestamp",
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "group_id": "groupId",
    "traits": "traits",
    "properties": "properties",
    "context": "context",
}
"""Targets that are a field of the message, and its name there."""
OBJECTS = frozenset(("traits", "properties", "context"))
TRAIT, PROPERTY, IDENTIFIER = "trait.", "property.", "identifier."

_SEPARATORS = re.compile(r"[\s_\-./()（）:：*#]+")
_ALIASES: Mapping[str, str] = {
    "trait.phone": (
        "phone mobile phonenumber mobilephone tel telephone cell cellphone 手机 手机号 "
        "手机号码 电话 电话号码 联系电话 联系方式"
    ),
    "trait.email": "email mail emailaddress 邮箱 电子邮箱 邮件 电子邮件",
    "trait.name": "name fullname customername 姓名 名字 客户姓名 客户名称 顾客姓名 联系人",
    "trait.gender": "gender sex 性别",
    "trait.birthday": "birthday birthdate dateofbirth dob 生日 出生日期 出生年月",
    "trait.city": "city town 城市 所在城市",
    "trait.address": "address 地址 住址 联系地址 收货地址",
    "trait.company": "company organisation organization employer 公司 单位 公司名称 工作单位",
    "trait.title": "title jobtitle position 职位 职务",
    "identifier.member_number": "membernumber memberno memberid membership cardno 会员号 会员编号 会员卡号 卡号 会员",
    "identifier.wechat_unionid": "unionid wechatunionid 微信unionid",
    "identifier.wecom_external_id": "wecomexternalid externaluserid 外部联系人id 企业微信id",
    "user_id": (
        "id userid customerid customerno customernumber uid 用户id 用户编号 客户id 客户编号 客户号 客户代码"
    ),
    "anonymous_id": "anonymousid 匿名id",
    "group_id": "groupid accountid 企业编号 单位编号",
    "message_id": "messageid eventid 消息id 事件id",
    "type": "type 消息类型",
    "event": "event eventname 事件 事件名称",
    "timestamp": (
        "timestamp time datetime date occurredat createdat orderdate ordertime paidat 时间 "
        "日期 发生时间 下单时间 订单时间 订单日期 消费时间 消费日期 付款时间 支付时间 "
        "交易时间 交易日期 创建时间"
    ),
    "row_key": "orderid orderno ordernumber transactionid 订单号 订单编号 单号 交易号 流水号",
    "traits": "traits",
    "properties": "properties",
    "context": "context",
    "property.amount": (
        "amount total revenue paid price value 金额 总金额 订单金额 实付金额 实付 消费金额 交易金额 总额"
    ),
    "property.quantity": "quantity qty count 数量 件数",
    "property.currency": "currency 币种 货币",
}
_BY_NAME = {alias: target for target, aliases in _ALIASES.items() for alias in aliases.split()}
_OF_TRAITS = {"phone": "trait.phone", "email": "trait.email"}


@dataclass(frozen=True, slots=True)
class Declared:
    """What the pack declares: traits by name with their labels, types of identifiers, and its first purchase event.

    `amount` and `quantity` are the properties that hold its figures.
    """

    traits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dates: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    purchase: str | None = None
    amount: str = "revenue"
    quantity: str = "quantity"
    currency: str = "currency"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the columns of a file probably are: the kind of message, its event, and a target for each column."""

    kind: str | None
    event: str | None
    targets: Mapping[str, str]


def suggest(columns: Sequence[Column], declared: Declared) -> Suggestion:
    """Return a mapping by the names of the columns. What the pack declares comes first; each target is used once."""
    named = _declared_names(declared)
    targets: dict[str, str] = {}
    for column in columns:
        target = named.get(plain(column.name)) or _by_alias(column, declared)
        if target is not None and target not in targets.values():
            targets[column.name] = target
    _by_type(columns, targets)
    kind, event = _kind(targets, declared)
    if kind == "track":
        for column in columns:
            if column.type != "empty":
                targets.setdefault(column.name, PROPERTY + column.name)
    else:
        targets = {name: target for name, target in targets.items() if not target.startswith(PROPERTY)}
    return Suggestion(kind, event, targets)


def form_of(type_: ColumnType, target: str, declared: Declared) -> Form:
    """Return how the cells of a column that look so are read for a target."""
    if target == "timestamp":
        return "time"
    if target in OBJECTS or (target.startswith((TRAIT, PROPERTY)) and type_ == "object"):
        return "json"
    name = target.removeprefix(TRAIT)
    if name != target:
        return "date" if name in declared.dates else "number" if name in declared.numbers else "text"
    figures = {declared.amount, declared.quantity}
    figure = target.removeprefix(PROPERTY) in figures
    return "number" if figure or (target.startswith(PROPERTY) and type_ == "number") else "text"


def plain(name: str) -> str:
    """Return a name as it is compared: in lower case, without spaces and signs."""
    return _SEPARATORS.sub("", name.lower())


def _declared_names(declared: Declared) -> dict[str, str]:
    return {plain(each): TRAIT + name for name, labels in declared.traits.items() for each in (name, *labels)}


def _by_alias(column: Column, declared: Declared) -> str | None:
    target = _BY_NAME.get(plain(column.name))
    if target is None:
        return None
    if target.startswith(IDENTIFIER) and target.removeprefix(IDENTIFIER) not in declared.identifiers:
        return None
    if target == "row_key" and not column.distinct:
        return None
    figures = {"amount": declared.amount, "quantity": declared.quantity, "currency": declared.currency}
    return PROPERTY + figures[target.removeprefix(PROPERTY)] if target.startswith(PROPERTY) else target


def _by_type(columns: Sequence[Column], targets: dict[str, str]) -> None:
    """Give columns of phones and addresses whose names say nothing to the person, unless another one has the place."""
    for column in columns:
        target = _OF_TRAITS.get(column.type)
        if target is not None and column.name not in targets and target not in targets.values():
            targets[column.name] = target


def _kind(targets: Mapping[str, str], declared: Declared) -> tuple[str | None, str | None]:
    told = set(targets.values())
    if "type" in told:
        return None, None
    if "event" in told:
        return "track", None
    if PROPERTY + declared.amount in told and "timestamp" in told and declared.purchase is not None:
        return "track", declared.purchase
    return "identify", None
