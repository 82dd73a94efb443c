"""The tests that customers run on their own project hold here too.

The embedded PostgreSQL has no pgTAP: a few lines stand in for the five functions that are used.
"""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

FILES = sorted((Path(__file__).parents[2] / "supabase" / "tests").glob("*.sql"))
EXTENSION = "create extension if not exists pgtap;"
STAND_IN = """
create function public.plan(integer) returns text language sql
as $$ select '1..' || $1 $$;
create function public.ok(boolean, text) returns text language sql
as $$ select case when $1 then 'ok ' else 'not ok ' end || $2 $$;
create function public.is(anyelement, anyelement, text) returns text language sql
as $$ select public.ok($1 is not distinct from $2, $3) $$;
create function public.throws_ok(text, text, text, text) returns text language plpgsql
as $$
begin
    execute $1;
    return public.ok(false, $4);
exception
    when others then
        return public.ok(sqlstate = $2, $4);
end
$$;
create function public.finish() returns setof text language sql
as $$ select null::text where false $$;
"""


def results(connection: psycopg.Connection, script: str) -> list[str]:
    """What the statements of a file said, line by line."""
    lines: list[str] = []
    cursor = connection.execute(script.encode())
    for result in cursor.results():
        if result.description is not None:
            lines += [str(row[0]) for row in result.fetchall()]
    return lines


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_file_passes_and_keeps_to_its_plan(database_url: str, file: Path) -> None:
    script = file.read_text()
    assert EXTENSION in script
    assert script.rstrip().endswith("rollback;")

    with psycopg.connect(database_url, autocommit=True) as connection:
        said = results(connection, script.replace(EXTENSION, STAND_IN))

    planned = re.fullmatch(r"1\.\.(\d+)", said[0])
    assert planned is not None
    assert [line for line in said[1:] if not line.startswith("ok ")] == []
    assert len(said[1:]) == int(planned[1])
