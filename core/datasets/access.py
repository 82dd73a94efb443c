"""May ``refit_reader`` read a relation, and would it see every row?

Row-level security must never cut training data short in silence. By default a read runs with
``row_security = off``, where PostgreSQL itself refuses a query that a policy would filter. It
refuses even when the policy is ``using (true)``, which is what a Supabase user writes for
``refit_reader``. So the catalogue is asked first: only when every table under row-level security,
through views too, has an unconditional permissive policy and no restrictive one is the read
allowed with ``row_security = on``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.datasets.catalog import Relation
from core.datasets.connection import READER, Transaction
from core.datasets.identifiers import RelationName, quote_identifier
from core.errors import DataError

# Every relation that a read reaches, each with the role whose rights count there: a view's tables
# are read with the view owner's rights, those of a security_invoker view with the reader's.
_REACHED = """
with recursive reached as (
    select $1::oid as relation, r.oid as role
    from pg_catalog.pg_roles r
    where r.rolname = $2
    union
    select
        d.refobjid,
        case
            when coalesce(
                (
                    select o.option_value::boolean
                    from pg_catalog.pg_options_to_table(v.reloptions) o
                    where o.option_name = 'security_invoker'
                ),
                false
            )
                then (select r.oid from pg_catalog.pg_roles r where r.rolname = $2)
            else v.relowner
        end
    from reached
    join pg_catalog.pg_class v on v.oid = reached.relation and v.relkind = 'v'
    join pg_catalog.pg_rewrite w on w.ev_class = v.oid
    join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> v.oid
)
"""
_SECURITY = (
    _REACHED
    + """
