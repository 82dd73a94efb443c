"""What PostgreSQL's catalogue says about relations and their columns."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.datasets.connection import Transaction
from core.datasets.identifiers import RelationName
from core.errors import DataError

RELATION_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}


class ColumnKind(StrEnum):
    """What a column's type means to a model; a domain counts as the type below it."""

    INTEGER = "integer"
    FLOAT = "float"
    NUMERIC = "numeric"  # exact decimals, read as float8
    BOOLEAN = "boolean"
    TEXT = "text"  # every string type, enums
    IDENTIFIER = "identifier"  # uuid and network addresses: readable as text, no default feature
    JSON = "json"  # readable as text, no default feature
    TIMESTAMP = "timestamp"  # without time zone: taken as UTC
    TIMESTAMPTZ = "timestamptz"
    DATE = "date"
    DURATION = "duration"  # interval and time of day, read as seconds
    UNSUPPORTED = "unsupported"  # arrays, composites, ranges, binary, geometry, vectors

    @property
    def is_time(self) -> bool:
        """Whether a column of this kind can say when something happened."""
        return self in {ColumnKind.TIMESTAMP, ColumnKind.TIMESTAMPTZ, ColumnKind.DATE}


_KIND_OF_TYPE = {
    **dict.fromkeys(("int2", "int4", "int8"), ColumnKind.INTEGER),
    **dict.fromkeys(("float4", "float8"), ColumnKind.FLOAT),
    **dict.fromkeys(("numeric", "money"), ColumnKind.NUMERIC),
    "bool": ColumnKind.BOOLEAN,
    **dict.fromkeys(("uuid", "inet", "cidr", "macaddr", "macaddr8"), ColumnKind.IDENTIFIER),
    **dict.fromkeys(("json", "jsonb", "xml"), ColumnKind.JSON),
    "timestamp": ColumnKind.TIMESTAMP,
    "timestamptz": ColumnKind.TIMESTAMPTZ,
    "date": ColumnKind.DATE,
    **dict.fromkeys(("interval", "time"), ColumnKind.DURATION),
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a relation."""

    name: str
    type: str  # as PostgreSQL writes it, e.g. numeric(10,2)
    base_type: str  # the type's own name below domains, e.g. numeric
    kind: ColumnKind
    nullable: bool


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table or view, as the catalogue describes it."""

    oid: int
    schema: str
    name: str
    kind: str  # table, partitioned table, view, materialized view, foreign table
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]  # empty where there is none, as for every view
    row_security: bool

    @property
    def relation_name(self) -> RelationName:
        """The schema-qualified name."""
        return RelationName(schema=self.schema, name=self.name)

    @property
    def qualified_name(self) -> str:
        """For people and for ``ModelType.source_relation``, e.g. ``public.content_posts``."""
        return str(self.relation_name)

    def column(self, name: str) -> Column:
        """The column of that name; DataError with near names when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(
            f"{self.qualified_name} has no column {name!r}.",
            hint=_near(name, (c.name for c in self.columns)),
        )

    def require_time(self, name: str, role: str = "time column") -> Column:
        """The column of that name if it is a timestamp or date, else DataError."""
        column = self.column(name)
        if column.kind.is_time:
            return column
        times = [c.name for c in self.columns if c.kind.is_time]
        raise DataError(
            f"The {role} {name!r} of {self.qualified_name} is {column.type}, "
            "not a timestamp or date.",
            hint=f"Columns that are: {', '.join(times)}."
            if times
            else "Make a view that converts it, e.g. with to_timestamp(…).",
        )


def find_relation(tx: Transaction, relation: str) -> Relation:
    """Describe a table or view; DataError with near names when there is none."""
    name = RelationName.parse(relation)
    rows = tx.fetch_rows(
        """
        select c.oid::int8 as oid, c.relkind::text as kind, c.relrowsecurity as row_security
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname::text = $1 and c.relname::text = $2
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
        """,
        name.schema,
        name.name,
    )
    if not rows:
        raise DataError(f"There is no table or view {name}.", hint=_near_relations(tx, name))
    columns = _columns(tx, rows[0]["oid"])
    return Relation(
        oid=rows[0]["oid"],
        schema=name.schema,
        name=name.name,
        kind=RELATION_KINDS[rows[0]["kind"]],
        columns=tuple(column for column, _ in columns),
        primary_key=tuple(
            c.name for c, position in sorted(columns, key=lambda p: p[1]) if position
        ),
        row_security=rows[0]["row_security"],
    )


def _columns(tx: Transaction, oid: int) -> list[tuple[Column, int]]:
    """The columns in order, each with its place in the primary key (0: not in it)."""
    rows = tx.fetch_rows(
        """
        with recursive below as (
            select a.attnum, a.atttypid as type_oid
            from pg_catalog.pg_attribute a
            where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
            union all
            select below.attnum, t.typbasetype
            from below
            join pg_catalog.pg_type t on t.oid = below.type_oid
            where t.typtype = 'd'
        )
        select
            a.attname::text as name,
            pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
            t.typname::text as base_type,
            t.typtype::text as type_type,
            t.typcategory::text as category,
            not a.attnotnull as nullable,
            coalesce(pg_catalog.array_position(k.conkey, a.attnum), 0) as key_position
        from below
        join pg_catalog.pg_type t on t.oid = below.type_oid and t.typtype <> 'd'
        join pg_catalog.pg_attribute a on a.attrelid = $1::oid and a.attnum = below.attnum
        left join pg_catalog.pg_constraint k on k.conrelid = a.attrelid and k.contype = 'p'
        order by a.attnum
        """,
        oid,
    )
    return [
        (
            Column(
                name=row["name"],
                type=row["type"],
                base_type=row["base_type"],
                kind=_kind(row["base_type"], row["type_type"], row["category"]),
                nullable=row["nullable"],
            ),
            row["key_position"],
        )
        for row in rows
    ]


def _kind(base_type: str, type_type: str, category: str) -> ColumnKind:
    if type_type == "e" or category == "S" or base_type == "char":
        return ColumnKind.TEXT
    if type_type == "b":
        return _KIND_OF_TYPE.get(base_type, ColumnKind.UNSUPPORTED)
    return ColumnKind.UNSUPPORTED


def _near_relations(tx: Transaction, name: RelationName) -> str:
    rows = tx.fetch_rows(
        """
        select n.nspname::text as schema, c.relname::text as name
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
          and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
        order by 1, 2
        limit 10000
        """
    )
    known = [RelationName(**row) for row in rows]
    elsewhere = [str(k) for k in known if k.name.lower() == name.name.lower()]
    if elsewhere:
        return f"Did you mean {' or '.join(elsewhere[:3])}?"
    return _near(str(name), (str(k) for k in known))


def _near(wanted: str, known: Iterable[str]) -> str:
    """A hint that names what was probably meant."""
    names = list(known)
    by_lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(by_lower[c]) for c in close)}?"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"There are: {shown}." if names else "There are none at all."
