"""Payloads of webhooks as JSON values, whatever they were: within bounds of depth and number of parts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from interaction_service.application.message import TOO_DEEP, UNREADABLE, Malformed, check_depth, explain
from interaction_service.domain.limits import MAX_DEPTH, MAX_PAYLOAD_PARTS
from interaction_service.domain.refusal import Refused

TOO_MANY = f"has more than {MAX_PAYLOAD_PARTS} parts"
_JSON = msgspec.json.Decoder()


def read_payload(decode: str, body: bytes) -> Any:
    """Return the value of a body that is `json`, a `form` or `xml`. Raises Malformed."""
    if decode == "xml":
        return _read_xml(body)
    if decode == "form":
        return _read_form(body)
    try:
        body.decode()
        check_depth(body)
        return _JSON.decode(body)
    except Refused as refused:
        raise Malformed(refused.field, refused.reason) from None
    except UNREADABLE as error:
        raise Malformed(*explain(error)) from None


def _read_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=MAX_PAYLOAD_PARTS, errors="strict"
        )
    except UnicodeDecodeError:
        raise Malformed("", "must be UTF-8") from None
    except ValueError:
        raise Malformed("", TOO_MANY) from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        _add(found, name, value)
    return found


def _read_xml(body: bytes) -> Any:
    """Return the root's content: elements by name (a list where one is repeated), `@name` its attributes."""
    target = _Target()
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        if isinstance(error, _OutOfBounds):
            raise Malformed("", str(error)) from None
        raise Malformed("", "is not valid XML, or declares a document type") from None
    return target.root


class _OutOfBounds(ValueError):
    """The document is too deep or has too many parts."""


class _Target:
    """Builds the value while the document is read, so that its bounds hold before it is all there."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self._parts = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._parts += 1 + len(attributes)
        if len(self._open) >= MAX_DEPTH:
            raise _OutOfBounds(TOO_DEEP)
        if self._parts > MAX_PAYLOAD_PARTS:
            raise _OutOfBounds(TOO_MANY)
        self._open.append((name, {f"@{key}": value for key, value in attributes.items()}, []))

    def data(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self, _: str) -> None:
        name, members, texts = self._open.pop()
        text = "".join(texts).strip()
        value: Any = text
        if members:
            value = {**members, "#text": text} if text else members
        if self._open:
            _add(self._open[-1][1], name, value)
        else:
            self.root = value

    def close(self) -> None:
        """Nothing is left open: the parser has seen to it."""


def _add(members: dict[str, Any], name: str, value: Any) -> None:
    there = members.get(name)
    if name not in members:
        members[name] = value
    elif isinstance(there, list):
        there.append(value)
    else:
        members[name] = [there, value]