select
    n.nspname::text as schema,
    c.relname::text as name,
    r.rolname::text as role,
    pg_catalog.has_any_column_privilege(r.oid, c.oid, 'SELECT') as may_select,
    c.relrowsecurity and not (r.rolsuper or r.rolbypassrls)
        and (c.relforcerowsecurity or not pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE'))
        as is_filtered,
    exists (
        select from pg_catalog.pg_policy p
        where p.polrelid = c.oid and p.polcmd in ('r', '*') and p.polpermissive
          and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'
          and exists (
              select from unnest(p.polroles) m
              where m = 0 or pg_catalog.pg_has_role(r.oid, m, 'USAGE')
          )
    ) as is_open,
    (
        select pg_catalog.string_agg(pg_catalog.quote_ident(p.polname), ', ')
        from pg_catalog.pg_policy p
        where p.polrelid = c.oid and p.polcmd in ('r', '*') and not p.polpermissive
          and pg_catalog.pg_get_expr(p.polqual, p.polrelid) is distinct from 'true'
          and exists (
              select from unnest(p.polroles) m
              where m = 0 or pg_catalog.pg_has_role(r.oid, m, 'USAGE')
          )
    ) as restrictive
from reached
join pg_catalog.pg_class c on c.oid = reached.relation and c.relkind <> 'S'
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles r on r.oid = reached.role
order by c.oid = $1::oid desc, 1, 2
"""
)
# A function that is not immutable may read tables itself: under row_security = on nobody would
# notice that it saw too few rows.
_OPAQUE_FUNCTIONS = (
    _REACHED
    + """
select distinct p.oid::regprocedure::text as function
from reached
join pg_catalog.pg_rewrite w on w.ev_class = reached.relation
join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
    and d.refclassid = 'pg_catalog.pg_proc'::regclass
join pg_catalog.pg_proc p on p.oid = d.refobjid and p.provolatile <> 'i'
order by 1
"""
)


@dataclass(frozen=True, kw_only=True)
class _Reached:
    """One relation that a read reaches, with the role whose rights count there."""

    schema: str
    name: str
    role: str
    may_select: bool
    is_filtered: bool
    is_open: bool
    restrictive: str | None

    @property
    def relation(self) -> RelationName:
        return RelationName(schema=self.schema, name=self.name)


def row_security_needed(tx: Transaction, relation: Relation, columns: Iterable[str]) -> str:
    """Check that every row of these columns can be read; how ``row_security`` must be set for it.

    Returns
    -------
    str
        ``off``, or ``on`` where row-level security applies and its policies let every row through.

    Raises
    ------
    DataError
        A privilege or a policy is missing; the hint holds the statements that mend it.
    """
    reached = _reached(tx, relation)
    grants = _missing_grants(tx, relation, tuple(columns), reached)
    if grants:
        raise DataError(
            f"The role {READER} may not read {relation.qualified_name}.",
            hint="Run: " + " ".join(grants),
        )
    filtered = [r for r in reached if r.is_filtered]
    for one in filtered:
        _require_open(relation, one)
    if filtered:
        _refuse_opaque_functions(tx, relation)
    return "on" if filtered else "off"


def _reached(tx: Transaction, relation: Relation) -> list[_Reached]:
    rows = [_Reached(**row) for row in tx.fetch_rows(_SECURITY, relation.oid, READER)]
    if not rows:
        raise DataError(f"The role {READER} does not exist.", hint="Run `refit migrate`.")
    return rows


def _missing_grants(
    tx: Transaction, relation: Relation, columns: tuple[str, ...], reached: list[_Reached]
) -> list[str]:
    """The GRANT statements that are missing, outermost first."""
    grants = []
    row = tx.fetch_rows(
        """
        select
            pg_catalog.has_schema_privilege($1, c.relnamespace, 'USAGE') as may_use,
            pg_catalog.has_table_privilege($1, c.oid, 'SELECT') as may_select
        from pg_catalog.pg_class c
        where c.oid = $2::oid
        """,
        READER,
        relation.oid,
    )[0]
    if not row["may_use"]:
        grants.append(f"grant usage on schema {quote_identifier(relation.schema)} to {READER};")
    if not row["may_select"] and not _may_select_columns(tx, relation, columns):
        grants.append(_grant(relation.relation_name, READER))
    grants += [_grant(r.relation, r.role) for r in reached[1:] if not r.may_select]
    return grants


def _may_select_columns(tx: Transaction, relation: Relation, columns: tuple[str, ...]) -> bool:
    """Whether the columns are granted one by one."""
    rows: list[dict[str, Any]] = tx.fetch_rows(
        """
        select a.attname::text as name
        from pg_catalog.pg_attribute a
        where a.attrelid = $2::oid and a.attnum > 0 and not a.attisdropped
          and pg_catalog.has_column_privilege($1, a.attrelid, a.attnum, 'SELECT')
        """,
        READER,
        relation.oid,
    )
    return set(columns) <= {row["name"] for row in rows}


def _grant(relation: RelationName, role: str) -> str:
    return f"grant select on {relation.quoted} to {quote_identifier(role)};"


def _require_open(relation: Relation, one: _Reached) -> None:
    """Refuse a table whose policies could hide a row from the role that reads it."""
    through = (
        "" if one.relation == relation.relation_name else f" (below {relation.qualified_name})"
    )
    if one.restrictive:
        raise DataError(
            f"Row-level security of {one.relation}{through} hides rows from {one.role}: "
            f"restrictive policy {one.restrictive}.",
            hint="Limit that policy to the roles that it is meant for: "
            f"alter policy {one.restrictive} on {one.relation.quoted} to authenticated;",
        )
    if not one.is_open:
        policy = quote_identifier(f"{one.role} may read")
        raise DataError(
            f"Row-level security of {one.relation}{through} hides rows from {one.role}.",
            hint=f"Run: create policy {policy} on {one.relation.quoted} "
            f"for select to {quote_identifier(one.role)} using (true);",
        )


def _refuse_opaque_functions(tx: Transaction, relation: Relation) -> None:
    functions = [r["function"] for r in tx.fetch_rows(_OPAQUE_FUNCTIONS, relation.oid, READER)]
    if functions:
        raise DataError(
            f"{relation.qualified_name} reads tables under row-level security and calls "
            f"{', '.join(functions)}, which may hide rows unseen.",
            hint="Make a materialized view of it, or a view without the function.",
        )
