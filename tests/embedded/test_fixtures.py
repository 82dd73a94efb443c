"""Each test has a database and a queue of its own."""

from __future__ import annotations

import psycopg
import pytest
import redis


@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_writes_no_other_test_sees(
    database_url: str, empty_database_url: str, redis_url: str, turn: int
) -> None:
    for url in (database_url, empty_database_url):
        with psycopg.connect(url) as connection:
            connection.execute("create table written (turn int)")
            connection.execute("insert into written values (%s)", [turn])
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("written", turn)


def test_a_database_has_all_migrations_and_an_empty_one_none(
    database_url: str, empty_database_url: str
) -> None:
    query = "select count(*) from pg_tables where schemaname = 'public' and tablename like 'ml_%%'"
    counts = []
    for url in (database_url, empty_database_url):
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()
            assert row
            counts.append(row[0])
    assert counts[0] >= 6
    assert counts[1] == 0
