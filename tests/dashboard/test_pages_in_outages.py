"""When something is away or not set up, a page says so in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from core.database import PostgresDatabase
from core.domain import Role
from core.keys import hash_key, make_key
from core.store import LOCAL_ADMIN, Store
from tests.dashboard.visiting import HOME, is_page, visiting
from tests.functions.served import free_port, serving
from tests.worker.lab import Lab


@contextmanager
def without(lab: Lab, folder: Path, **variables: str | None) -> Iterator[httpx.Client]:
    given: dict[str, str | None] = {
        "DATABASE_URL": lab.database_url,
        "REDIS_URL": lab.redis_url,
        "REFIT_SESSION_SECRET": "a secret of the tests that is long enough",
    }
    kept = {name: value for name, value in (given | variables).items() if value is not None}
    with serving(folder, "main", **kept) as server, visiting(server) as http:
        yield http


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"REDIS_URL": None}, "REDIS_URL"),
        ({"REFIT_SESSION_SECRET": "short"}, "REFIT_SESSION_SECRET"),
        ({"DASHBOARD_URL": "nonsense"}, "DASHBOARD_URL"),
    ],
)
def test_what_is_not_configured_is_named_on_a_page(
    lab: Lab, tmp_path: Path, variables: dict[str, str | None], named: str
) -> None:
    with without(lab, tmp_path, **variables) as http:
        for place in ("", "/sign-in", "/jobs"):
            answer = http.get(HOME + place)
            assert is_page(answer, 503), (place, answer.status_code, answer.text)
            assert named in answer.text
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Cache-Control"] == "no-store"
        page = http.get("/ml-training", follow_redirects=True)
        assert is_page(page, 503)
        (style,) = re.findall(r'"(/ml-training/static/[^"]+css)"', page.text)
        assert http.get(style).status_code == 200


def test_while_the_database_is_away_a_page_says_so_and_the_session_stays(
    lab: Lab, database_url: str, postgres_admin: psycopg.Connection, tmp_path: Path
) -> None:
    change = sql.SQL("alter database {} allow_connections {}")
    name, key = database_url.rpartition("/")[2], make_key()
    database = PostgresDatabase(database_url)
    Store(database, actor=LOCAL_ADMIN).create_api_key(
        name="of the test", role=Role.OPERATOR, key_hash=hash_key(key)
    )
    database.close()
    with without(lab, tmp_path, DATABASE_URL=database_url) as http:
        assert http.post(f"{HOME}/sign-in/key", data={"key": key}).headers["Location"] == HOME
        postgres_admin.execute(change.format(sql.Identifier(name), sql.SQL("false")))
        postgres_admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        page = http.get(f"{HOME}/jobs")
        postgres_admin.execute(change.format(sql.Identifier(name), sql.SQL("true")))
        assert is_page(page, 503), page.status_code
        assert int(page.headers["Retry-After"]) > 0
        assert "Set-Cookie" not in page.headers
        assert http.get(f"{HOME}/jobs").status_code == 200


def test_while_the_queue_is_away_pages_are_shown(
    lab: Lab, keys: dict[str, str], tmp_path: Path
) -> None:
    with without(lab, tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") as http:
        http.post(f"{HOME}/sign-in/key", data={"key": keys["viewer"]})
        assert is_page(http.get(f"{HOME}/jobs"), 200)
