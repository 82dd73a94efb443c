"""Which servers are started for which settings."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest
import redis

from core.embedded.stack import start_stack, stop_stack
from core.settings import Settings


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no .env of the developer's."""
    for name in ("DATABASE_URL", "SUPABASE_URL", "REDIS_URL", "REFIT_ARTIFACTS_URL", "REFIT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_with_nothing_configured_both_servers_are_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(monkeypatch, REFIT_HOME=str(home))
    stack = start_stack(wanted)
    with psycopg.connect(str(stack.database_url)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with redis.Redis.from_url(stack.redis_url) as client:
        assert client.ping()
    assert stack.artifacts_url == (home / "artifacts").as_uri()
    assert stat.S_IMODE((home / "artifacts").stat().st_mode) == 0o700
    assert stack.environ() == {
        "DATABASE_URL": stack.database_url,
        "REDIS_URL": stack.redis_url,
        "REFIT_ARTIFACTS_URL": stack.artifacts_url,
        "REFIT_HOME": str(home),
    }
    assert start_stack(wanted) == stack
    stop_stack(home)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(str(stack.database_url))
    with redis.Redis.from_url(stack.redis_url) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    assert start_stack(wanted) == stack


def test_configured_addresses_are_used_and_nothing_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = start_stack(
        settings(
            monkeypatch,
            REFIT_HOME=str(home),
            DATABASE_URL="postgresql://somebody@database.example/app",
            REDIS_URL="rediss://queue.example",
            REFIT_ARTIFACTS_URL="s3://bucket/models",
        )
    )
    assert stack.environ() == {
        "DATABASE_URL": "postgresql://somebody@database.example/app",
        "REDIS_URL": "rediss://queue.example",
        "REFIT_ARTIFACTS_URL": "s3://bucket/models",
        "REFIT_HOME": str(home),
    }
    assert list(home.iterdir()) == []
    stop_stack(home)


def test_a_supabase_project_without_a_database_address_gets_no_local_database(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = start_stack(
        settings(
            monkeypatch,
            REFIT_HOME=str(home),
            SUPABASE_URL="https://project.example",
            REDIS_URL="redis://queue.example",
        )
    )
    assert stack.database_url is None
    assert "DATABASE_URL" not in stack.environ()
    assert not (home / "postgres").exists()


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = start_stack(
        settings(
            monkeypatch,
            REFIT_HOME="some/home",
            DATABASE_URL="postgresql://database.example/app",
            REDIS_URL="redis://queue.example",
        )
    )
    assert stack.home == tmp_path / "some" / "home"
    assert stack.artifacts_url == (tmp_path / "some" / "home" / "artifacts").as_uri()
