"""Models as bytes: the skops format, made canonical so that equal models have equal bytes.

skops names the members of its zip archive after object ids and dates them with the clock, so two
dumps of one object differ. Here ids and member names are numbered in order of appearance, sets are
sorted, and every member carries the zip format's oldest date. What is left depends on the model,
on the library versions, and on the number of OpenMP threads (scikit-learn stores that number).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_SCHEMA = "schema.json"
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3  # the "made by" byte; zipfile's default is the platform's
_COMPRESSION_LEVEL = 6


def content_hash(data: bytes) -> str:
    """SHA-256 of an artifact's bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def canonicalise(archive: bytes) -> bytes:
    """Rewrite a skops archive so that it depends on the model alone; skops still loads it.

    Parameters
    ----------
    archive
        What ``skops.io.dumps`` gave.

    Returns
    -------
    bytes
        The canonical archive: ``schema.json`` first, then its members in order of appearance.
    """
    with ZipFile(io.BytesIO(archive)) as source:
        schema = json.loads(source.read(_SCHEMA))
        renumbering = _Renumbering(schema)
        members = [(_SCHEMA, json.dumps(renumbering.rewrite(schema)).encode())]
        members += [(new, source.read(old)) for old, new in renumbering.names.items()]
    target = io.BytesIO()
    with ZipFile(target, "w") as archive_file:
        for name, content in members:
            info = ZipInfo(name, _OLDEST_DATE)
            info.create_system = _UNIX
            archive_file.writestr(info, content, ZIP_DEFLATED, _COMPRESSION_LEVEL)
    return target.getvalue()


class _Renumbering:
    """New ids and member names, given in the order in which the schema mentions the old ones."""

    def __init__(self, schema: dict[str, Any]) -> None:
        # An id says that two places hold the same object. Most objects have one place, and for
        # plain values (JsonNode) sharing is an accident of interning: neither keeps its id.
        counts = Counter(node["__id__"] for node in _nodes(schema) if _has_identity(node))
        self._shared = {identity for identity, count in counts.items() if count > 1}
        self._numbers: dict[int, int] = {}
        self.names: dict[str, str] = {}

    def rewrite(self, value: Any) -> Any:
        """The value with new ids and names in it."""
        if isinstance(value, list):
            return [self.rewrite(item) for item in value]
        if not isinstance(value, dict):
            return value
        if not _is_node(value):
            return {key: self.rewrite(item) for key, item in value.items()}
        return self._rewrite_node(value)

    def _rewrite_node(self, node: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        if _has_identity(node) and node["__id__"] in self._shared:
            # From 1: skops takes an id of 0 for none at all.
            new["__id__"] = self._numbers.setdefault(node["__id__"], len(self._numbers) + 1)
        for key, item in _in_fixed_order(node).items():
            if key == "file":
                suffix = item[item.rindex(".") :]
                new[key] = self.names.setdefault(item, f"{len(self.names) + 1}{suffix}")
            elif key != "__id__":
                new[key] = self.rewrite(item)
        return new


def _is_node(value: dict[str, Any]) -> bool:
    """Whether this is a node of skops and not a mapping of a user's keys to nodes."""
    return isinstance(value.get("__loader__"), str)


def _has_identity(node: dict[str, Any]) -> bool:
    return "__id__" in node and node["__loader__"] != "JsonNode"


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        if _is_node(value):
            yield value
        for item in value.values():
            yield from _nodes(item)


def _in_fixed_order(node: dict[str, Any]) -> dict[str, Any]:
    """The node with a set's items sorted: their own order follows the hash seed."""
    if node["__loader__"] == "SetNode":
        return node | {"content": sorted(node["content"], key=_sort_key)}
    if node["__class__"] == "frozenset" and node["__loader__"] == "ConstructorFromReduceNode":
        arguments = node["content"]
        items = arguments["content"][0]
        items = items | {"content": sorted(items["content"], key=_sort_key)}
        return node | {"content": arguments | {"content": [items]}}
    return node


def _sort_key(item: dict[str, Any]) -> str:
    return json.dumps(_without_identity(item), sort_keys=True)


def _without_identity(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_identity(item) for item in value]
    if not isinstance(value, dict):
        return value
    is_node = _is_node(value)
    return {
        key: _without_identity(item)
        for key, item in value.items()
        if not (is_node and key in {"__id__", "file"})
    }
