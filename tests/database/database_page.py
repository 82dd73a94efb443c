"""The lists of docs/database.md, made from the catalogue's own comments.

``python -m tests.database.database_page`` writes them anew; a test compares.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import psycopg
from psycopg.rows import DictRow, dict_row

from core.database.migrations import migrate
from core.embedded.postgres import EmbeddedPostgres

PAGE = Path(__file__).parents[2] / "docs" / "database.md"
_PART = re.compile(r"(<!-- made from the catalogue: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

TABLES = """
select c.oid::regclass::text as name, obj_description(c.oid, 'pg_class') as comment
from pg_class as c
where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = %s::regnamespace
order by 1
"""
WORDS = """
select t.typname as name, obj_description(t.oid, 'pg_type') as comment,
    (select string_agg('`' || e.enumlabel || '`', ', ' order by e.enumsortorder)
    from pg_enum as e where e.enumtypid = t.oid) as words
from pg_type as t
where t.typtype = 'e' and t.typnamespace = 'public'::regnamespace
order by 1
"""
FUNCTIONS = """
select p.proname as name, obj_description(p.oid, 'pg_proc') as comment,
    coalesce((
        select string_agg(substr(a.name, 3), ', ' order by a.position)
        from unnest(p.proargnames) with ordinality as a (name, position)
        where a.name <> 'p_actor'
    ), '') as arguments
from pg_proc as p
where p.pronamespace = 'public'::regnamespace
order by 1
"""


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _table(*heads: str) -> str:
    return _line(*heads) + "|" + "---|" * len(heads) + "\n"


def _tables(connection: psycopg.Connection[DictRow], schema: str) -> str:
    rows = connection.execute(TABLES, (schema,)).fetchall()
    return _table("table", "what it holds") + "".join(
        _line(f"`{r['name'].removeprefix('private.')}`", r["comment"]) for r in rows
    )


def _words(connection: psycopg.Connection[DictRow]) -> str:
    rows = connection.execute(WORDS).fetchall()
    return _table("type", "words", "what they say") + "".join(
        _line(f"`{r['name']}`", r["words"], r["comment"]) for r in rows
    )


def _functions(connection: psycopg.Connection[DictRow], kind: str) -> str:
    text = _table("function", "role", "what it does")
    for row in connection.execute(FUNCTIONS).fetchall():
        head, _, sentence = row["comment"].partition(": ")
        word, _, role = head.partition(", ")
        if word == kind:
            text += _line(f"`{row['name']}({row['arguments']})`", role or "service role", sentence)
    return text


def parts(connection: psycopg.Connection[DictRow]) -> dict[str, str]:
    """The lists by the names that their markers have."""
    return {
        "public_tables": _tables(connection, "public"),
        "private_tables": _tables(connection, "private"),
        "words": _words(connection),
        "reads": _functions(connection, "read"),
        "requests": _functions(connection, "request"),
        "machinery": _functions(connection, "machinery"),
    }


def written_anew(page: str, connection: psycopg.Connection[DictRow]) -> str:
    """The page with its lists as the catalogue has them."""
    lists = parts(connection)
    found = [match[2] for match in _PART.finditer(page)]
    if sorted(found) != sorted(lists):
        raise ValueError(f"The page has lists named {found}, not {list(lists)}.")
    return _PART.sub(lambda match: match[1] + "\n" + lists[match[2]] + "\n" + match[3], page)


def main() -> None:
    """Write the lists of the page from a database made for it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", options={"fsync": "off"})
        url = server.start()
        try:
            migrate(url)
            with psycopg.connect(url, row_factory=dict_row) as connection:
                PAGE.write_text(written_anew(PAGE.read_text(), connection))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
