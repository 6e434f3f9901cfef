"""From an item of a webhook's payload to messages, by the channel's declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from guanxi_kit.packs.channels import ChannelDocument, Inner, MappedMessage, Shape
from interaction_service.application.expressions import BadExpression, Expression, is_true, refill
from interaction_service.application.message import Malformed, Message, check_bounds
from interaction_service.application.submission import Given
from interaction_service.domain.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from interaction_service.domain.refusal import Refused

PAYLOAD = "_payload"
QUERY = "_query"
MOST_EXPRESSIONS = 200
MOST_BESIDE = 4_096
"""Bytes that are kept of what stood beside a refused item."""
_TEXTS = ("messageId", "event", "name", "category", "timestamp")
_IDS = ("userId", "anonymousId", "previousId", "groupId")
_OBJECTS = ("properties", "traits", "context")
_SNAKE = {"messageId": "message_id", "userId": "user_id", "anonymousId": "anonymous_id"}
_SNAKE |= {"previousId": "previous_id", "groupId": "group_id"}
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
_DIGEST = msgspec.json.Encoder(order="deterministic").encode
_UNENCODABLE = (ValueError, TypeError, OverflowError, RecursionError)
_Node = Expression | dict[str, Any] | list[Any]


class MappingProblem(NamedTuple):
    """What is wrong with a declaration: a dotted path within it, and why."""

    field: str
    reason: str


class BadMapping(ValueError):
    """The declaration cannot be used."""

    def __init__(self, problems: list[MappingProblem]) -> None:
        super().__init__("; ".join(f"{one.field}: {one.reason}" for one in problems))
        self.problems = problems


class _Rule(NamedTuple):
    condition: Expression | None
    kind: str
    scalars: tuple[tuple[str, bool, Expression], ...]
    """Attribute of the message, whether it must be a text, and the expression."""
    objects: tuple[tuple[str, _Node], ...]


class PayloadMapping:
    """A compiled declaration. Expressions see an item, and beside its members `_payload` and `_query`."""

    def __init__(self, document: ChannelDocument) -> None:
        """Raises BadMapping with everything that is wrong."""
        compiler = _Compiler()
        self._each = compiler.expression(document.each, "each") if document.each is not None else None
        self._rules = [compiler.rule(place, rule) for place, rule in enumerate(document.when)]
        if compiler.count > MOST_EXPRESSIONS:
            compiler.problems.append(MappingProblem("when", f"has more than {MOST_EXPRESSIONS} expressions"))
        if compiler.problems:
            raise BadMapping(compiler.problems)
        self._wide = compiler.wide

    def items(self, payload: Any, query: Mapping[str, str]) -> list[Any]:
        """Return the items of a payload. Raises Malformed."""
        found = payload
        if self._each is not None:
            refill()
            try:
                found = self._each.search(payload)
            except Refused as refused:
                raise Malformed(refused.field, refused.reason) from None
        items = found if isinstance(found, list) and self._each is not None else [found]
        if len(items) > MAX_BATCH_EVENTS:
            raise Malformed("each", f"finds more than {MAX_BATCH_EVENTS} items")
        if self._wide:
            beside = {PAYLOAD: payload, QUERY: query}
            items = [{**item, **beside} if isinstance(item, dict) else item for item in items]
        return [item for item in items if item is not None]

    def beside(self, item: Any) -> str | None:
        """Return what stands beside the members of an item, as JSON: without lists, which hold other items.

        None where nothing does that the item itself would not tell, or too much.
        """
        if self._each is None or not isinstance(item, dict) or PAYLOAD not in item:
            return None
        kept = _ENCODE({PAYLOAD: _without_lists(item[PAYLOAD]), QUERY: item[QUERY]})
        return kept.decode() if len(kept) <= MOST_BESIDE else None

    def again(self, item: Any, beside: str | None) -> Any:
        """Return an item that comes by itself as one of `items`, with what stood beside it."""
        if not self._wide or not isinstance(item, dict):
            return item
        return {**item, **({PAYLOAD: item, QUERY: {}} if beside is None else _DECODE(beside))}

    def messages(self, item: Any, seed: str | None = None) -> Iterator[Given]:
        """Yield the messages of an item, each or why it is refused; none when no rule is for it.

        A message without an id gets one of `seed`, or else of the item: the same item counts once.
        """
        refill()
        for place, rule in enumerate(self._rules):
            try:
                if rule.condition is not None and not is_true(rule.condition.search(item)):
                    continue
                message = _message(rule, item)
                if not message.message_id:
                    message.message_id = f"{seed or digest_of(item)}-{place}"
                yield message
            except Refused as refused:
                yield refused


def digest_of(item: Any) -> str:
    """Return what names an item that has no id: 32 hexadecimal digits. Raises Refused."""
    return sha256(written(item)).hexdigest()[:32]


def written(item: Any) -> bytes:
    """Return an item as JSON, without what stands beside its members. Raises Refused."""
    own = item
    if isinstance(item, dict):
        own = {name: value for name, value in item.items() if name not in (PAYLOAD, QUERY)}
    try:
        return _DIGEST(own)
    except _UNENCODABLE:
        raise Refused("", "cannot be written as JSON") from None


def _without_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return None if isinstance(value, list) else value
    return {name: _without_lists(inner) for name, inner in value.items()}


def _message(rule: _Rule, item: Any) -> Message:
    message = Message(type=rule.kind)
    for attribute, text, expression in rule.scalars:
        value = expression.search(item)
        if value is None:
            continue
        if type(value) is not str:
            if type(value) is not int:
                raise Refused(expression.name, "must be a text")
            value = str(value) if text else value
        setattr(message, attribute, value)
    left = MAX_EVENT_BYTES
    for name, node in rule.objects:
        try:
            raw = _ENCODE(_shaped(node, item))
        except _UNENCODABLE:
            raise Refused(name, "cannot be written as JSON") from None
        left -= len(raw)
        if left < 0:
            raise Refused(name, f"makes the message larger than {MAX_EVENT_BYTES} bytes")
        check_bounds(raw)
        setattr(message, name, msgspec.Raw(raw))
    return message


def _shaped(node: _Node, item: Any) -> Any:
    if isinstance(node, Expression):
        return node.search(item)
    if isinstance(node, list):
        return [_shaped(part, item) for part in node]
    found = ((name, _shaped(part, item)) for name, part in node.items())
    return {name: value for name, value in found if value is not None}


class _Compiler:
    def __init__(self) -> None:
        self.problems: list[MappingProblem] = []
        self.wide = False
        self.count = 0

    def expression(self, text: str, name: str, path: str | None = None) -> Expression | None:
        self.count += 1
        self.wide = self.wide or PAYLOAD in text or QUERY in text
        try:
            return Expression(text, name)
        except BadExpression as error:
            self.problems.append(MappingProblem(path or name, str(error)))
            return None

    def rule(self, place: int, rule: Any) -> _Rule:
        path = f"when.{place}"
        message: MappedMessage = rule.message
        condition = None
        if rule.condition is not None:
            condition = self.expression(rule.condition, f"{path}.if")
        scalars = []
        for name in (*_TEXTS, *_IDS):
            text = getattr(message, name)
            if text is not None and (found := self.expression(text, name, f"{path}.message.{name}")):
                scalars.append((_SNAKE.get(name, name), name in _TEXTS, found))
        objects = []
        for name in _OBJECTS:
            shape = getattr(message, name)
            if shape is not None:
                objects.append((name, self.shape(shape, name, f"{path}.message.{name}")))
        return _Rule(condition, message.type, tuple(scalars), tuple(objects))

    def shape(self, shape: Shape | Inner, name: str, path: str) -> _Node:
        if isinstance(shape, str):
            return self.expression(shape, name, path) or {}
        if isinstance(shape, dict):
            return {key: self.shape(part, f"{name}.{key}", f"{path}.{key}") for key, part in shape.items()}
        return [self.shape(part, f"{name}.{place}", f"{path}.{place}") for place, part in enumerate(shape)]
