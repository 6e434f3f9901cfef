"""YAML that remembers where every value stands, so that an error can name the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

FieldPath = tuple[str | int, ...]


class LocatedYamlError(ValueError):
    """The text cannot be read; `line` counts from 1, `path` is the nearest field."""

    def __init__(self, line: int, path: FieldPath, reason: str) -> None:
        self.line, self.path, self.reason = line, path, reason
        super().__init__(f"{line}: {reason}")


@dataclass(frozen=True)
class LocatedYaml:
    """A document and the line of each of its fields."""

    value: Any
    lines: dict[FieldPath, int]

    def line_of(self, path: FieldPath) -> int:
        """Line of the field, or of its nearest ancestor that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


_SCALARS: dict[str, tuple[str, tuple[str, ...]]] = {
    "bool": (r"^(?:true|false)$", ("t", "f")),
    "null": (r"^(?:null|~|)$", ("n", "~", "")),
    "int": (r"^[-+]?(?:0|[1-9][0-9]*)$", tuple("-+0123456789")),
    "float": (r"^[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$", tuple("-+0123456789")),
}
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in (*_SCALARS, "str", "seq", "map")}


def _plain(base: type[yaml.SafeLoader]) -> type[yaml.SafeLoader]:
    """`base` with the booleans, numbers and nulls of YAML 1.2: `no`, `on`, `1:30` and dates stay text."""
    loader: type[yaml.SafeLoader] = type("Loader", (base,), {"yaml_implicit_resolvers": {}})
    for kind, (pattern, first) in _SCALARS.items():
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), list(first))
    return loader


_LOADER = _plain(yaml.SafeLoader)
# libyaml's, ten times as fast, where the package was built with it.
_FAST_LOADER = _plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_NESTING = re.compile(r"[\[{?:-]")
_FAST_NESTING = 1000
"""The fast loader has no end to its recursion but the stack's; every level takes at least one of these characters."""


class _Reader:
    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._seen: set[int] = set()
        self.lines: dict[FieldPath, int] = {}

    def read(self, node: yaml.Node, path: FieldPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if id(node) in self._seen:
            raise LocatedYamlError(line, path, "anchors and aliases are not allowed")
        self._seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            raise LocatedYamlError(line, path, f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, place)) for place, item in enumerate(node.value)]
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise LocatedYamlError(line, path, str(error).partition("\n")[0]) from error

    def _mapping(self, node: yaml.MappingNode, path: FieldPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise LocatedYamlError(line, path, "a field name must be plain text")
            key = str(key_node.value)
            if key in result:
                raise LocatedYamlError(line, (*path, key), "is given twice")
            self.lines[(*path, key)] = line
            result[key] = self.read(value_node, (*path, key))
        return result


def read_yaml(text: str) -> LocatedYaml:
    """Return the one document in `text` with its lines. Raises LocatedYamlError."""
    fast = len(_NESTING.findall(text)) < _FAST_NESTING
    try:
        loader = (_FAST_LOADER if fast else _LOADER)(text)
        node = loader.get_single_node()
        if node is None:
            raise LocatedYamlError(1, (), "is empty")
        reader = _Reader(loader)
        return LocatedYaml(reader.read(node, ()), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LocatedYamlError(mark.line + 1 if mark else 1, (), error.problem or "is not YAML") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise LocatedYamlError(1, (), f"is not YAML: {str(error).partition(chr(10))[0]}") from error
