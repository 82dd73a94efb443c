"""Names of relations and columns: parsing what a person wrote, quoting for SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from core.errors import InvalidRequest

NAME_BYTES = 63  # PostgreSQL cuts longer names silently
_PART = r'(?:"(?:[^"]|"")+"|[^".]+)'
_RELATION = re.compile(rf'\s*(?:({_PART})\.)?({_PART}|[^"]+)\s*', re.DOTALL)


def quote_identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier, whatever characters it holds.

    >>> print(quote_identifier('a "b" c'))
    "a ""b"" c"
    """
    if not name or "\x00" in name:
        raise InvalidRequest(f"{name!r} cannot be a name in the database.")
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """``text`` as an SQL literal; only for statements that take no parameters, such as COMMENT."""
    if "\x00" in text:
        raise InvalidRequest("A text holds a NUL character, which PostgreSQL cannot store.")
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True, kw_only=True)
class RelationName:
    """A schema-qualified name of a table or view."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``name``, ``schema.name`` or SQL's ``"schema"."na""me"``.

        The schema defaults to public. Unlike in SQL an unquoted name keeps its case, so a name
        can be given as it is shown.
        """
        match = _RELATION.fullmatch(text)
        if match is None:
            raise InvalidRequest(
                f"{text!r} is not the name of a table or view.",
                hint='Write schema.name, or "schema"."name" when a name holds dots or quotes.',
            )
        schema, name = match.groups()
        return cls(schema=_unquote(schema or "public"), name=_unquote(name))

    @property
    def quoted(self) -> str:
        """For SQL: every part in quotes."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    def __str__(self) -> str:
        """For people and for storing: quoted only where :meth:`parse` needs it."""
        return ".".join(_quote_when_needed(part) for part in (self.schema, self.name))


def _unquote(part: str) -> str:
    part = part.strip()
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _quote_when_needed(part: str) -> str:
    return part if re.fullmatch(r"[^\W\d]\w*", part) else quote_identifier(part)
